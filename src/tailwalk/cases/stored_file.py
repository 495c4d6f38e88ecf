# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that workloads begin with outside the page cache, or without data."""

from __future__ import annotations

from tailwalk.cases.cached_file import FILE_SIZE
from tailwalk.cases.size import MIB
from tailwalk.cases.workload import Parameter, Preparation, Values
from tailwalk.errors import UsageError

STORED_FILE = Preparation(
    name="stored_file", prepared="a file of {file_size:size} that is on disk and not in the page "
    "cache, written by 1MiB", parameters=(FILE_SIZE,))
EMPTY_FILE = Preparation(name="empty_file", prepared="an empty file")
AROUND = Parameter(
    name="around", unit="bytes", meaning="size of the file that has no data", default=MIB,
    least=2, most=64 * MIB)


def check_half_way(case: str, values: Values) -> None:
    """Raise UsageError for a write half way into `AROUND` that reaches past its end."""
    if values["size"] > values["around"] // 2:
        raise UsageError(f"case {case} writes {values['size']} bytes half way into "
                         f"{values['around']}: they have to fit there.")
