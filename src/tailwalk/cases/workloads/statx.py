# SPDX-License-Identifier: GPL-2.0-or-later
"""statx(2) by path."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="statx", family="names", pattern="statx_u", call="statx(2) of an empty file by its path")
