# SPDX-License-Identifier: GPL-2.0-or-later
"""listxattr(2)."""

from tailwalk.cases.workload import Workload
from tailwalk.cases.xattr import VALUE

WORKLOAD = Workload(
    name="listxattr", family="names", pattern="listxattr_u{value}",
    call="listxattr(2) of a file with an attribute of {value} bytes", parameters=(VALUE,))
