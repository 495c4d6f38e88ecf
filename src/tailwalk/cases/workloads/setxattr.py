# SPDX-License-Identifier: GPL-2.0-or-later
"""setxattr(2) of an attribute that is not there."""

from tailwalk.cases.workload import Workload
from tailwalk.cases.xattr import ATTRIBUTED

WORKLOAD = Workload(
    name="setxattr", family="names", pattern="setxattr_u{value}",
    call="setxattr(2) that makes the attribute, in a free block where it needs one",
    outside="removexattr(2), and fsync(2)", counted="median", most_calls=250, needs=(ATTRIBUTED,))
