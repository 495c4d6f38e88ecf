# SPDX-License-Identifier: GPL-2.0-or-later
"""setxattr(2) of an attribute that is not there."""

from tailwalk.cases.workload import Workload
from tailwalk.cases.xattr import VALUE

WORKLOAD = Workload(
    name="setxattr", family="names", pattern="setxattr_u{value}",
    call="setxattr(2) that makes an attribute of {value} bytes",
    outside="removexattr(2) of what the last call made, and fsync(2)", counted="median",
    parameters=(VALUE,))
