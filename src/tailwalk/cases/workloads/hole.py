# SPDX-License-Identifier: GPL-2.0-or-later
"""pwrite(2) into a hole, or into blocks that fallocate(2) gave a file."""

from tailwalk.cases.cached_file import SIZE
from tailwalk.cases.size import MIB
from tailwalk.cases.stored_file import EMPTY_FILE
from tailwalk.cases.workload import Parameter, Values, Workload
from tailwalk.errors import UsageError


def _check(case: str, values: Values) -> None:
    if values["size"] > values["around"] // 2:
        raise UsageError(f"case {case} writes {values['size']} bytes half way into "
                         f"{values['around']}: they have to fit there.")


WORKLOAD = Workload(
    name="hole", family="append", pattern="{into}_u{size}",
    call="pwrite(2) of {size:bytes} half way into {into} of {around:size}",
    outside="ftruncate(2) to nothing, making of what is written into, and fsync(2)",
    counted="median", most_calls=250,
    parameters=(
        SIZE,
        Parameter(name="into", unit="number", meaning="what is written into",
                  words={"hole": "a hole", "unwritten": "blocks without data"}),
        Parameter(name="around", unit="bytes", meaning="size of the file that has no data",
                  default=MIB, least=2, most=64 * MIB)),
    needs=(EMPTY_FILE,), check=_check)
