# SPDX-License-Identifier: GPL-2.0-or-later
"""pwrite(2) into blocks that fallocate(2) gave a file."""

from tailwalk.cases.cached_file import SIZE
from tailwalk.cases.size import MIB
from tailwalk.cases.stored_file import EMPTY_FILE
from tailwalk.cases.workload import Parameter, Values, Workload
from tailwalk.errors import UsageError
from tailwalk.filesystems import WITH_DISK


def _check(case: str, values: Values) -> None:
    if values["size"] > values["around"] // 2:
        raise UsageError(f"case {case} writes {values['size']} bytes half way into "
                         f"{values['around']}: they have to fit there.")


WORKLOAD = Workload(
    name="unwritten", family="append", pattern="unwritten_u{size}",
    call="pwrite(2) of {size} bytes half way into blocks without data of {around:size}",
    outside="ftruncate(2) to nothing, fallocate(2) of {around:size}, and fsync(2)",
    counted="median", parameters=(SIZE, Parameter(
        name="around", unit="bytes", meaning="size of the file that has no data", default=MIB,
        least=2, most=64 * MIB)),
    needs=(EMPTY_FILE,), filesystems=WITH_DISK, check=_check)
