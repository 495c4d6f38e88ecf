# SPDX-License-Identifier: GPL-2.0-or-later
"""sigprocmask(2): the signals that are blocked."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="sigprocmask", family="signal", pattern="sigprocmask",
    call="rt_sigprocmask(2) that blocks SIGTERM and asks for what was blocked")
