# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own kernels: which of the archive's cloud kernels a spec means, and how to have it.

The cloud flavour has what a QEMU guest needs and less to initialise than the general one. Until
6.18 one package holds image and modules (`linux-image-REL`); from 6.19 on that package is empty
and depends on `linux-binary-REL` (the image), `linux-modules-REL` and `linux-base-REL` (which
drivers are built in), of which the archive may have dropped one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tailwalk.cache import Cache
from tailwalk.errors import ArchiveError
from tailwalk.kernels.apt import GoneError, TamperedError
from tailwalk.kernels.archive import Archive, Package
from tailwalk.kernels.kernel import Kernel
from tailwalk.kernels.sourcetree import cached_trees
from tailwalk.kernels.spec import DebianSpec
from tailwalk.kernels.unpacked import Manifest, all_unpacked, key_of, open_unpacked
from tailwalk.machines import GUEST
from tailwalk.progress import SILENT, Progress
from tailwalk.versions import KernelVersion, packaged_version, parse_version
from tailwalk.words import listed

_IMAGE = re.compile(rf"linux-image-(\d\S*-{GUEST.flavour})(-unsigned)?")


@dataclass(frozen=True)
class Build:
    """One kernel build as the archive has it.

    Attributes:
        version: upstream version; its patch is a number (`6.19` itself is 6.19.0).
        debian_version: the packages' version.
        release: what `uname -r` says on it.
        suite: the suite that has its image package.
        packages: image (or binary, modules and base), as far as the archive has them.
        missing: names of the packages it needs and the archive no longer has.
    """

    version: KernelVersion
    debian_version: str
    release: str
    suite: str
    packages: tuple[Package, ...]
    missing: tuple[str, ...]

    @property
    def key(self) -> str:
        """The cache key of the unpacked kernel."""
        return key_of([package.file.sha256 for package in self.packages])


def find_builds(packages: Iterable[Package]) -> list[Build]:
    """The kernel builds that packages of the archive make up, newest first. Release candidates
    are left out, and the unsigned twin of a signed image."""
    from debian.debian_support import Version

    held: dict[tuple[str, str], Package] = {}
    for package in packages:
        held.setdefault((package.name, package.version), package)
    builds: dict[tuple[str, str], Build] = {}
    for name, version in sorted(held, key=lambda key: key[0].endswith("-unsigned")):
        match, upstream = _IMAGE.fullmatch(name), packaged_version(version)
        if match is None or upstream is None or (match[1], version) in builds:
            continue
        needed = _parts(held[name, version], match[1])
        if needed is None:
            continue
        choices = [[(other, version) for other in others] for others in needed]
        found = [next((held[key] for key in keys if key in held), None) for keys in choices]
        builds[match[1], version] = Build(
            upstream, version, match[1], held[name, version].suite,
            tuple(package for package in found if package),
            tuple(keys[0][0] for keys, package in zip(choices, found, strict=True)
                  if package is None))
    return sorted(builds.values(), reverse=True, key=lambda build: (
        build.version, Version(build.debian_version)))


def resolve_debian(spec: DebianSpec, cache: Cache, *, progress: Progress = SILENT,
                   refresh: bool = False) -> Kernel:
    """The newest bootable Debian kernel that the spec covers.

    Where the archive cannot be reached, the newest cached one, with a note. Raises ArchiveError
    where there is none, naming what is missing.
    """
    archive = Archive(cache, progress=progress, refresh=refresh)
    try:
        builds = find_builds(archive.packages())
    except ArchiveError as error:
        if refresh:
            raise
        return _cached(spec, cache, error, progress)
    gone: GoneError | None = None
    for build in candidates(spec, builds, progress, sources=_cached_sources(cache)):
        try:
            return _open(spec, build, cache, archive, progress)
        except GoneError as error:
            if spec.version.patch is not None:
                raise
            progress.note(f"{spec}: passing over {build.debian_version}: {error}")
            gone = error
        except TamperedError:
            raise
        except ArchiveError as error:
            if refresh:
                raise
            return _cached(spec, cache, error, progress)
    assert gone is not None  # or candidates() would have raised
    raise gone


def candidates(spec: DebianSpec, builds: Sequence[Build], progress: Progress = SILENT, *,
               sources: Sequence[KernelVersion] = ()) -> Iterator[Build]:
    """The builds that the spec covers and that can boot, newest first; what is passed over for a
    line is noted.

    Raises ArchiveError where there is none. It advises what is known to be there: kernels of which
    the archive has every package, and a build from source where that is one of the `sources` in
    the cache. Whether the archive still has another nobody knows before it was fetched.
    """
    covered = [build for build in builds if spec.version.covers(build.version)]
    if not covered:
        bootable = [build for build in builds if not build.missing]
        near = _listed(build.version for build in bootable
                       if build.version.line == spec.version.line)
        there = (f"of its line there are {near}" if near else
                 f"there are the lines "
                 f"{_listed(build.version.line for build in bootable) or 'none'}")
        raise ArchiveError(f"the archive has no kernel {spec.version}: {there}. `tailwalk kernels "
                           f"--refresh` lists them; {_from_source(spec, sources)}.")
    if all(build.missing for build in covered):
        raise ArchiveError(
            f"{spec}: version {covered[0].debian_version} cannot boot, since its "
            f"{_lost(covered[0])} no longer in the archive; {_others(spec, builds)}; "
            f"{_from_source(spec, sources)}.")
    for build in covered:
        if not build.missing:
            yield build
        elif spec.version.patch is None:
            progress.note(f"{spec}: passing over {build.debian_version}, whose {_lost(build)} no "
                          "longer in the archive.")


def _lost(build: Build) -> str:
    """What the archive no longer has of a build, with its verb."""
    names = listed(build.missing)
    return f"packages {names} are" if len(build.missing) > 1 else f"package {names} is"


def _others(spec: DebianSpec, builds: Sequence[Build]) -> str:
    """The kernels of the line that can boot, or the nearest lines of which one can."""
    bootable = [build for build in builds if not build.missing]
    if same := _listed(build.version for build in bootable
                       if build.version.line == spec.version.line):
        return f"of its line these can: {same}"
    lines = sorted({build.version.line for build in bootable})
    near = [*[one for one in lines if one < spec.version.line][-1:],
            *[one for one in lines if one > spec.version.line][:1]]
    if not near:
        return "nor can any other of its kernels"
    return f"the nearest that can: {listed([f'debian:{one}' for one in near])}"


def _from_source(spec: DebianSpec, sources: Sequence[KernelVersion]) -> str:
    if any(map(spec.version.covers, sources)):
        return f"src:{spec.version} builds one, since its source is in the cache"
    return "src:PATH builds one from a source tree of yours"


def _cached_sources(cache: Cache) -> list[KernelVersion]:
    return [version for tree in cached_trees(cache) if (version := parse_version(tree.version))]


def cached_builds(cache: Cache) -> dict[str, Manifest]:
    """The cached kernels that came from the archive, by cache key."""
    return {key: manifest for key, manifest in all_unpacked(cache)
            if "package" in manifest.provenance}


def _cached(spec: DebianSpec, cache: Cache, error: ArchiveError, progress: Progress) -> Kernel:
    from debian.debian_support import Version

    fitting = [(Version(manifest.provenance["version"]), key)
               for key, manifest in cached_builds(cache).items()
               if (upstream := packaged_version(manifest.provenance["version"]))
               and spec.version.covers(upstream)]
    if not fitting:
        raise error
    version, key = max(fitting)
    progress.note(f"{spec}: using {version} from the cache, since the archive could not be asked: "
                  f"{error}")

    def gone() -> Sequence[Path]:
        raise error
    return open_unpacked(cache, key, spec=str(spec), progress=progress, provenance={}, files=gone)


def _open(spec: DebianSpec, build: Build, cache: Cache, archive: Archive,
          progress: Progress) -> Kernel:
    return open_unpacked(
        cache, build.key, spec=str(spec), progress=progress, provenance=_provenance(build),
        files=lambda: [archive.fetch(package) / package.file.name for package in build.packages])


def _provenance(build: Build) -> dict[str, str]:
    return {
        "package": " ".join(package.name for package in build.packages),
        "version": build.debian_version,
        "suite": build.suite,
        "sha256": " ".join(package.file.sha256 for package in build.packages),
    }


def _parts(image: Package, release: str) -> list[list[str]] | None:
    """The packages a kernel is made of, each with its stand-ins; None for a package that only
    points to another kernel."""
    depends = set(re.findall(r"linux-[^\s,|(]+", image.depends))
    if any(_IMAGE.fullmatch(name) for name in depends):
        return None
    if any(name.startswith("linux-binary-") for name in depends):
        return [[f"linux-binary-{release}", f"linux-binary-unsigned-{release}"],
                [f"linux-modules-{release}"], [f"linux-base-{release}"]]
    return [[image.name]]


def _listed(versions: Iterable[KernelVersion]) -> str:
    return ", ".join(map(str, sorted(set(versions))))
