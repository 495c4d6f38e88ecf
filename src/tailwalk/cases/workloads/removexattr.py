# SPDX-License-Identifier: GPL-2.0-or-later
"""removexattr(2)."""

from tailwalk.cases.workload import Workload
from tailwalk.cases.xattr import VALUE

WORKLOAD = Workload(
    name="removexattr", family="names", pattern="removexattr_u{value}",
    call="removexattr(2) of an attribute of {value} bytes",
    outside="setxattr(2) that makes the attribute", counted="median", parameters=(VALUE,))
