# SPDX-License-Identifier: GPL-2.0-or-later
"""getpid(2): a system call that does next to nothing."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(name="getpid", family="process", pattern="getpid", call="getpid(2)")
