# SPDX-License-Identifier: GPL-2.0-or-later
"""A root file system of the user's: a directory, a tar archive, or an image of ext4.

It is read and never changed. What has no meaning in a guest is left out and said.
"""

from __future__ import annotations

import os
import stat
import struct
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tailwalk.cache import Cache, digest_bytes
from tailwalk.errors import KernelError, ToolError, UsageError
from tailwalk.files import open_bounded
from tailwalk.kernels.bounds import PACKAGE
from tailwalk.kernels.compression import unpacked
from tailwalk.kernels.package import is_tar, tar_members
from tailwalk.programs.tree import MIB, Owned, Tree

_EXT4_MAGIC, _EXT4_AT = b"\x53\xef", 1024 + 56
_SEGMENT = struct.Struct("<QQQ")
_LITERAL = 256
_BLOCK = 4096
_MOST_SEGMENT = 1 << 20
_XATTR = ("SCHILY.xattr.", "LIBARCHIVE.xattr.")


def kind_of(path: Path) -> str:
    """`directory`, `tar` or `image`; raises UsageError for anything else."""
    if path.is_dir():
        return "directory"
    try:
        with open_bounded(path, 1 << 62) as stream:
            stream.seek(_EXT4_AT)
            if stream.read(2) == _EXT4_MAGIC:
                return "image"
        if is_tar(path):
            return "tar"
    except OSError as error:
        raise UsageError(f"--root {path}: it cannot be read ({error.strerror}).") from error
    except (KernelError, ToolError) as error:
        raise UsageError(f"--root {path}: {error}") from error
    raise UsageError(f"--root {path}: it is neither a directory, nor a tar archive (as docker "
                     "export makes it), nor an image of ext4 without a partition table.")


# A directory

@dataclass(frozen=True)
class _Inside:
    name: str
    path: Path
    status: os.stat_result


def _walk(folder: Path, name: str = "") -> Iterator[_Inside]:
    with os.scandir(folder) as entries:
        inside = sorted(entries, key=lambda entry: entry.name)
    for entry in inside:
        one = _Inside(f"{name}{entry.name}", Path(entry.path), entry.stat(follow_symlinks=False))
        yield one
        if stat.S_ISDIR(one.status.st_mode):
            yield from _walk(one.path, f"{one.name}/")


def list_directory(root: Path, most: int) -> list[_Inside]:
    """What is in a directory, in order; raises UsageError where it cannot be read, or its files
    have more than `most` bytes together."""
    found, size = [], 0
    try:
        for one in _walk(root):
            found.append(one)
            size += one.status.st_size if stat.S_ISREG(one.status.st_mode) else 0
            if size > most:
                raise UsageError(
                    f"--root {root}: it has more than the {most // MIB:,} MiB that find room in "
                    f"the guest's memory (as far as {one.path}): give it more with --memory, or "
                    "take a smaller root.")
    except OSError as error:
        raise UsageError(f"--root {root}: {error.filename} cannot be read ({error.strerror}). A "
                         "root of files that are root's own can be given as a tar.") from error
    return found


def directory_key(found: list[_Inside], root: Path, cache: Cache) -> str:
    """Names what is in a directory."""
    files = [one.name for one in found if stat.S_ISREG(one.status.st_mode)
             or stat.S_ISLNK(one.status.st_mode)]
    try:
        digests = cache.digests(root, files)
    except OSError as error:
        raise UsageError(f"--root {root}: {error.filename} cannot be read "
                         f"({error.strerror}).") from error
    return digest_bytes(*(part for one in found for part in (
        os.fsencode(one.name), digests.get(one.name, "").encode(),
        f"{one.status.st_mode} {one.status.st_rdev} {int(one.status.st_mtime)} "
        f"{one.status.st_ino if one.status.st_nlink > 1 else 0}".encode())))


def add_directory(tree: Tree, found: list[_Inside]) -> None:
    """Put what is in a directory into a tree, all of it root's."""
    names: dict[tuple[int, int], str] = {}
    for one in found:
        mode, owned = one.status.st_mode, Owned(modified=int(one.status.st_mtime))
        identity = (one.status.st_dev, one.status.st_ino)
        if stat.S_ISDIR(mode):
            tree.directory(one.name, stat.S_IMODE(mode), owned)
        elif stat.S_ISLNK(mode):
            tree.link(one.name, str(one.path.readlink()), owned)
        elif identity in names:
            tree.hard(one.name, names[identity], owned)
        elif stat.S_ISREG(mode):
            with one.path.open("rb") as stream:
                tree.file(one.name, stream, one.status.st_size, stat.S_IMODE(mode), owned)
            if one.status.st_nlink > 1:
                names[identity] = one.name
        elif not stat.S_ISSOCK(mode):  # which nobody listens to
            tree.special(one.name, mode, (os.major(one.status.st_rdev),
                                          os.minor(one.status.st_rdev)), owned)


# A tar archive

_DEVICES = {tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK,
            tarfile.FIFOTYPE: stat.S_IFIFO}


def add_tar(tree: Tree, path: Path) -> list[str]:
    """Put what is in a tar archive into a tree; returns what was left out, in words. Raises
    UsageError where it is damaged, or a name in it leads out of the root."""
    try:
        with open_bounded(path, PACKAGE) as stream:
            return add_members(tree, unpacked(stream, str(path)), str(path))
    except OSError as error:
        raise UsageError(f"--root {path}: it cannot be read ({error.strerror}).") from error
    except (tarfile.TarError, EOFError, KernelError, ToolError, ValueError, ArithmeticError,
            RecursionError) as error:
        raise UsageError(f"--root {path}: it is damaged ({error}). Make it anew.") from error


def add_members(tree: Tree, pieces: Iterator[bytes], what: str) -> list[str]:
    """Put the members of a tar archive into a tree; returns what was left out, in words."""
    attributes = others = 0
    for tar, member in tar_members(pieces):
        name = _inside(member.name, what)
        mode, owned = member.mode & 0o7777, Owned(
            uid=member.uid, gid=member.gid, modified=int(member.mtime))
        attributes += any(key.startswith(_XATTR) for key in member.pax_headers)
        if member.isdir():
            tree.directory(name, mode, owned)
        elif member.issym():
            tree.link(name, member.linkname, owned)
        elif member.islnk():
            tree.hard(name, _inside(member.linkname, what), owned)
        elif member.isreg():
            content = tar.extractfile(member)
            assert content is not None  # it is a regular file
            tree.file(name, content, member.size, mode, owned)
        elif member.type in _DEVICES:
            tree.special(name, _DEVICES[member.type] | mode, (member.devmajor, member.devminor),
                         owned)
        else:
            others += 1
    return [note for count, note in (
        (attributes, f"extended attributes of {attributes:,} files of {what} are left out, as are "
                     "the capabilities that some of them may be"),
        (others, f"{others:,} members of {what} are of no kind that a file system has, and are "
                 "left out")) if count]


def _inside(name: str, what: str) -> str:
    if ".." in name.split("/"):
        raise UsageError(f"{what} holds the name {name!r}, which leads out of the root: it was "
                         "made by no container tool. Nothing of it is used.")
    return name


# An image

def pack_image(path: Path, out: BinaryIO, most: int) -> int:
    """Write what an image of ext4 holds, but for zeros, as the probe's `image` takes it
    (probe/disk.c); returns how many bytes of it are no zeros. Raises UsageError where these are
    more than `most`."""
    held = 0
    try:
        with open_bounded(path, 1 << 62) as stream:
            for at, data in _blocks(stream):
                out.write(_SEGMENT.pack(at, len(data), _LITERAL) + data)
                held += len(data)
                if held > most:
                    raise UsageError(
                        f"--root {path}: it holds more than the {most // MIB:,} MiB that find room "
                        "in the guest's memory: give it more with --memory.")
    except OSError as error:
        raise UsageError(f"--root {path}: it cannot be read ({error.strerror}).") from error
    return held


def _blocks(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Runs of blocks that are not all zeros, and where they begin."""
    size, at = os.fstat(stream.fileno()).st_size, 0
    while at < size:
        try:
            at = os.lseek(stream.fileno(), at, os.SEEK_DATA) // _BLOCK * _BLOCK
        except OSError:  # nothing but a hole follows
            return
        end = min(size, os.lseek(stream.fileno(), at, os.SEEK_HOLE), at + _MOST_SEGMENT)
        data = os.pread(stream.fileno(), end - at, at)
        begin = None
        for inside in range(0, len(data) + _BLOCK, _BLOCK):
            block = data[inside:inside + _BLOCK]
            is_zero = not block.strip(b"\0")
            if begin is None and not is_zero:
                begin = inside
            elif begin is not None and is_zero:
                yield at + begin, data[begin:inside]
                begin = None
        at = end
