# SPDX-License-Identifier: GPL-2.0-or-later
"""lseek(2) to the next hole of a file, or to its next data."""

from tailwalk.cases.size import MIB, PAGE
from tailwalk.cases.stored_file import EMPTY_FILE
from tailwalk.cases.workload import Parameter, Values, Workload
from tailwalk.errors import UsageError


def _check(case: str, values: Values) -> None:
    if values["size"] % PAGE:
        raise UsageError(f"case {case}: {values['size']} bytes are no whole pages, which data and "
                         "holes begin with.")


WORKLOAD = Workload(
    name="seek", family="space", pattern="seek_{sought}_u{size}",
    call="lseek(2) with {sought} of a file of {size:bytes} of data, as large a hole, and as "
         "many data",
    parameters=(
        Parameter(name="size", unit="bytes", meaning="bytes of data, and of the hole", least=PAGE,
                  most=64 * MIB),
        Parameter(name="sought", unit="number", meaning="what is sought",
                  words={"hole": "SEEK_HOLE from offset 0",
                         "data": "SEEK_DATA from the hole's beginning"})),
    needs=(EMPTY_FILE,), check=_check)
