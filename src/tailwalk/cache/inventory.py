# SPDX-License-Identifier: GPL-2.0-or-later
"""What a cache holds, whether it is whole, and what of it nobody needs any more."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tailwalk.cache.entries import DAMAGED, DIGESTS, LOCK, PARTIAL, Cache, delete
from tailwalk.cache.seal import NO_SEAL, Listing, sealed_files
from tailwalk.errors import CacheError
from tailwalk.refusals import is_locked, left_folders

State = Literal["whole", "damaged", "unchecked"]

# Whoever reads these finds damage by other means, or does no harm by it (logs).
_NO_ENTRIES = frozenset({DAMAGED, DIGESTS, "archive", "logs", "leftover"})
_LINKS = ("latest-", "current-")
_BLOCK = 512  # of st_blocks (stat(2))


@dataclass(frozen=True)
class Held:
    """One thing in a cache.

    Attributes:
        kind: of entry: `state`, `kernels`, ...; `damaged` for what was set aside, `leftover` for
            what a killed process was making.
        path: where it lies.
        size: bytes on disk.
        used: the time of the last use, seconds since 1970, exact to a day.
    """

    kind: str
    path: Path
    size: int
    used: float


def held(cache: Cache) -> Iterator[Held]:
    """All that the cache holds, kind by kind, and what killed processes left among temporary
    files; of what vanishes meanwhile nothing is said."""
    for home in sorted(cache.root.iterdir()) if cache.root.is_dir() else ():
        for path in sorted(home.iterdir()) if home.is_dir() else ():
            kind = home.name
            if path.name.startswith(PARTIAL):
                kind = "leftover"
                key, _, _ = path.name.removeprefix(PARTIAL).rpartition("-")
                if is_locked(path.with_name(f"{LOCK}{key}")):  # being made
                    continue
            elif path.name.startswith((".", *_LINKS)):
                continue
            with suppress(FileNotFoundError):
                yield Held(kind, path, _size(path), path.lstat().st_mtime)
    for path in left_folders():
        with suppress(FileNotFoundError):
            yield Held("leftover", path, _size(path), path.lstat().st_mtime)


def examine(cache: Cache, entry: Held, listings: Mapping[str, Listing]) -> tuple[State, str]:
    """Is an entry what was made? With what is wrong, in words. Every byte is read.

    `listings` are for kinds whose entries have no seal.
    """
    if entry.kind in _NO_ENTRIES:
        return "unchecked", "it is no entry"
    listing = listings.get(entry.kind, sealed_files)
    wrong = cache.flaw(entry.path, listing, anew=True)
    if wrong is None:
        return "whole", ""
    if wrong == NO_SEAL:
        return "unchecked", wrong
    with suppress(CacheError):  # a cache that cannot be written
        cache.doubt(entry.kind, entry.path.name)
    return "damaged", wrong


def remove(cache: Cache, entry: Held) -> None:
    """Remove a thing from the cache; raises CacheError where that is refused."""
    if entry.kind in (DAMAGED, "leftover"):
        with cache.writing(), suppress(FileNotFoundError):
            delete(entry.path)
    else:
        # Its lock stays: whoever waits for it has the file open, and another would take a new one.
        cache.discard(entry.kind, entry.path.name)


def days_unused(entry: Held) -> float:
    """Days since the last use."""
    return (time.time() - entry.used) / 86_400


def _size(path: Path) -> int:
    total = path.lstat().st_blocks * _BLOCK
    for place, folders, files in os.walk(path):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):
                total += (Path(place) / name).lstat().st_blocks * _BLOCK
    return total
