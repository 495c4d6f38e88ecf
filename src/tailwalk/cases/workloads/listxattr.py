# SPDX-License-Identifier: GPL-2.0-or-later
"""listxattr(2)."""

from tailwalk.cases.workload import Workload
from tailwalk.cases.xattr import ATTRIBUTED

WORKLOAD = Workload(
    name="listxattr", family="names", pattern="listxattr_u{value}",
    counted="median", traceless=True,
    call="listxattr(2)", needs=(ATTRIBUTED,))
