# SPDX-License-Identifier: GPL-2.0-or-later
"""Entries of the cache.

An entry is made under a temporary name on the same file system, brought to the disk and renamed
into place, so that a reader sees either all of it or none, and an interrupted maker leaves nothing
that is trusted later. A lock file for each key keeps two processes from making the same entry
twice; the loser waits and then finds the winner's entry. Locks are flock(2), so they die with their
process.

Before an entry is used it is compared with its seal. One that is not what was made is set aside,
named in a note, and made again.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from math import inf
from pathlib import Path

from tailwalk.cache.digests import SETTLED_SECONDS, DigestMemory
from tailwalk.cache.seal import NO_SEAL, Listing, flaw, seal, sealed_files
from tailwalk.errors import CacheError
from tailwalk.files import rename_to_disk, user_place
from tailwalk.progress import SILENT, Progress
from tailwalk.refusals import FULL, locked, place_of, unusable

PARTIAL = ".partial-"
LOCK = ".lock-"
DAMAGED = "damaged"
DIGESTS = "digests"

# An entry's time of last use is kept by the day.
_DAY = 86_400
_POLL_SECONDS = 0.05
_SAID_SECONDS = 1.0

WHILE_WAITING: ContextVar[Callable[[], None] | None] = ContextVar("WHILE_WAITING", default=None)
"""Called again and again while this thread waits for a lock, to raise where that is of no use any
more: a thread that waits cannot be interrupted in another way."""


def default_root() -> Path:
    """`$TAILWALK_CACHE`, else `$XDG_CACHE_HOME/tailwalk`, else `~/.cache/tailwalk`.

    Raises CacheError where none of them is set and this user has no home.
    """
    return user_place("TAILWALK_CACHE", "XDG_CACHE_HOME", ".cache", "tailwalk", homeless=CacheError(
        "this user has no home directory to keep the cache in (kernels, builds and saved guests): "
        "point TAILWALK_CACHE at a directory that can be written."))


class Cache:
    """Entries `ROOT/KIND/KEY/`, each a directory that is never changed once it is there."""

    def __init__(self, root: Path | None = None, *, progress: Progress = SILENT,
                 settled: float = SETTLED_SECONDS) -> None:
        """`settled`: see `DigestMemory`. Raises CacheError where nobody can tell what is in it."""
        self.root = root or default_root()
        self.progress = progress
        self.digests = DigestMemory(self.root / DIGESTS, settled=settled).digests
        with self.writing(), suppress(FileNotFoundError):
            os.close(os.open(self.root, os.O_RDONLY | os.O_DIRECTORY))
            if not os.access(self.root, os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.root))

    def __reduce__(self) -> tuple[type[Cache], tuple[Path]]:
        """The cache on another machine: whoever uses it there is told nothing of it here."""
        return Cache, (self.root,)

    def path(self, kind: str, key: str) -> Path:
        """Where the entry is, or would be."""
        return self.root / kind / key

    def has(self, kind: str, key: str) -> bool:
        """Is the entry there? Whether it is what was made, `entry` tells."""
        return self.path(kind, key).is_dir()

    def entry(self, kind: str, key: str, make: Callable[[Path], None], *,
              listing: Listing = sealed_files, doing: str = "") -> Path:
        """The entry's directory; if it is not there, or not what was made, `make` fills an empty
        one first.

        `listing` says what it should hold: another than `sealed_files` where `make` writes that.
        `doing` is what `make` does, as in `boots debian:6.18`: while another process does it, that
        is waited for and said.

        Raises CacheError where the cache cannot be written or the disk is full; whatever `make`
        raises passes through. In both cases nothing of the attempt stays behind.
        """
        target = self.path(kind, key)
        with self.writing():
            if self.flaw(target, listing) is None:
                _used_now(target)
                return target
        with self.writing(), self.lock(kind, key, doing=doing):
            if (found := self.flaw(target, listing)) is None:
                return target
            if os.path.lexists(target):
                self._set_aside(kind, key, found)
            with self._partial(kind, key) as making:
                make(making)
                making.chmod(0o755)
                if listing is sealed_files:
                    seal(making, target)
                rename_to_disk(making, target)
        return target

    def flaw(self, place: Path, listing: Listing = sealed_files, *,
             anew: bool = False) -> str | None:
        """What of the entry at `place` is not as it was made, in words; None where all is. With
        `anew` every byte is read."""
        return flaw(place, listing, partial(self.digests, anew=anew))

    def check(self, place: Path, listing: Listing = sealed_files) -> None:
        """Raise CacheError where the entry at `place` is no longer what it was when `entry` gave
        it: to be asked before what was made from it is kept. Anything outside passes."""
        if place.is_relative_to(self.root) and (found := self.flaw(place, listing)):
            raise CacheError(f"{place} in the cache changed while it was in use ({found}), so "
                             "nothing that was made from it is kept: run the command again.")

    def doubted(self, kind: str, key: str) -> str:
        """When the entry was last found damaged, as records say when they were made; empty for
        never. What was made from it before may be wrong."""
        with suppress(OSError):
            found = self._doubt(kind, key).stat().st_mtime
            return datetime.fromtimestamp(found, UTC).isoformat(timespec="seconds")
        return ""

    def doubt(self, kind: str, key: str) -> None:
        """Remember that the entry was found damaged now."""
        with self.writing():
            self._doubt(kind, key).parent.mkdir(exist_ok=True)
            self._doubt(kind, key).touch()

    def _doubt(self, kind: str, key: str) -> Path:
        return self.root / DAMAGED / f".{kind}-{key}"

    def _set_aside(self, kind: str, key: str, found: str) -> None:
        """Move an entry to where nothing uses it, in place of an older one, and say so; the lock
        is held."""
        target = self.path(kind, key)
        aside = self.root / DAMAGED / f"{kind}-{key}"
        self.doubt(kind, key)
        delete(aside)
        with suppress(OSError):
            target.chmod(0o755)  # a directory that nobody may write is not moved to another
        target.rename(aside)
        if found == NO_SEAL:  # as versions made it that had none
            delete(aside)
            self.progress.note(f"{target} in the cache has no seal: it is made again.")
        else:
            self.progress.note(f"{target} in the cache is damaged ({found}): it lies in {aside} "
                               "now, and is made again.")

    def discard(self, kind: str, key: str) -> None:
        """Remove an entry that is no longer what was made; nothing if it is not there."""
        target = self.path(kind, key)
        with self.writing(), self.lock(kind, key), self._partial(kind, key) as condemned, \
                suppress(FileNotFoundError):
            target.rename(condemned / "it")  # a half-removed entry must not look whole

    @contextmanager
    def scratch(self, kind: str, key: str) -> Iterator[Path]:
        """An empty directory on the cache's file system, gone at the end: for work whose result
        becomes an entry elsewhere. One process at a time has that of a key."""
        name = f"scratch-{key}"
        with self.writing(), self.lock(kind, name), self._partial(kind, name) as folder:
            yield folder

    @contextmanager
    def _partial(self, kind: str, key: str) -> Iterator[Path]:
        """An empty directory, gone at the end if it is still there, and first whatever makers of
        this key left when they were killed; the lock is held."""
        for leftover in (self.root / kind).glob(f"{PARTIAL}{key}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{key}-", dir=self.root / kind))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def lock(self, kind: str, key: str, *, doing: str = "") -> Iterator[None]:
        """Hold the key's lock (waits while another process, which is `doing` that, holds it).

        What `WHILE_WAITING` of this thread raises passes through."""
        with self.writing():
            folder = self.root / kind
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder / f"{LOCK}{key}", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._await_lock(handle, doing or f"makes the same ({kind})")
            yield
        finally:
            os.close(handle)

    def _await_lock(self, handle: int, doing: str) -> None:
        """Take the lock; while another has it, ask now and then whether waiting is of use, and say
        after a while that it is waited for."""
        said_from = time.monotonic() + _SAID_SECONDS
        with ExitStack() as said:
            while not locked(handle):
                if check := WHILE_WAITING.get():
                    check()
                if time.monotonic() > said_from:
                    said_from = inf
                    said.enter_context(self.progress.task(
                        f"wait for another process, which {doing}"))
                time.sleep(_POLL_SECONDS)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn the operating system's refusals to write into a CacheError with a way out."""
        try:
            yield
        except OSError as error:
            place = place_of(error)
            inside = place is not None and Path(place).is_relative_to(self.root)
            if error.errno in FULL and (place is None or inside):
                raise CacheError(
                    f"no space left for the cache in {self.root}: free some, or point "
                    "TAILWALK_CACHE at a larger disk. Nothing half-written was kept."
                ) from error
            # Where a directory above cannot be made or entered, neither can the cache.
            if inside or (place is not None and self.root.is_relative_to(place)):
                reason, cure = unusable(self.root, error)
                raise CacheError(
                    f"the cache directory {self.root}, which kernels, builds and saved guests are "
                    f"kept in, cannot be used ({reason}): {f'{cure}, or ' if cure else ''}point "
                    "TAILWALK_CACHE at another directory."
                ) from error
            raise

    def exposed(self) -> str | None:
        """Who else can change what is run from the cache, in words; None where nobody can."""
        with suppress(OSError):
            status = self.root.stat()
            if status.st_mode & stat.S_IWOTH or status.st_uid not in (0, os.geteuid()):
                return (f"other users can change what is run from the cache directory {self.root} "
                        f"(of user {status.st_uid}, mode {stat.S_IMODE(status.st_mode):o}): mend "
                        "that, or point TAILWALK_CACHE at a directory of your own.")
        return None


def delete(path: Path) -> None:
    """Remove a file or a directory, if there is one; raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _used_now(target: Path) -> None:
    """Let the directory's own time say on which day it was last used."""
    with suppress(OSError):
        if abs(time.time() - target.stat().st_mtime) > _DAY:  # a clock may have been set back
            os.utime(target)
