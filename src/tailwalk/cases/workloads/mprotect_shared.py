# SPDX-License-Identifier: GPL-2.0-or-later
"""A dirty shared mapping, made read-only and writable again."""

from tailwalk.cases.size import MIB
from tailwalk.cases.stored_file import EMPTY_FILE
from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="mprotect_shared", family="map", pattern="mprotect_shared_u",
    call="mprotect(2) of a dirty shared mapping of {length:size} to read-only, and back, and a "
         "store to each page",
    outside="store to each page of the mapping", counted="median", most_calls=30,
    parameters=(Parameter(name="length", unit="bytes", meaning="bytes that are mapped",
                          default=64 * MIB, least=1, most=256 * MIB),),
    needs=(EMPTY_FILE,))
