# SPDX-License-Identifier: GPL-2.0-or-later
"""mprotect(2) of memory, to nothing and back."""

from tailwalk.cases.mapping import LENGTH
from tailwalk.cases.workload import Parameter, Workload

_STORED = "whose pages were stored to"
_LOADED = f"{_STORED}, after a load from each page"

WORKLOAD = Workload(
    name="mprot", family="map", pattern="mprot_{touch}{length}",
    call="mprotect(2) of {length:bytes} of /dev/zero, private {touch}, to no access, and back",
    parameters=(LENGTH, Parameter(
        name="touch", unit="number", default=0, words={
            "z": "and never touched", "wz": _STORED, "twz": _LOADED, "tw": _LOADED},
        meaning="0: the memory was never touched; 1: its pages were stored to; 2 and 3, the same: "
                "and each call loads from them")))
