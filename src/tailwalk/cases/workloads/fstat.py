# SPDX-License-Identifier: GPL-2.0-or-later
"""fstat(2)."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="fstat", family="names", pattern="fstat_u", call="fstat(2) of an open file")
