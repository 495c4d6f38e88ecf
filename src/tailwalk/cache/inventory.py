# SPDX-License-Identifier: GPL-2.0-or-later
"""What a cache holds, whether it is whole, and what of it nobody needs any more."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tailwalk.cache.digests import digest_file
from tailwalk.cache.entries import DAMAGED, DIGESTS, LOCK, PARTIAL, Cache
from tailwalk.cache.seal import SEAL, flaw

Check = Callable[[Path], str | None]
"""What is wrong with an entry, in words; None where nothing is."""

State = Literal["whole", "damaged", "unchecked"]

# An index and its link are the archive's own; logs are text.
_NO_ENTRIES = frozenset({DIGESTS, "archive", "logs"})
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
    """All that the cache holds, kind by kind; of what vanishes meanwhile nothing is said."""
    if not cache.root.is_dir():
        return
    for home in sorted(cache.root.iterdir()):
        if not home.is_dir() or home.name in _NO_ENTRIES:
            continue
        for path in sorted(home.iterdir()):
            if path.name.startswith(PARTIAL):
                kind = "leftover"
                if _is_being_made(path):
                    continue
            elif path.name.startswith(".") or path.is_symlink() or not path.is_dir():
                continue
            else:
                kind = home.name
            with suppress(FileNotFoundError):
                yield Held(kind, path, _size(path), path.stat().st_mtime)


def examine(entry: Held, checks: Mapping[str, Check]) -> tuple[State, str]:
    """Is an entry what was made? With what is wrong, in words. Every byte is read.

    `checks` are for kinds that are not sealed.
    """
    if entry.kind in (DAMAGED, "leftover"):
        return "unchecked", "it is used no more"
    if check := checks.get(entry.kind):
        wrong = check(entry.path)
    elif (entry.path / SEAL).exists():
        wrong = flaw(entry.path, digest_file)
    else:
        return "unchecked", "it has no seal"
    return ("damaged", wrong) if wrong else ("whole", "")


def remove(cache: Cache, entry: Held) -> None:
    """Remove a thing from the cache; raises CacheError where that is refused."""
    if entry.path.parent.name == DAMAGED or entry.kind == "leftover":
        with cache.writing():
            shutil.rmtree(entry.path, ignore_errors=True)
    else:
        # Its lock stays: whoever waits for it has the file open, and another would take a new one.
        cache.discard(entry.path.parent.name, entry.path.name)


def days_unused(entry: Held) -> float:
    """Days since the last use."""
    return (time.time() - entry.used) / 86_400


def _is_being_made(partial: Path) -> bool:
    """Is a process at work on it? Its lock tells: a killed process has none."""
    key, _, _ = partial.name.removeprefix(PARTIAL).rpartition("-")
    try:
        handle = os.open(partial.with_name(f"{LOCK}{key}"), os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _size(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):
                total += (Path(place) / name).lstat().st_blocks * _BLOCK
    return total
