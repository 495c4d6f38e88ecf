# SPDX-License-Identifier: GPL-2.0-or-later
"""A private mapping of a cached file, and a load from each of its pages."""

from tailwalk.cases.cached_file import CACHED_FILE
from tailwalk.cases.workload import Parameter, Values, Workload
from tailwalk.errors import UsageError


def _check(case: str, values: Values) -> None:
    if values["length"] > values["file_size"]:
        raise UsageError(f"case {case} maps {values['length']} bytes of a file of "
                         f"{values['file_size']}: give a larger --file-size.")


WORKLOAD = Workload(
    name="mmap_read", family="map", pattern="mmap_ru{length}",
    call="mmap(2) of {length} bytes, private, and a load from each page",
    outside="munmap(2) of the last mapping", counted="median", needs=(CACHED_FILE,), check=_check,
    parameters=(Parameter(name="length", unit="bytes", meaning="bytes that are mapped", least=1),))
