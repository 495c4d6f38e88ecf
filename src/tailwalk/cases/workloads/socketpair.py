# SPDX-License-Identifier: GPL-2.0-or-later
"""socketpair(2) of sockets of the machine's own."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="socketpair", family="socket", pattern="socketpair", counted="median", traceless=True,
    call="socketpair(2) of AF_UNIX streams", outside="close(2) of the last call's two")
