# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel source trees: Debian's, unpacked into the cache, and the user's own, left as they are.

Only what a build of the lab's configuration for the machine can read is unpacked or copied: of the
rest, the build files, since Kconfig and make open them all. That leaves 22,000 of v6.18's 91,000
files and 200 of its 1,530 MB.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import msgspec

from tailwalk.cache import Cache, digest_bytes, digest_of
from tailwalk.errors import KernelError, SpecError
from tailwalk.files import open_bounded, place_inside, read_bounded
from tailwalk.kernels.bounds import MIB, PACKAGE, SOURCE, TEXT
from tailwalk.kernels.compression import unpacked
from tailwalk.kernels.package import damage_named, tar_members
from tailwalk.machines import GUEST
from tailwalk.progress import Task

KIND = "sources"
_MANIFEST = "source.json"
_TREE = "tree"

_OUTLINES = frozenset(
    line for line in (Path(__file__).parent / "config" / "outlines").read_text().splitlines()
    if not line.startswith("#"))
_BUILD_FILES = ("Kconfig", "Makefile", "Kbuild")

# What a build leaves at the top of a tree.
_PRODUCTS = (".config", "include/config/auto.conf", "include/generated/utsrelease.h")
_VERSION = re.compile(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *=[ \t]*(\S*)", re.MULTILINE)


def selection_digest() -> str:
    """Names the choice of files, so that a cached tree of another choice is made anew."""
    return digest_bytes(*(name.encode() for name in sorted(_OUTLINES)), *(
        name.encode() for name in _BUILD_FILES))


def is_wanted(path: str) -> bool:
    """Can a build read the file at this path from the top of the tree?"""
    parts = path.split("/")
    if parts[-1].startswith(_BUILD_FILES):
        return True
    if parts[0] == "arch" and len(parts) > 2 and parts[1] != GUEST.sources:
        return False
    return parts[0] not in _OUTLINES and "/".join(parts[:2]) not in _OUTLINES


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """A source tree to build from.

    Attributes:
        root: its top directory.
        version: what its Makefile says (`6.18.15`).
        files: sha256 (hex) of every file a build can read, by its path.
        lineage: names the place whose states follow one another: of one lineage, a build begins
            with what the last one left. None for a tree that never changes.
        provenance: where it came from.
    """

    root: Path
    version: str
    files: Mapping[str, str]
    lineage: str | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """sha256 (hex) over paths and contents."""
        return digest_bytes(*(part.encode() for pair in sorted(self.files.items())
                              for part in pair))


class _Manifest(msgspec.Struct, frozen=True):
    version: str
    provenance: dict[str, str]
    files: dict[str, str]


def cached_tree(cache: Cache, key: str) -> SourceTree | None:
    """The unpacked tree of that key; None where it is not in the cache."""
    place = cache.path(KIND, key)
    try:
        manifest = msgspec.json.decode((place / _MANIFEST).read_bytes(), type=_Manifest)
    except (OSError, msgspec.MsgspecError):
        return None
    return SourceTree(root=place / _TREE, version=manifest.version, files=manifest.files,
                      provenance=manifest.provenance)


def cached_trees(cache: Cache) -> Iterator[SourceTree]:
    """Every unpacked tree in the cache."""
    home = cache.root / KIND
    for place in sorted(home.iterdir()) if home.is_dir() else ():
        if not place.name.startswith(".") and (tree := cached_tree(cache, place.name)):
            yield tree


def unpack_tree(archive: Path, folder: Path, provenance: Mapping[str, str], *,
                task: Task) -> None:
    """Unpack a tar archive of kernel source, compressed or not, into a cache entry's folder.

    Counts the archive's members on `task`. Raises KernelError for what is no such archive.
    """
    files: dict[str, str] = {}
    tree = folder / _TREE
    tree.mkdir()
    with (damage_named(archive, "source archive"), open_bounded(archive, PACKAGE) as stream):
        for tar, member in tar_members(unpacked(stream, str(archive))):
            task.advance()
            # All of it lies in one directory, linux-VERSION/.
            path = member.name.removeprefix("./").partition("/")[2]
            if (member.isfile() or member.issym()) and path and is_wanted(path):
                place_inside(tree, path if member.isfile() else PurePosixPath(path).parent)
                member.name = path
                tar.extract(member, tree, filter="data")
                files[path] = digest_of(tree / path)
    manifest = _Manifest(tree_version(tree), dict(provenance), files)
    (folder / _MANIFEST).write_bytes(msgspec.json.encode(manifest))


def user_tree(path: Path) -> SourceTree:
    """A source tree of the user's as it is now.

    In a git work tree, the files that git tracks or would track; elsewhere, all of them. Raises
    SpecError for what is no kernel source, and KernelError for a tree outside git that has been
    built in.
    """
    root = path.absolute()
    if not root.is_dir():
        raise SpecError(f"there is no directory {path}: src:PATH wants the top of a kernel "
                        "source tree, src:VERSION fetches one.")
    version = tree_version(root)
    listed: Iterable[str] | None = _git_files(root)
    if listed is None:
        product = next((name for name in _PRODUCTS if (root / name).exists()), None)
        if product:
            raise KernelError(
                f"{path} has been built in ({product} is there), and outside git nothing tells "
                "source from build products: run `make mrproper` in it, or give a clean copy.")
        listed = _walk(root)
    files = {}
    for name in listed:
        # What git tracks may be deleted in the work tree, or be a repository of its own.
        path = root / name
        if is_wanted(name) and (path.is_symlink() or path.is_file()):
            if path.lstat().st_size > SOURCE:
                raise KernelError(f"{path} has more than {SOURCE // MIB} MiB, which is no kernel "
                                  "source: remove it, or let git ignore it.")
            files[name] = digest_of(path)
    return SourceTree(root=root, version=version, files=files,
                      lineage=digest_bytes(os.fsencode(root.resolve())),
                      provenance={"path": str(root), **_commit(root)})


def tree_version(root: Path) -> str:
    """The version in a tree's Makefile; SpecError where there is none."""
    try:
        text = read_bounded(root / "Makefile", TEXT)[:4096].decode(errors="replace")
        fields = dict(_VERSION.findall(text))
    except OSError:
        fields = {}
    if "VERSION" not in fields or not (root / "arch" / GUEST.sources).is_dir():
        raise SpecError(f"{root} is no kernel source tree for {GUEST.title}: its Makefile names no "
                        f"version, or it has no arch/{GUEST.sources}. Give its top directory.")
    numbers: list[str] = [fields.get(name) or "0" for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL")]
    return ".".join(numbers) + str(fields.get("EXTRAVERSION", ""))


def _git(root: Path, *arguments: str) -> str | None:
    """What git says in a tree; None without git, or where the tree is no work tree of its own."""
    try:
        # A tree's own configuration may name a program for git to ask what has changed.
        done = subprocess.run(["git", "-C", str(root), "-c", "core.fsmonitor=false", *arguments],
                              capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None


def _git_files(root: Path) -> list[str] | None:
    if _git(root, "rev-parse", "--show-cdup") != "\n":
        return None
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return None if listed is None else [name for name in listed.split("\0") if name]


def _commit(root: Path) -> dict[str, str]:
    if _git(root, "rev-parse", "--show-cdup") != "\n":
        return {}
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return {}
    changed = _git(root, "status", "--porcelain", "--untracked-files=normal")
    return {"commit": commit.strip() + (" and changes" if changed else "")}


def _walk(root: Path) -> Iterable[str]:
    def refuse(error: OSError) -> None:
        raise KernelError(f"cannot read {error.filename}: {error.strerror}.") from error

    for folder, folders, names in os.walk(root, onerror=refuse):
        if ".git" in folders:  # of a git that is not there, or refuses to serve this user
            folders.remove(".git")
        below = os.path.relpath(folder, root)
        for name in [*names, *(name for name in folders if Path(folder, name).is_symlink())]:
            yield name if below == "." else f"{below}/{name}"
