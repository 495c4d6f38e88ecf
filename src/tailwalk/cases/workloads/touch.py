# SPDX-License-Identifier: GPL-2.0-or-later
"""The first pwrite(2) to a folio that readahead made."""

from tailwalk.cases.cached_file import SIZE
from tailwalk.cases.size import KIB
from tailwalk.cases.stored_file import STORED_FILE
from tailwalk.cases.workload import Parameter, Values, Workload
from tailwalk.errors import UsageError
from tailwalk.filesystems import WITH_DISK


def _check(case: str, values: Values) -> None:
    if values["size"] > values["apart"] // 2 or values["file_size"] < 2 * values["apart"]:
        raise UsageError(f"case {case} writes {values['size']} bytes half way into each "
                         f"{values['apart']} of the second half of a file of "
                         f"{values['file_size']}: they have to fit there.")


WORKLOAD = Workload(
    # In the first half folios still grow, and the slabs of buffer heads that the drop left are used
    # up: they make the first writes cheaper by half (v6.18).
    name="touch", family="overwrite", pattern="touch_u{size}",
    call="pwrite(2) of {size:bytes} half way into {apart:size} that were not written since they "
         "were read in",
    outside="choice of the next {apart:size} of the file's second half; after the last fsync(2), "
            "drop of the page cache, read of the whole file by {apart:size}, and such a write to "
            "each of them in the first half",
    counted="median", most_calls=30,
    parameters=(SIZE, Parameter(name="apart", unit="bytes", default=128 * KIB, least=8 * KIB,
                                meaning="size of the reads, from one write to the next")),
    needs=(STORED_FILE,), filesystems=WITH_DISK, check=_check)
