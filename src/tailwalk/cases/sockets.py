# SPDX-License-Identifier: GPL-2.0-or-later
"""What the workloads that ask many sockets share."""

from tailwalk.cases.workload import Parameter, Preparation

SOCKETS = Preparation(
    name="sockets", prepared="{number} AF_UNIX sockets in pairs, none with data", parameters=(
        Parameter(name="number", unit="number", meaning="sockets, in pairs", least=2, most=1000),))
WRITABLE = Parameter(
    name="writable", unit="number", default=0,
    words={"": "", "w": ", and a tenth of them whether they take data"},
    meaning="1: a tenth of the sockets are asked whether they take data too")
