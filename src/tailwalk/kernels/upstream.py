# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel source by version: what Debian's archive has of it, unpacked into the cache.

A version means the upstream archive of Debian's source package, without Debian's patches, so that
kernels of two versions differ in nothing but what upstream changed. Of some versions the index
still names the upstream archive where the archive itself no longer has it; there the binary
package linux-source-X.Y serves, whose tree has Debian's patches applied. Provenance tells which.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tailwalk.cache import Cache, digest_bytes
from tailwalk.errors import ArchiveError
from tailwalk.kernels.apt import GoneError
from tailwalk.kernels.archive import MAX_AGE, Archive, Package, SourcePackage
from tailwalk.kernels.package import extract
from tailwalk.kernels.sourcetree import (
    KIND,
    SourceTree,
    cached_tree,
    cached_trees,
    selection_digest,
    unpack_tree,
)
from tailwalk.progress import SILENT, Progress
from tailwalk.versions import KernelVersion, packaged_version, parse_version
from tailwalk.words import listed

_USUAL_MEMBERS = 97_000
"""In the archive of v6.18. Only the progress bar rests on it."""


def upstream_tree(version: KernelVersion, cache: Cache, *, progress: Progress = SILENT,
                  refresh: bool = False) -> SourceTree:
    """The source of a version, or the newest that can be had of a line.

    Where the archive cannot be asked, the newest in the cache, with a note. Raises ArchiveError
    where there is none, KernelError for a damaged archive, CacheError, ToolError.
    """
    archive = Archive(cache, progress=progress, refresh=refresh)
    try:
        return _fetched(version, archive, cache, progress, patient=not refresh)
    except ArchiveError as error:
        held = [(found, tree) for tree in cached_trees(cache)
                if (found := parse_version(tree.version)) and version.covers(found)]
        if refresh or not held:
            raise
        tree = max(held, key=lambda pair: pair[0])[1]
        progress.note(f"src:{version}: taking {tree.version} from the cache, since the archive "
                      f"could not give it: {error}")
        return tree


@dataclass(frozen=True, kw_only=True)
class _Source:
    """One place that a version's source can be had from; `fetch` gives its archive, for which it
    may use the directory that it is given."""

    version: KernelVersion
    name: str
    key: str
    provenance: dict[str, str]
    fetch: Callable[[Path], Path]

    def unpack(self, folder: Path, *, progress: Progress) -> None:
        archive = self.fetch(folder)
        with progress.task(f"unpack {self.name}", _USUAL_MEMBERS) as task:
            unpack_tree(archive, folder, self.provenance, task=task)
        if archive.parent == folder:
            archive.unlink()


def _fetched(version: KernelVersion, archive: Archive, cache: Cache, progress: Progress, *,
             patient: bool) -> SourceTree:
    """The newest source that the archive has; `patient`: do not ask again for what was gone a
    few hours ago."""
    gone: list[str] = []
    for source in _sources(version, archive):
        mark = cache.path(KIND, f".gone-{source.key}")
        if patient and not cache.has(KIND, source.key) and _is_young(mark):
            gone.append(source.name)
            continue
        try:
            cache.entry(KIND, source.key, partial(source.unpack, progress=progress))
        except GoneError:
            gone.append(source.name)
            with cache.writing():
                mark.touch()
            continue
        if tree := cached_tree(cache, source.key):
            return tree
    if gone:
        raise ArchiveError(f"the source of {version} is gone from the archive, though its index "
                           f"still names {listed(gone)}. Try another version, or "
                           "src:PATH with a source tree of your own.")
    there = sorted({found.line for source in archive.sources()
                    if (found := packaged_version(source.version))})
    raise ArchiveError(f"the archive has no source of {version}: its index names the lines "
                       f"{', '.join(map(str, there)) or 'none'}, of which old ones may be gone. "
                       "Ask for one of these, or use src:PATH with a source tree.")


def _sources(version: KernelVersion, archive: Archive) -> Iterator[_Source]:
    """Upstream's archives, newest first, and then the trees with Debian's patches."""
    def newest_first(packages: Iterable[Package | SourcePackage], name: str) -> list[_Source]:
        # Several Debian versions share one upstream archive.
        unique = {source.key: source for package in packages
                  if package.name == name and (found := packaged_version(package.version))
                  and version.covers(found) for source in [_source(package, found, archive)]}
        return sorted(unique.values(), key=lambda source: source.version, reverse=True)

    yield from newest_first(archive.sources(), "linux")
    yield from newest_first(archive.packages(), f"linux-source-{version.line}")


def _source(package: Package | SourcePackage, version: KernelVersion,
            archive: Archive) -> _Source:
    patched = isinstance(package, Package)
    file = next(file for file in package.files if patched or ".orig.tar." in file.name)

    def fetch(folder: Path) -> Path:
        fetched = archive.fetch(package) / file.name
        if not patched:
            return fetched
        tree = folder / "source.tar"
        extract(fetched, lambda name: (
            tree if ".tar." in name.name and name.parent.name == "src" else None))
        if not tree.exists():
            raise GoneError(f"{package.name} {package.version} holds no source tree.")
        return tree

    return _Source(
        version=version, name=file.name, fetch=fetch,
        key=digest_bytes(file.sha256.encode(), selection_digest().encode()),
        provenance={"source": file.name, "version": package.version, "suite": package.suite,
                    "sha256": file.sha256,
                    "Debian's patches": "applied" if patched else "not applied"})


def _is_young(mark: Path) -> bool:
    try:
        return 0 <= time.time() - mark.stat().st_mtime < MAX_AGE
    except OSError:
        return False
