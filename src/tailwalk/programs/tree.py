# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree of files on its way to a guest: one stream of entries, which the probe makes in memory.

Nothing of a tree is ever made on this machine: names that somebody else gave are followed in the
tree alone, so that no `..` and no link leads out of it. Of an entry that comes twice the last
holds.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, NoReturn

from tailwalk.errors import UsageError
from tailwalk.machines import GUEST

MIB = 1 << 20

_ENTRY = struct.Struct("<8IQq")
"""probe/root.c: mode, owner, group, device (two), lengths of name and target, nothing, size of the
content, time of its last change."""

_LONGEST = 4095
_MOST_LINKS = 40  # as the kernel follows (MAXSYMLINKS)
_PIECE = 1 << 20
_BESIDE = 1024
"""Bytes that the kernel needs for a file besides its content, about."""


@dataclass(frozen=True)
class Node:
    """What a name of a tree is; `target` of a symbolic link, and where in the stream a regular
    file's content is."""

    mode: int
    target: str = ""
    size: int = 0
    at: int = 0

    @property
    def is_directory(self) -> bool:
        """Is it a directory?"""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Is it a symbolic link?"""
        return stat.S_ISLNK(self.mode)


@dataclass(frozen=True, kw_only=True)
class Owned:
    """Whose an entry is, and when it was last changed, in seconds."""

    uid: int = 0
    gid: int = 0
    modified: int = 0


ROOTS = Owned()


class Tree:
    """A tree that is being written, or was: its nodes by their names, which have no slash in front,
    and no link on the way."""

    def __init__(self, out: BinaryIO | None = None, *, most: int = 1 << 62, what: str = "") -> None:
        """Entries go to `out`. `what` it is made from stands in errors, and `most` is what it may
        take of a guest's memory, bytes."""
        self._out = out or BytesIO()
        self._most = most
        self._what = what
        self.nodes: dict[str, Node] = {"": Node(stat.S_IFDIR | 0o755)}
        self.entries = 0
        self.memory = 0

    def resolve(self, name: str, *, last: bool = True) -> str:
        """The name without links on the way, nor at its end where `last` says so; nothing of it
        need be there. Raises UsageError for links without end."""
        todo, found, links = name.split("/")[::-1], list[str](), 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                del found[-1:]  # above the root is the root
                continue
            node = self.nodes.get("/".join([*found, part]))
            if node is not None and node.is_link and (last or any(todo)):
                links += 1
                if links > _MOST_LINKS:
                    raise UsageError(f"{self._what}: /{name} goes through links without end.")
                if node.target.startswith("/"):
                    found.clear()
                todo += node.target.split("/")[::-1]
            else:
                found.append(part)
        return "/".join(found)

    def find(self, name: str) -> Node | None:
        """What the name is, links followed; None where it is nothing."""
        return self.nodes.get(self.resolve(name))

    def directory(self, name: str, mode: int = 0o755, owned: Owned = ROOTS) -> None:
        """Add a directory, or give one that is there, by a link too, this mode and owner."""
        place = self.resolve(name)
        self._parents(place)
        known = self.nodes.get(place)
        if known is not None and not known.is_directory:
            self._refuse(name, "is a directory and something else")
        self._add(place, Node(stat.S_IFDIR | mode), owned)

    def file(self, name: str, content: IO[bytes], size: int, mode: int = 0o644,
             owned: Owned = ROOTS) -> None:
        """Add a regular file of so many bytes."""
        self._room(name, size)
        self._add(self._place(name), Node(stat.S_IFREG | mode, size=size), owned)
        while size:
            piece = content.read(min(size, _PIECE))
            if not piece:
                self._refuse(name, "ends too early: it was changed while it was read, or the "
                                   "archive is damaged")
            self._out.write(piece)
            size -= len(piece)

    def text(self, name: str, content: str, mode: int = 0o644) -> None:
        """Add a regular file that holds a text."""
        data = content.encode()
        self.file(name, BytesIO(data), len(data), mode)

    def link(self, name: str, target: str, owned: Owned = ROOTS) -> None:
        """Add a symbolic link."""
        self._add(self._place(name), Node(stat.S_IFLNK | 0o777, target), owned, target)

    def hard(self, name: str, to: str, owned: Owned = ROOTS) -> None:
        """Add another name of a file that is there."""
        source = self.resolve(to, last=False)
        node = self.nodes.get(source)
        if node is None or node.is_directory:
            self._refuse(name, f"is a hard link to /{source}, and there is no such file before it")
        place = self._place(name)
        if node.is_link:
            self._add(place, node, owned, node.target)
        elif place != source:
            self._add(place, node, owned, source, written=Node(
                stat.S_IFREG | stat.S_IMODE(node.mode)))

    def special(self, name: str, mode: int, device: tuple[int, int] = (0, 0),
                owned: Owned = ROOTS) -> None:
        """Add a device or a pipe; `mode` with its kind."""
        self._add(self._place(name), Node(mode), owned, device=device)

    def _place(self, name: str) -> str:
        place = self.resolve(name, last=False)
        self._parents(place)
        known = self.nodes.get(place)
        if known is not None and known.is_directory:
            self._refuse(name, "is a directory and something else")
        return place

    def _parents(self, place: str) -> None:
        parts = place.split("/")
        for count in range(1, len(parts)):
            parent = "/".join(parts[:count])
            known = self.nodes.get(parent)
            if known is None:
                self._add(parent, Node(stat.S_IFDIR | 0o755), ROOTS)
            elif not known.is_directory:
                self._refuse(place, f"lies in /{parent}, which is no directory")

    def _add(self, place: str, node: Node, owned: Owned, target: str = "", *,
             written: Node | None = None, device: tuple[int, int] = (0, 0)) -> None:
        """Add a node, which may be one that is there, and is `written` as another."""
        name, to = os.fsencode(place or "."), os.fsencode(target)
        if max(len(name), len(to)) > _LONGEST or b"\0" in name + to:
            self._refuse(place, "has a name or target that no file can have")
        self._room(place, 0)
        mask = (1 << 32) - 1
        entry = written or node
        self._out.write(_ENTRY.pack(entry.mode, owned.uid & mask, owned.gid & mask,
                                    *(part & mask for part in device), len(name), len(to), 0,
                                    entry.size, max(min(owned.modified, 1 << 40), 0)) + name + to)
        if written is None and stat.S_ISREG(node.mode):
            node = Node(node.mode, size=node.size, at=self._out.tell())
        self.nodes[place] = node
        self.entries += 1

    def _room(self, name: str, size: int) -> None:
        self.memory += _BESIDE + (size + GUEST.page - 1) // GUEST.page * GUEST.page
        if self.memory > self._most:
            raise UsageError(
                f"{self._what} has more than the {self._most // MIB:,} MiB that find room in the "
                f"guest's memory (as far as /{name}): give it more with --memory, or take out "
                "what the program does not need.")

    def _refuse(self, name: str, why: str) -> NoReturn:
        raise UsageError(f"{self._what}: /{name} {why}.")


def read_tree(path: Path) -> Tree:
    """The nodes of a tree that was written to a file."""
    tree = Tree(what=str(path))
    with path.open("rb") as stream:
        for mode, name, target, size in _entries(stream):
            place = "" if name == "." else name
            if stat.S_ISREG(mode) and target:
                tree.nodes[place] = tree.nodes[target]
            else:
                at = stream.tell() if stat.S_ISREG(mode) else 0
                tree.nodes[place] = Node(mode, target, size, at)
            tree.entries += 1
            tree.memory += _BESIDE + size
            stream.seek(size, os.SEEK_CUR)
    return tree


def _entries(stream: BinaryIO) -> Iterator[tuple[int, str, str, int]]:
    while head := stream.read(_ENTRY.size):
        mode, _, _, _, _, name, target, _, size, _ = _ENTRY.unpack(head)
        yield mode, os.fsdecode(stream.read(name)), os.fsdecode(stream.read(target)), size


def add_missing(tree: Tree, directories: Iterable[tuple[str, int]]) -> None:
    """Add those of the directories that are not there, each with its mode."""
    for name, mode in directories:
        if tree.find(name) is None:
            tree.directory(name, mode)
