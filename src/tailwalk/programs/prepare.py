# SPDX-License-Identifier: GPL-2.0-or-later
"""A program and its root file system, ready for guests: an entry of the cache, named by what is in
it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import msgspec

from tailwalk.cache import Cache, digest_bytes, digest_file
from tailwalk.errors import UsageError
from tailwalk.files import read_bounded
from tailwalk.filesystems import find_kind
from tailwalk.probe.job import job_line
from tailwalk.programs import packages, roots
from tailwalk.programs.elf import interpreter_of, read_elf
from tailwalk.programs.local import find_local
from tailwalk.programs.plan import WORK, ExecPlan
from tailwalk.programs.tree import MIB, Node, Tree, add_missing, read_tree
from tailwalk.progress import Progress

KIND = "roots"
_LAYOUT = b"root 1"
_CONTENT = "content"
_NOTES = "notes.json"
_IMAGE_DEVICE = "/dev/ram1"
_KERNELS = 192 * MIB
"""What a guest's kernel and the file system under test are left of its memory, at least."""
_OWN = (("dev", 0o755), ("mnt", 0o755), ("proc", 0o555), ("run", 0o755), ("sys", 0o555),
        ("tmp", 0o1777))
_SCRIPTS = 4


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A program in its root.

    Attributes:
        program: its path in the guest.
        digest: sha256 of its file, or of the image that it is in.
        line: of the job, that makes the root of the `content`, which follows it.
        key: names the root.
        title: what the root is, for records; empty for a program of this machine.
        drivers: that the kernel needs for it.
        image: size in bytes of the disk that the root is; 0 for a tree.
        notes: what was left out of it, in words.
    """

    program: str
    digest: str
    line: bytes
    content: Path
    key: str
    title: str
    drivers: Sequence[str] = ()
    image: int = 0
    notes: Sequence[str] = ()


def room_for_root(memory: int) -> int:
    """What a root may take of the memory of a guest with so many MiB, in bytes."""
    return max(memory * MIB - _KERNELS, 0) * 3 // 4


def prepare(plan: ExecPlan, *, memory: int, cache: Cache, progress: Progress) -> Prepared:
    """The plan's program and its root for guests with so many MiB.

    Raises UsageError for a program, script or root that cannot be taken, ArchiveError and ToolError
    where packages cannot be had, CacheError.
    """
    most = room_for_root(memory)
    if plan.packages:
        return _of_packages(plan, most, cache, progress)
    if plan.root is None:
        return _local(plan, most, cache)
    kind = roots.kind_of(plan.root)
    if kind == "directory":
        return _of_directory(plan, plan.root, most, cache)
    if kind == "tar":
        return _of_tar(plan, plan.root, most, cache, progress)
    return _of_image(plan, plan.root, most, cache, progress)


def _local(plan: ExecPlan, most: int, cache: Cache) -> Prepared:
    try:
        found = find_local(plan.program, most=most)
        key = digest_bytes(_LAYOUT, b"local", found.key(cache).encode())
        digest = digest_bytes(read_bounded(plan.program, most))
    except OSError as error:
        raise UsageError(f"cannot read the program {plan.program}, or {error.filename}, which it "
                         f"needs: {error.strerror}.") from error

    def fill(tree: Tree) -> Sequence[str]:
        found.add_to(tree)
        add_missing(tree, _OWN)
        return ()

    place = _made(cache, key, fill, most, str(plan.program))
    return _prepared(plan, place, read_tree(place / _CONTENT), key=key, title="",
                     program=found.program, digest=digest)


def _of_packages(plan: ExecPlan, most: int, cache: Cache, progress: Progress) -> Prepared:
    found = packages.find_packages(plan.packages, cache, progress)
    key = packages.packages_key(found)
    title = f"packages {','.join(plan.packages)}"

    def fill(tree: Tree) -> Sequence[str]:
        with cache.scratch(KIND, f"packages-{key}") as folder:
            packages.add_packages(tree, found, folder, cache, progress)
        return ()

    place = _made(cache, key, fill, most, f"a root of {title}")
    return _in_root(plan, place, key, f"{title}: {' '.join(found)}", most)


def _of_directory(plan: ExecPlan, root: Path, most: int, cache: Cache) -> Prepared:
    found = roots.list_directory(root, most)
    key = digest_bytes(_LAYOUT, b"directory", roots.directory_key(found, root, cache).encode())

    def fill(tree: Tree) -> Sequence[str]:
        roots.add_directory(tree, found)
        return ()

    return _in_root(plan, _made(cache, key, fill, most, f"--root {root}"), key,
                    f"directory {root.resolve().name}", most)


def _of_tar(plan: ExecPlan, root: Path, most: int, cache: Cache, progress: Progress) -> Prepared:
    key = digest_bytes(_LAYOUT, b"tar", _digest(root, cache).encode())

    def fill(tree: Tree) -> Sequence[str]:
        with progress.task(f"read {root.name}"):
            return roots.add_tar(tree, root)

    return _in_root(plan, _made(cache, key, fill, most, f"--root {root}"), key,
                    f"tar {root.name}", most)


def _of_image(plan: ExecPlan, root: Path, most: int, cache: Cache, progress: Progress) -> Prepared:
    digest = _digest(root, cache)
    key = digest_bytes(_LAYOUT, b"image", digest.encode())

    def make(folder: Path) -> None:
        with progress.task(f"read {root.name}"), (folder / _CONTENT).open("wb") as out:
            roots.pack_image(root, out, most)

    content = cache.entry(KIND, key, make) / _CONTENT
    _require_room(content.stat().st_size, most, f"--root {root}")
    if "/" not in str(plan.program):
        raise UsageError(f"--root {root}: {plan.program} is no path, and an image is not looked "
                         "into: give the program's path there.")
    program = _named(plan, lambda _: True)
    return Prepared(
        program=program, digest=digest, key=key, title=f"image {root.name}", content=content,
        line=job_line("image", device=_IMAGE_DEVICE, length=content.stat().st_size),
        drivers=find_kind("ext4").drivers, image=root.stat().st_size)


def _digest(path: Path, cache: Cache) -> str:
    path = path.resolve()
    return cache.digests(path.parent, [path.name])[path.name]


def _made(cache: Cache, key: str, fill: Callable[[Tree], Sequence[str]], most: int,
          what: str) -> Path:
    def make(folder: Path) -> None:
        with (folder / _CONTENT).open("wb") as out:
            notes = fill(Tree(out, most=most, what=what))
        (folder / _NOTES).write_bytes(msgspec.json.encode(notes))

    return cache.entry(KIND, key, make)


def _in_root(plan: ExecPlan, place: Path, key: str, title: str, most: int) -> Prepared:
    """The program of a root that is a tree."""
    tree = read_tree(place / _CONTENT)
    _require_room(tree.memory, most, f"the {title.split(':')[0]}")
    program = _named(plan, lambda name: tree.find(name) is not None)
    node = _checked(tree, place / _CONTENT, program, title.split(":")[0], plan)
    digest = "" if node is None else sha256(_read(place / _CONTENT, node, node.size)).hexdigest()
    return _prepared(plan, place, tree, key=key, title=title, program=program, digest=digest)


def _prepared(plan: ExecPlan, place: Path, tree: Tree, *, key: str, title: str, program: str,
              digest: str) -> Prepared:
    carried = {f"{WORK}/{path.name}": path for path in plan.files}
    if program in carried and not digest:
        digest = digest_file(carried[program])
    return Prepared(program=program, digest=digest, line=job_line("tree", entries=tree.entries),
                    content=place / _CONTENT, key=key, title=title,
                    notes=msgspec.json.decode((place / _NOTES).read_bytes(), type=list[str]))


def _require_room(memory: int, most: int, what: str) -> None:
    if memory > most:
        raise UsageError(
            f"{what} takes {memory // MIB + 1:,} MiB of the guest's memory, which has room for "
            f"{most // MIB:,}: give it more with --memory, {memory * 4 // 3 // MIB + 194} at "
            "least.")


def _named(plan: ExecPlan, is_there: Callable[[str], bool]) -> str:
    """The path of a root's program: as it is given, or found on the PATH there."""
    name = str(plan.program)
    if "/" in name:
        return posixpath.normpath(posixpath.join(plan.directory, name))
    for folder in plan.variables["PATH"].split(":"):
        if folder.startswith("/") and is_there(posixpath.join(folder, name)):
            return posixpath.join(folder, name)
    raise UsageError(f"the root has no program {name} on its PATH ({plan.variables['PATH']}): give "
                     "its path, as it is there.")


def _checked(tree: Tree, content: Path, program: str, what: str, plan: ExecPlan) -> Node | None:
    """The node of a root's program, if the kernel can begin it; None for one that is a file that
    is carried to the file system under test. Raises UsageError, since the kernel says no more
    than that there is no such file."""
    if posixpath.dirname(program) == WORK and posixpath.basename(program) in {
            path.name for path in plan.files}:
        return None
    named, first = program, None
    for _ in range(_SCRIPTS):
        node = tree.find(named)
        because = f", which {program} is a script of or is loaded by" if first else ""
        if node is None:
            raise UsageError(f"the {what} has no {named}{because}.")
        if node.is_directory or not node.mode & 0o111:
            raise UsageError(f"{named} of the {what}{because} is no program: it is "
                             f"{'a directory' if node.is_directory else 'not executable'}.")
        first = first or node
        script = interpreter_of(_read(content, node, 4096))
        if script is None:
            loader = read_elf(BytesIO(_read(content, node, node.size)), f"{named} of the "
                              f"{what}").loader
            if loader and tree.find(loader) is None:
                raise UsageError(f"{named} of the {what} is loaded by {loader}, which is not "
                                 "there: its C library is missing.")
            break
        named = script[0]
    return first


def _read(content: Path, node: Node, most: int) -> bytes:
    with content.open("rb") as stream:
        stream.seek(node.at)
        return stream.read(min(most, node.size))
