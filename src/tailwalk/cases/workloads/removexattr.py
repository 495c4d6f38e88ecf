# SPDX-License-Identifier: GPL-2.0-or-later
"""removexattr(2)."""

from tailwalk.cases.workload import Workload
from tailwalk.cases.xattr import ATTRIBUTED

WORKLOAD = Workload(
    name="removexattr", family="names", pattern="removexattr_u{value}", call="removexattr(2)",
    outside="setxattr(2) of the attribute, and fsync(2)",
    counted="median", most_calls=250, needs=(ATTRIBUTED,))
