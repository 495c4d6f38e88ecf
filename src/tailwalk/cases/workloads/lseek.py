# SPDX-License-Identifier: GPL-2.0-or-later
"""lseek(2) to the beginning of a file and away from it."""

from tailwalk.cases.cached_file import CACHED_FILE
from tailwalk.cases.place import PLACE
from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="lseek", family="process", pattern="lseek_{place}{distance}",
    call="lseek(2) to 0, and lseek(2) to {distance}", needs=(PLACE, CACHED_FILE),
    parameters=(Parameter(name="distance", unit="bytes", meaning="the offset sought"),))
