# SPDX-License-Identifier: GPL-2.0-or-later
"""A shared mapping of a cached file, its pages mapped at once."""

from tailwalk.cases.cached_file import CACHED_FILE, SIZE, check_inside
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="populate", family="map", pattern="populate_u{size}",
    call="mmap(2) of {size:bytes}, shared and to be read, with MAP_POPULATE",
    outside="munmap(2) of the last mapping", counted="median", traceless=True,
    most_calls=10, parameters=(SIZE,),
    needs=(CACHED_FILE,), check=check_inside)
