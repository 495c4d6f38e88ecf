# SPDX-License-Identifier: GPL-2.0-or-later
"""getxattr(2)."""

from tailwalk.cases.workload import Workload
from tailwalk.cases.xattr import ATTRIBUTED

WORKLOAD = Workload(
    name="getxattr", family="names", pattern="getxattr_u{value}", counted="median", traceless=True,
    call="getxattr(2)", needs=(ATTRIBUTED,))
