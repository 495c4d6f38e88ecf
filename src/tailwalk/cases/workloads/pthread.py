# SPDX-License-Identifier: GPL-2.0-or-later
"""pthread_create(3)."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="pthread", family="process", pattern="pthread", counted="median", traceless=True,
    call="pthread_create(3) of a thread that does nothing but wait",
    outside="end of the last call's thread, and pthread_join(3)")
