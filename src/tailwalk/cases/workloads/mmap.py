# SPDX-License-Identifier: GPL-2.0-or-later
"""A private mapping, and a touch of each of its pages."""

from tailwalk.cases.mapping import LENGTH, MAPPED, TOUCH, check_mapped
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="mmap", family="map", pattern="mmap_{touch}{place}{length}",
    call="mmap(2) of {length:bytes}, private{touch}", outside="munmap(2) of the last mapping",
    counted="median", traceless=True,
    parameters=(LENGTH, TOUCH), needs=MAPPED, check=check_mapped)
