# SPDX-License-Identifier: GPL-2.0-or-later
"""The seal of a cache entry: which files it holds, and the sha256 of each. One of them names the
entry: what is whole in the place of another one is as wrong there as what is damaged."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from tailwalk.cache.digests import digest_of, with_digest, without_digest

SEAL = ".seal"
NAME = ".name"
ANOTHERS = "it was made as another entry"
NO_SEAL = "it has no seal"

Listing = Callable[[Path], Mapping[str, str | None]]
"""What an entry should hold: the digest of each file by its name, None for the one that says so
and vouches for itself. Raises OSError or ValueError where that cannot be told."""


def seal(folder: Path, target: Path) -> None:
    """Write the seal of what the folder holds, which is to be the entry at `target`."""
    (folder / NAME).write_bytes(_name(target))
    files = {name: digest_of(folder / name) for name in _names(folder)}
    (folder / SEAL).write_bytes(with_digest(msgspec.json.encode(files)))


def sealed_files(folder: Path) -> Mapping[str, str | None]:
    """The `Listing` of an entry with a seal."""
    if (content := without_digest((folder / SEAL).read_bytes())) is None:
        raise ValueError("its seal is damaged")
    files = msgspec.json.decode(content, type=dict[str, str])
    own = hashlib.sha256(_name(folder)).hexdigest()
    if files.get(NAME, own) != own:  # entries of earlier versions have none
        raise ValueError(ANOTHERS)
    return {SEAL: None, **files}


def flaw(place: Path, listing: Listing,
         digests: Callable[[Path, Iterable[str]], Mapping[str, str]]) -> str | None:
    """What of an entry is no longer as it was made, in words; None where all is. `digests` gives
    those of files below a place."""
    if place.is_symlink() or not place.is_dir():
        return "it is no directory" if os.path.lexists(place) else "it is not there"
    try:
        files = listing(place)
        if wrong := sorted(files.keys() ^ set(_names(place))):
            return f"{wrong[0]} is {'missing' if wrong[0] in files else 'none of its files'}"
        found = digests(place, files)
    except OSError as error:
        name = Path(error.filename or place).name
        missing = name == SEAL and isinstance(error, FileNotFoundError)
        return NO_SEAL if missing else f"{name} cannot be read: {error.strerror}"
    except ValueError as error:
        return str(error)
    return next((f"{name} is not what was kept" for name, was in files.items()
                 if was not in (None, found[name])), None)


def _name(place: Path) -> bytes:
    return os.fsencode(f"{place.parent.name}/{place.name}")


def _names(folder: Path, below: str = "") -> Iterator[str]:
    with os.scandir(folder / below) as found:
        for one in found:
            if one.is_dir(follow_symlinks=False):
                yield from _names(folder, f"{below}{one.name}/")
            else:
                yield below + one.name
