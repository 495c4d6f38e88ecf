# SPDX-License-Identifier: GPL-2.0-or-later
"""A mapping of a file that is not in the page cache, read twice with MADV_RANDOM."""

from tailwalk.cases.size import MIB, show_size
from tailwalk.cases.stored_file import STORED_FILE
from tailwalk.cases.workload import Parameter, Values, Workload
from tailwalk.errors import UsageError
from tailwalk.filesystems import WITH_DISK


def _check(case: str, values: Values) -> None:
    if values["length"] > values["file_size"]:
        raise UsageError(f"case {case} maps {show_size(values['length'])} of a file of "
                         f"{show_size(values['file_size'])}: it maps no more than there is.")


WORKLOAD = Workload(
    name="reread_random", family="map", pattern="reread_random_u",
    call="mmap(2) of {length:size}, shared, madvise(2) with MADV_RANDOM, and a load from each "
         "page, twice",
    outside="munmap(2) of the last mapping, and drop of the page cache", counted="median",
    most_calls=10, needs=(STORED_FILE,), filesystems=WITH_DISK, check=_check,
    parameters=(Parameter(name="length", unit="bytes", meaning="bytes that are mapped",
                          default=8 * MIB, least=1),))
