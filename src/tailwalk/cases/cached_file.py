# SPDX-License-Identifier: GPL-2.0-or-later
"""What the workloads on a file in the page cache share: parameters, preparation, checks."""

from __future__ import annotations

from tailwalk.cases.size import LARGEST_FOLIO, MIB, PAGE, show_size
from tailwalk.cases.workload import Parameter, Preparation, Values
from tailwalk.errors import UsageError

SIZE = Parameter(
    name="size", unit="bytes", meaning="bytes of each vector", least=1,
    refusal="case {case}: a call of {value} bytes measures nothing; give a size of at least 1.")
PIPED = Parameter(
    name="size", unit="bytes", meaning="bytes of each vector", least=1, most=MIB,
    refusal="case {case}: {value} bytes; a pipe holds 1 byte to 1MiB.")
VECTORS = Parameter(
    name="vectors", unit="number", meaning="vectors a call; 10 are libMicro's default",
    default=10, least=1, most=1024,
    refusal="case {case}: {value} vectors; a call takes 1 to 1024.")
OFFSET = Parameter(
    name="offset", unit="bytes", meaning="file offset of every call", default=0,
    refusal="case {case} at offset {value}: a file begins at offset 0; give one from there on.")
FILL = Parameter(
    name="fill", unit="bytes", default=MIB, least=512, most=64 * MIB,
    meaning="size of the writes that populate the page cache: it decides folio order",
    refusal="--fill {value:size}: the page cache is filled by writes of 512 bytes to 64MiB.")
FILE_SIZE = Parameter(
    name="file_size", unit="bytes", meaning="bytes in the file", default=10 * MIB,
    most=256 * MIB, refusal="--file-size {value:size}: a case's file has at most 256MiB.")
UPTODATE = Parameter(
    name="uptodate", unit="flag", default=True,
    meaning="false: every folio is left without its last page's data, so that it is not uptodate "
            "and the kernel walks its whole ring whatever the design of the walk")


def length_of(values: Values) -> int:
    """Bytes that one call moves: a call that takes no vectors moves one."""
    return values["size"] * values.get("vectors", 1)


def _check_partial(case: str, values: Values) -> None:
    if values["uptodate"]:
        return
    fill, offset = values["fill"], values.get("offset", 0)
    if not 2 * PAGE <= fill <= LARGEST_FOLIO or fill & (fill - 1):
        raise UsageError(f"--fill {show_size(fill)}: folios that are not uptodate are made by "
                         f"writes of {show_size(2 * PAGE)} to {show_size(LARGEST_FOLIO)}, a power "
                         "of two.")
    if offset % fill + length_of(values) > fill - PAGE:
        raise UsageError(
            f"case {case} at offset {offset} reaches the last page of its folio, which is the one "
            "whose data are left out: the folio would become uptodate. Give an --offset further "
            "ahead.")


CACHED_FILE = Preparation(
    name="cached_file", prepared="a file of {file_size:size} cached by writes of {fill:size}",
    parameters=(FILL, FILE_SIZE, UPTODATE), check=_check_partial)


def check_inside(case: str, values: Values) -> None:
    """Raise UsageError for a call that reaches past the end of the file."""
    offset = values.get("offset", 0)
    if offset + length_of(values) > values["file_size"]:
        raise UsageError(
            f"case {case} takes {length_of(values)} bytes at offset {offset}, past the "
            f"end of a file of {show_size(values['file_size'])}: every call has to stay in it. "
            f"Take fewer bytes, {'a smaller offset ' if offset else ''}or a larger file.")
