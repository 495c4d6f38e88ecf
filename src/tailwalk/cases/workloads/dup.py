# SPDX-License-Identifier: GPL-2.0-or-later
"""dup(2) of a descriptor."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="dup", family="process", pattern="dup", call="dup(2) of a descriptor of /dev/null",
    outside="close(2) of the last call's descriptor")
