# SPDX-License-Identifier: GPL-2.0-or-later
"""fork(2), until the child runs."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="fork", family="process", pattern="fork_10", counted="median", traceless=True,
    call="fork(3), and a wait until the child has begun and waits in turn",
    outside="end of the last call's child, and waitpid(2) of it")
