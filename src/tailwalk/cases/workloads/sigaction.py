# SPDX-License-Identifier: GPL-2.0-or-later
"""sigaction(2): what a signal does."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="sigaction", family="signal", pattern="sigaction",
    call="rt_sigaction(2) that sets SIGUSR1's handler and asks for the last")
