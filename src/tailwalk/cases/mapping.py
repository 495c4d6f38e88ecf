# SPDX-License-Identifier: GPL-2.0-or-later
"""What the workloads on private mappings share."""

from __future__ import annotations

from dataclasses import replace

from tailwalk.cases.cached_file import CACHED_FILE, FILE_SIZE
from tailwalk.cases.place import PLACE
from tailwalk.cases.size import show_size
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
            "mapped"),)), replace(CACHED_FILE, of_use=lambda values: values["place"] != 2))


def check_mapped(case: str, values: Values) -> None:
    """Raise UsageError for a mapping that is longer than its file, or than any could be."""
    most = FILE_SIZE.most if values["place"] == 2 else values["file_size"]
    if most is not None and values["length"] > most:
        raise UsageError(f"case {case} maps {values['length']} bytes" + (
            f": {show_size(most)} are mapped at the most." if values["place"] == 2 else
            f" of a file of {show_size(most)}. Map fewer bytes, or a larger file."))
