# SPDX-License-Identifier: GPL-2.0-or-later
"""What the workloads on private mappings share."""

from __future__ import annotations

from dataclasses import replace

from tailwalk.cases.cached_file import CACHED_FILE
from tailwalk.cases.place import PLACE
from tailwalk.cases.workload import Parameter, Values
from tailwalk.errors import UsageError

LENGTH = Parameter(name="length", unit="bytes", meaning="bytes that are mapped", least=1)
TOUCH = Parameter(
    name="touch", unit="number", default=0,
    words={"": "", "r": ", and a load from each page", "w": ", and a store to each page"},
    meaning="what is done to each page: 0 nothing, 1 a load, 2 a store")
_WHERE = PLACE.parameters[0]
MAPPED = (replace(PLACE, parameters=(replace(
    _WHERE, words={**_WHERE.words, "a": "memory without a file instead"},
    meaning="where files lie: 0 in the file system under test, 1 in a tmpfs; 2: no file is "
            "mapped"),)), CACHED_FILE)


def check_mapped(case: str, values: Values) -> None:
    """Raise UsageError for a mapping that is longer than its file."""
    if values["length"] > values["file_size"]:
        raise UsageError(f"case {case} maps {values['length']} bytes of a file of "
                         f"{values['file_size']}: give a larger --file-size.")
