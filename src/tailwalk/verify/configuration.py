# SPDX-License-Identifier: GPL-2.0-or-later
"""How the file system under test is made and mounted."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from tailwalk.cases import KIB
from tailwalk.errors import UsageError


@dataclass(frozen=True)
class Configuration:
    """An ext4 with blocks of `block_size` bytes, mounted with `mount_options`."""

    name: str
    block_size: int
    mount_options: str


_OPTIONS = {
    "ordered": "data=ordered",
    "journal": "data=journal",
    "writeback": "data=writeback",
    "nodelalloc": "nodelalloc",
    "dioread_lock": "dioread_lock",
}

CONFIGURATIONS = tuple(
    Configuration(f"{block}k-{name}", block * KIB, options)
    for name, options in _OPTIONS.items() for block in (1, 4))
"""Every data mode and block allocation that ext4 has, with blocks smaller than a page and as large
as one."""


def find_configurations(names: Sequence[str]) -> tuple[Configuration, ...]:
    """The configurations that names stand for: `1k-journal`, or half of a name for all that have
    it (`1k`, `journal`); all of them where there is no name.

    Raises UsageError for a name that is neither.
    """
    if not names:
        return CONFIGURATIONS
    found: dict[str, Configuration] = {}
    for name in names:
        chosen = [one for one in CONFIGURATIONS if name in (one.name, *one.name.split("-"))]
        if not chosen:
            known = [one.name for one in CONFIGURATIONS]
            close = difflib.get_close_matches(name, known, 1)
            raise UsageError(f"{name!r} is no configuration"
                             + (f"; did you mean {close[0]}?" if close else ".")
                             + f" There are {', '.join(known)}.")
        found.update((one.name, one) for one in chosen)
    return tuple(found.values())
