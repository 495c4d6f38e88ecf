# SPDX-License-Identifier: GPL-2.0-or-later
"""chdir(2) from one deep directory to another, and getcwd(2)."""

from tailwalk.cases.place import PLACE_BY_NAME
from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="chdir", family="names", pattern="{asks}_{place}", needs=(PLACE_BY_NAME,),
    call="chdir(2) to a directory ten deep{asks}", outside="chdir(2) to another",
    parameters=(Parameter(
        name="asks", unit="number", default=0, words={"chdir": "", "chgetwd": ", and getcwd(2)"},
        meaning="1: the directory is asked for too"),))
