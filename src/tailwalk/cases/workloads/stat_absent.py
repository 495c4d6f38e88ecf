# SPDX-License-Identifier: GPL-2.0-or-later
"""stat(2) of a name that is not there."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="stat_absent", family="names", pattern="stat_absent_u", counted="median", traceless=True,
    call="stat(2) of a name that is not there, which the kernel remembers")
