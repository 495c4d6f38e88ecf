# SPDX-License-Identifier: GPL-2.0-or-later
"""open(2) of a file that is there."""

from tailwalk.cases.place import PLACE_BY_NAME
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="open", family="names", pattern="open_{place}", needs=(PLACE_BY_NAME,),
    call="open(2) of an empty file to read it",
    outside="close(2) of the file that the last call opened")
