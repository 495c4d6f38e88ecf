# SPDX-License-Identifier: GPL-2.0-or-later
"""getxattr(2)."""

from tailwalk.cases.workload import Workload
from tailwalk.cases.xattr import VALUE

WORKLOAD = Workload(
    name="getxattr", family="names", pattern="getxattr_u{value}",
    call="getxattr(2) of an attribute of {value} bytes", parameters=(VALUE,))
