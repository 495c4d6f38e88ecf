# SPDX-License-Identifier: GPL-2.0-or-later
"""Which kernels can be had from the archive, and which are cached."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tailwalk.cache import Cache
from tailwalk.errors import ArchiveError
from tailwalk.kernels.archive import Archive
from tailwalk.kernels.debian import Build, find_builds
from tailwalk.kernels.unpacked import Manifest, all_unpacked
from tailwalk.progress import SILENT, Progress
from tailwalk.versions import KernelVersion, split_release

LISTING_SCHEMA = "tailwalk.kernels/2"


class Available(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel of the archive.

    Attributes:
        spec: what names it.
        line: of stable releases, `6.18`.
        version: the Debian version of its packages.
        release: what `uname -r` says on it.
        suite: where the archive has it.
        packages: the packages it is made of, as far as they are there.
        missing: those the archive no longer has; where there are any, it cannot boot.
        download: bytes to fetch.
        newest: is it what `debian:LINE` means?
        cached: is it unpacked in the cache?
    """

    spec: str
    line: str
    version: str
    release: str
    suite: str
    packages: list[str]
    missing: list[str]
    download: int
    newest: bool
    cached: bool


class Cached(msgspec.Struct, frozen=True, kw_only=True):
    """An unpacked kernel in the cache; `origin` is the spec that fetches it again, or the sha256
    of the file it came from; `size` is bytes on disk."""

    release: str
    origin: str
    digest: str
    size: int


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Both lists, each sorted by version, newest first."""

    schema: str = LISTING_SCHEMA
    suites: list[str]
    available: list[Available]
    cached: list[Cached]


def list_kernels(cache: Cache | None = None, *, progress: Progress = SILENT,
                 refresh: bool = False) -> Listing:
    """What there is. Where the archive cannot be asked, the cached kernels alone, with a note.

    Raises ArchiveError with `refresh`, CacheError, ToolError.
    """
    cache = cache or Cache(progress=progress)
    archive = Archive(cache, progress=progress, refresh=refresh)
    unpacked = dict(all_unpacked(cache))
    suites: list[str] = []
    builds: list[Build] = []
    try:
        builds = _reachable(find_builds(archive.packages()))
        suites = archive.suites()
    except ArchiveError as error:
        if refresh:
            raise
        progress.note(f"only the cached kernels are listed: {error}")
    newest: dict[str, Build] = {}
    for build in builds:
        if not build.missing:
            newest.setdefault(str(build.version.line), build)
    available = [
        Available(
            spec=f"debian:{build.version}", line=str(build.version.line),
            version=build.debian_version, release=build.release, suite=build.suite,
            packages=[package.name for package in build.packages], missing=list(build.missing),
            download=sum(package.file.size for package in build.packages),
            newest=newest.get(str(build.version.line)) is build,
            cached=not build.missing and build.key in unpacked)
        for build in builds]
    return Listing(suites=suites, available=available, cached=_cached(unpacked.values()))


def cached_kernels(cache: Cache) -> list[Cached]:
    """The kernels that need no download or build, sorted by version, newest first."""
    return _cached(manifest for _, manifest in all_unpacked(cache))


def _cached(manifests: Iterable[Manifest]) -> list[Cached]:
    return [
        Cached(release=manifest.release, digest=manifest.digest, size=manifest.size,
               origin=_origin(manifest.provenance))
        for manifest in sorted(manifests, reverse=True, key=_order)]


def _order(manifest: Manifest) -> tuple[KernelVersion, str]:
    version, rest = split_release(manifest.release)
    return version or KernelVersion(0, 0), rest


def _reachable(builds: list[Build]) -> list[Build]:
    """Of each upstream version the build that its exact spec means."""
    chosen: dict[str, Build] = {}
    for build in builds:  # newest first
        held = chosen.setdefault(str(build.version), build)
        if held.missing and not build.missing:
            chosen[str(build.version)] = build
    return list(chosen.values())


def _origin(provenance: dict[str, str]) -> str:
    if "package" in provenance:
        return f"debian:{provenance['version'].split('-')[0]}"
    return provenance.get("spec") or f"image, sha256 {provenance.get('sha256', 'unknown')[:12]}"
