# SPDX-License-Identifier: GPL-2.0-or-later
"""readlink(2)."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="readlink", family="names", pattern="readlink_u", counted="median", traceless=True,
    call="readlink(2) of a symbolic link to a name of six letters")
