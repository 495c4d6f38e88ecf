# SPDX-License-Identifier: GPL-2.0-or-later
"""ftruncate(2) of a cached file."""

from tailwalk.cases.cached_file import CACHED_FILE, SIZE, check_inside
from tailwalk.cases.workload import Parameter, Values, Workload


def _check(case: str, values: Values) -> None:
    if not values["way"]:  # a file can become larger by any size
        check_inside(case, values)


WORKLOAD = Workload(
    name="truncate", family="space", pattern="truncate_{way}_u{size}",
    call="ftruncate(2), {way} by {size:bytes}",
    outside="pwrite(2) of what is missing, {fill:size} each, or ftruncate(2) to the size before, "
            "and fsync(2)",
    counted="median", most_calls=10,
    parameters=(SIZE, Parameter(
        name="way", unit="number", meaning="what becomes of the file's size",
        words={"down": "the file becoming smaller", "up": "the file becoming larger"})),
    needs=(CACHED_FILE,), check=_check)
