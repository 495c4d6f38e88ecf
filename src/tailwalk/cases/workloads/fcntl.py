# SPDX-License-Identifier: GPL-2.0-or-later
"""fcntl(2) that asks for the flags of an open file."""

from tailwalk.cases.place import PLACE_BY_NAME
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="fcntl", family="process", pattern="fcntl_{place}", needs=(PLACE_BY_NAME,),
    call="fcntl(2) for the flags of an open file")
