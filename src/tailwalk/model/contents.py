# SPDX-License-Identifier: GPL-2.0-or-later
"""What a unit of a file holds in three places, as one symbol, and the steps that change it.

The places are the page cache, the block on disk and a copy: the bytes in flight to the disk, or
in data=journal the bytes in the journal. Only equality between them matters, so bytes are
symbols: zeros, stale (bytes that are not this file's: a block's former owner, or memory that was
never filled), and up to four versions of this file's own data. Written data take a version that
is held nowhere, so no state depends on which bytes a program writes.

A step is a translation table over symbols, and contents are a byte string, one symbol a unit.
`CANON` renames versions in the order cache, disk, copy: the symmetry by which states that differ
only in the names of versions are one.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, product
from typing import NamedTuple

from tailwalk.errors import ModelError

ZERO, STALE, FIRST_VERSION = 0, 1, 2
NOTHING = -1  # of the copy: there is none
_VALUES = 6  # zeros, stale and four versions


class Places(NamedTuple):
    """What a unit holds: in the page cache, on disk, and as the copy."""

    cache: int
    disk: int
    copy: int


def symbol(places: Places) -> int:
    """The symbol of `places`."""
    return (places.cache * _VALUES + places.disk) * (_VALUES + 1) + places.copy + 1


_PLACES = tuple(Places(*places) for places in
                product(range(_VALUES), range(_VALUES), range(NOTHING, _VALUES)))


def _table(step: Callable[[Places], Places]) -> bytes:
    return bytes(symbol(step(places)) for places in _PLACES).ljust(256, b"\0")


def _unused(*held: int) -> int:
    return next(version for version in count(FIRST_VERSION) if version not in held)


def _store(held: Places) -> Places:
    fresh = _unused(*held)
    # Three places hold at most three versions, so a fourth is always free.
    return held._replace(cache=fresh)


def _rename(held: Places, names: dict[int, int]) -> Places:
    return Places(*(value if value < FIRST_VERSION
                    else names.setdefault(value, FIRST_VERSION + len(names)) for value in held))


STORE = _table(_store)
"""A program's bytes reach the cache."""
CLEAR = _table(lambda held: held._replace(cache=ZERO))
"""The cache is zeroed."""
FILL = _table(lambda held: held._replace(cache=held.disk))
"""The cache is read from disk."""
LOSE = _table(lambda held: held._replace(cache=STALE))
"""The cache gives the memory up, or gets it and has not filled it."""
COPY = _table(lambda held: held._replace(copy=held.cache))
"""The cache's bytes set out for the disk, or are committed to the journal."""
LAND = _table(lambda held: held._replace(disk=held.copy if held.copy != NOTHING else held.disk,
                                         copy=NOTHING))
"""The copy reaches the disk."""
FORGET = _table(lambda held: held._replace(copy=NOTHING))
"""The copy is lost, or not needed any more."""
HOME = _table(lambda held: held._replace(disk=held.cache, copy=NOTHING))
"""The cache's bytes are written to disk at once."""
FREE = _table(lambda held: held._replace(disk=STALE, copy=NOTHING))
"""The block is given back: the next one found here holds its former owner's bytes."""
CANON = _table(lambda held: _rename(held, {}))

CACHE_VALUE = bytes(held.cache for held in _PLACES).ljust(256, b"\0")
DISK_VALUE = bytes(held.disk for held in _PLACES).ljust(256, b"\0")
COPY_VALUE = bytes(held.copy + 1 for held in _PLACES).ljust(256, b"\0")
"""The copy's value plus one; 0 where there is no copy."""

DISTINCT = symbol(Places(FIRST_VERSION, FIRST_VERSION + 1, FIRST_VERSION + 2))
"""A unit of which every place holds something else: what a step does to it shows the step."""
ON_DISK = symbol(Places(STALE, FIRST_VERSION, NOTHING))
"""A unit that is on disk and not in the cache."""
NOWHERE = symbol(Places(STALE, STALE, NOTHING))
"""A unit that holds nothing of this file."""


def fresh_together(one: bytes, other: bytes) -> bytes:
    """For each unit a version that neither of two files holds, for `store_versions` on both.

    Raises ModelError where two runs have grown so far apart that no version is left.
    """
    fresh = bytes(_unused(*_PLACES[a], *_PLACES[b]) for a, b in zip(one, other, strict=True))
    if max(fresh) >= _VALUES:
        raise ModelError("two runs hold more versions of a unit than the model has symbols for; "
                         "lower --depth.")
    return fresh


def store_versions(units: bytes, versions: bytes) -> bytes:
    """`STORE`, with the version of each unit given."""
    return bytes(symbol(_PLACES[unit]._replace(cache=version))
                 for unit, version in zip(units, versions, strict=True))


def rename_together(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    """`CANON` for two files at once: a version that both hold gets one name."""
    if one == other:
        canonical = one.translate(CANON)
        return canonical, canonical
    renamed: tuple[bytearray, bytearray] = bytearray(), bytearray()
    for a, b in zip(one, other, strict=True):
        names: dict[int, int] = {}
        for held, into in ((_PLACES[a], renamed[0]), (_PLACES[b], renamed[1])):
            into.append(symbol(_rename(held, names)))
    return bytes(renamed[0]), bytes(renamed[1])
