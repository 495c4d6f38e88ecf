# SPDX-License-Identifier: GPL-2.0-or-later
"""The seal of a cache entry: which files it holds, and the sha256 of each."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tailwalk.cache.digests import digest_file, with_digest, without_digest

SEAL = ".seal"

Digest = Callable[[Path], str]


def seal(folder: Path) -> None:
    """Write the seal of what the folder holds."""
    files = {str(path.relative_to(folder)): digest_file(path) for path in _files(folder)}
    (folder / SEAL).write_bytes(with_digest(msgspec.json.encode(files)))


def flaw(folder: Path, digest: Digest) -> str | None:
    """What is no longer as it was sealed, in words; None where all is. `digest` gives the sha256
    of a file."""
    try:
        content = without_digest((folder / SEAL).read_bytes())
        if content is None:
            return "its seal is damaged"
        files = msgspec.json.decode(content, type=dict[str, str])
    except FileNotFoundError:
        return "it has no seal"
    except (OSError, ValueError) as error:
        return f"its seal cannot be read: {error}"
    there = {str(path.relative_to(folder)) for path in _files(folder)}
    if wrong := sorted(there ^ files.keys()):
        return f"{wrong[0]} is {'missing' if wrong[0] in files else 'none of its files'}"
    for name, was in files.items():
        try:
            if digest(folder / name) != was:
                return f"{name} is not what was kept"
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
    return None


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if not path.is_dir() and path != folder / SEAL:
            yield path


def to_disk(folder: Path) -> None:
    """Let everything in the folder's file system reach the disk: after a power cut an entry is
    whole or not there. One call for all of a kernel's thousands of modules; raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # syncfs(2) is not in Python.
        if ctypes.CDLL(None, use_errno=True).syncfs(handle):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
    finally:
        os.close(handle)


def rename_to_disk(source: Path, target: Path) -> None:
    """Rename within a directory, so that the new name survives a power cut; raises OSError."""
    source.rename(target)
    handle = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
