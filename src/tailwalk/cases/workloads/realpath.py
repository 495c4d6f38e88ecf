# SPDX-License-Identifier: GPL-2.0-or-later
"""The calls of realpath(3)."""

from tailwalk.cases.place import PLACE_BY_NAME
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="realpath", family="names", pattern="realpath_{place}", needs=(PLACE_BY_NAME,),
    call="the readlink(2) of each of the 11 parts of a path, which is what realpath(3) makes of it "
         "(glibc 2.33 on; before, an lstat(2) of each)")
