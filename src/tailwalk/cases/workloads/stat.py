# SPDX-License-Identifier: GPL-2.0-or-later
"""stat(3) of a file by its path."""

from tailwalk.cases.place import PLACE_BY_NAME
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="stat", family="names", pattern="stat_{place}", needs=(PLACE_BY_NAME,),
    call="newfstatat(2) of an empty file by its path, which is what glibc's stat(3) makes")
