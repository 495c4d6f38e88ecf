# SPDX-License-Identifier: GPL-2.0-or-later
"""A root file system of Debian packages, with all that they need, and no more than that.

The packages are those of the Debian release that this machine's apt configuration names, fetched
by a private apt, which checks signatures. Nothing of them is run: what their own scripts would
have made on a real system is made here as far as programs commonly need it (`_finish`).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tailwalk.cache import Cache, digest_bytes
from tailwalk.errors import ArchiveError, KernelError, UsageError
from tailwalk.kernels.apt import GoneError
from tailwalk.kernels.archive import Archive
from tailwalk.kernels.mirrors import machine_mirrors
from tailwalk.kernels.package import package_members
from tailwalk.programs.roots import add_members
from tailwalk.programs.tree import Tree, add_missing
from tailwalk.progress import Progress

SHELL = "busybox-static"
"""Is in every root: its shell, and the commands that no package of the root brings."""

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_LAYOUT = b"root of packages 1"
_LIST = "packages.json"
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DIRECTORIES = (("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("mnt", 0o755), ("proc", 0o555),
                ("root", 0o700), ("run", 0o755), ("sys", 0o555), ("tmp", 0o1777),
                ("var/lib", 0o755), ("var/log", 0o755), ("var/tmp", 0o1777))
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n"
                  "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


def check_names(names: Sequence[str]) -> None:
    """Raise UsageError for what is no name of a package."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise UsageError(f"--packages {name!r}: names of Debian packages consist of lower-case "
                             "letters, digits, +, - and ., and are separated by commas.")


def find_packages(names: Sequence[str], cache: Cache, progress: Progress) -> list[str]:
    """The packages that a root of these has, as NAME=VERSION: from the cache, as long as the
    archive's signed index is the same, or asked of apt now.

    Raises UsageError where there is no such package, ArchiveError where the archive does not say.
    """
    archive = Archive(cache, progress=progress)
    wanted = sorted({*names, SHELL})
    suites = _suites(archive)
    releases = [release for release in archive.releases() if release.suite in suites]

    def make(folder: Path) -> None:
        with (tempfile.TemporaryDirectory(dir=folder) as name,
              progress.task(f"look for what {', '.join(names)} need") as task):
            apt = archive.apt_of(suites, Path(name))
            try:
                found = apt.closure(wanted, "a root of packages", task=task)
            except GoneError as error:
                raise UsageError(
                    f"--packages {','.join(names)}: {_said(error)} in {', '.join(suites)}, which "
                    "this machine's apt configuration names.") from error
            (folder / _LIST).write_bytes(msgspec.json.encode(sorted(found)))

    key = digest_bytes(_LAYOUT, *(release.digest.encode() for release in releases), b"names",
                       *(name.encode() for name in wanted))
    place = cache.entry("closures", key, make)
    return msgspec.json.decode((place / _LIST).read_bytes(), type=list[str])


def _said(error: GoneError) -> str:
    found = re.search(r"\(([^)]*)\)", str(error))
    return found[1] if found else str(error)


def packages_key(packages: Sequence[str]) -> str:
    """Names a root of these packages: a version is built once."""
    return digest_bytes(_LAYOUT, *(package.encode() for package in packages))


def add_packages(tree: Tree, packages: Sequence[str], folder: Path, cache: Cache,
                 progress: Progress) -> None:
    """Fetch packages to a directory, and put what they hold into a tree."""
    archive = Archive(cache, progress=progress)
    with progress.task(f"fetch {len(packages)} packages", 100) as task:
        apt = archive.apt_of(_suites(archive), folder)
        apt.fetch(["download", *packages], f"{len(packages)} packages of a root", task=task)
    found = sorted(folder.glob("*.deb"))
    if len(found) != len(packages):
        raise ArchiveError(f"{len(found)} of {len(packages)} packages came: run the command again.")
    for name in _MERGED:
        tree.directory(f"usr/{name}")
        tree.link(name, f"usr/{name}")
    tree.link("var/run", "/run")
    with progress.task("make a root of them", len(found)) as task:
        for path in found:
            try:
                add_members(tree, package_members(path), path.name)
            except UsageError as error:
                raise KernelError(f"{path.name} is damaged ({error}): run the command "
                                  "again.") from error
            task.advance()
    _finish(tree)


def _finish(tree: Tree) -> None:
    add_missing(tree, _DIRECTORIES)
    for name, text in _FILES.items():
        if tree.find(name) is None:
            tree.text(name, text)
    if tree.find("usr/bin/sh") is None:
        tree.link("usr/bin/sh", "busybox")


def _suites(archive: Archive) -> list[str]:
    """The suites of the Debian release of this machine, backports left out."""
    own = {_base(mirror.suite) for mirror in machine_mirrors()}
    there = [one for one in archive.releases() if not one.suite.endswith("-backports")]
    found = [one.suite for one in there
             if not own.isdisjoint((_base(one.suite), _base(archive.named(one))))]
    if not found:
        raise ArchiveError(
            "--packages takes the Debian release that this machine's apt configuration names, "
            f"which is none of {', '.join(one.suite for one in there)}: name one in a file of "
            "/etc/apt/sources.list.d.")
    return found


def _base(suite: str) -> str:
    return suite.split("-")[0].split("/")[0]
