# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes in bytes: read from what a user writes, and shown."""

from __future__ import annotations

import re

from tailwalk.errors import UsageError
from tailwalk.machines import GUEST

KIB = 1024
MIB = 1024 * KIB
PAGE = GUEST.page
"""Bytes in a page of the machine: a folio of order N holds 2**N of them."""
LARGEST_FOLIO = PAGE << GUEST.largest_folio
"""Bytes in the largest folio the page cache holds."""

_SIZE = re.compile(r"(\d{1,15})\s*(B|K|KiB|M|MiB|G|GiB)?", re.ASCII | re.IGNORECASE)
_FACTOR = {"": 1, "b": 1, "k": KIB, "kib": KIB, "m": MIB, "mib": MIB, "g": KIB * MIB,
           "gib": KIB * MIB}


def parse_size(text: str) -> int:
    """Bytes in `4096`, `4KiB`, `4k`, `1MiB` (powers of 1024 throughout).

    Raises UsageError for anything else.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a size: write bytes, or KiB or MiB, such as 4096, 4KiB "
                         "or 1MiB.")
    return int(match[1]) * _FACTOR[(match[2] or "").lower()]


def show_size(size: int) -> str:
    """The shortest exact form that `parse_size` reads back."""
    for unit, factor in (("GiB", KIB * MIB), ("MiB", MIB), ("KiB", KIB)):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size}B"
