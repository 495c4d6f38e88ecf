# SPDX-License-Identifier: GPL-2.0-or-later
"""A dirty shared mapping, made read-only and writable again."""

from dataclasses import replace

from tailwalk.cases.cached_file import CACHED_FILE, FILE_SIZE
from tailwalk.cases.size import MIB
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="mprotect_shared", family="map", pattern="mprotect_shared_u",
    call="mprotect(2) of a dirty shared mapping of the whole file to read-only, and back, and a "
         "store to each page",
    outside="store to each page of the mapping", counted="median", most_calls=10,
    needs=(replace(CACHED_FILE, parameters=[
        replace(one, default=64 * MIB) if one == FILE_SIZE else one
        for one in CACHED_FILE.parameters]),))
