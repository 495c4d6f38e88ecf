# SPDX-License-Identifier: GPL-2.0-or-later
"""A signal that a process sends to itself."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="signal", family="signal", pattern="signal",
    call="getpid(2), and kill(2) of the process itself by SIGUSR1: its delivery, an empty handler "
         "and the return from it")
