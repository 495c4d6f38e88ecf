# SPDX-License-Identifier: GPL-2.0-or-later
"""fallocate(2) in its kinds."""

from tailwalk.cases.cached_file import CACHED_FILE, SIZE, check_inside
from tailwalk.cases.workload import Parameter, Values, Workload


def _check(case: str, values: Values) -> None:
    if values["kind"]:  # the first takes what lies behind the file's end
        check_inside(case, values)


WORKLOAD = Workload(
    name="fallocate", family="space", pattern="{kind}_u{size}",
    call="fallocate(2) of {size:bytes} {kind}",
    outside="pwrite(2) of what is missing, {fill:size} each, or ftruncate(2) to the size before, "
            "and fsync(2)",
    counted="median", most_calls=10,
    parameters=(SIZE, Parameter(
        name="kind", unit="number", meaning="the kind of fallocate(2)",
        words={"fallocate": "behind the file's end",
               "punch_hole": "with FALLOC_FL_PUNCH_HOLE at offset 0",
               "zero_range": "with FALLOC_FL_ZERO_RANGE at offset 0"})),
    needs=(CACHED_FILE,), check=_check)
