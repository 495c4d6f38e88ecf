# SPDX-License-Identifier: GPL-2.0-or-later
"""munmap(2) of a private mapping whose pages were touched."""

from tailwalk.cases.mapping import LENGTH, MAPPED, TOUCH, check_mapped
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="unmap", family="map", pattern="unmap_{touch}{place}{length}",
    call="munmap(2) of {length:bytes}", outside="mmap(2) of them, private{touch}",
    counted="median", traceless=True,
    parameters=(LENGTH, TOUCH), needs=MAPPED, check=check_mapped)
