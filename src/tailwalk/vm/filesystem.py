# SPDX-License-Identifier: GPL-2.0-or-later
"""Fresh file systems for guests, made on the host as ordinary files.

A file system travels to the guest as its bytes that are neither zero nor repeated: some 15 KiB,
where the image has half a GiB. The guest reads them one by one from an I/O port. Features,
identifiers and times are pinned, so that the guest executes the same instructions whatever
version of mkfs made it.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from tailwalk.cache import Cache, digest_bytes
from tailwalk.cases import KIB, Filesystem
from tailwalk.errors import ToolError, UsageError
from tailwalk.filesystems import find_kind
from tailwalk.processes import run
from tailwalk.refusals import naming
from tailwalk.vm.qemu import RAM_DISK_KIB

# XFS asks for 300 MiB at least (mkfs.xfs 6.1); zeros cost nothing.
IMAGE_SIZE = RAM_DISK_KIB * KIB
RAM_DISK = "/dev/ram0"
_SEGMENT = struct.Struct("<QQQ")
_LITERAL = 256
_GRAIN = 64


def find_program(name: str, package: str) -> str:
    """The path of a program that may lie where only root looks; raises ToolError naming the
    package where it is missing."""
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=search)
    if found is None:
        raise ToolError(f"{name} is missing: as root, run apt-get install {package}")
    return found


def mkfs_command(wanted: Filesystem) -> list[str]:
    """The program that makes the file system, and its arguments but the place.

    Raises ToolError naming the package where it is missing, UsageError for a kind that is made on
    no disk or a block size the file system does not have.
    """
    kind = find_kind(wanted.kind).check_block_size(wanted.block_size)
    if kind.mkfs is None:
        raise UsageError(f"{wanted.kind} lives in memory: there is no disk to make it on.")
    return [find_program(f"mkfs.{wanted.kind}", kind.mkfs.package),
            *kind.mkfs.arguments(wanted.block_size)]


def make_image(wanted: Filesystem, path: Path, *, size: int) -> None:
    """Make the file system as a sparse file of `size` bytes at `path`; errors as
    `make_filesystem`."""
    with path.open("wb") as stream:
        stream.truncate(size)
    make_filesystem(wanted, path)


def make_filesystem(wanted: Filesystem, path: Path) -> None:
    """Make the file system in a file that is there; blocks that mkfs has no use for keep what
    they hold.

    Raises ToolError where mkfs fails, and as `mkfs_command`.
    """
    command = mkfs_command(wanted)
    with naming(command[0]):
        status, said = run([*command, str(path)],
                           environment={**os.environ, "E2FSPROGS_FAKE_TIME": "1700000000",
                                        "SOURCE_DATE_EPOCH": "1700000000", "LC_ALL": "C",
                                        "MKE2FS_CONFIG": os.devnull})
    if status:
        raise ToolError(f"{command[0]} failed: {said.strip()}")


def segments(path: Path) -> Iterator[tuple[int, bytes]]:
    """The parts of a file that are not zero, as (offset, bytes), cut at multiples of 64 bytes;
    each consists of one byte repeated or is wholly literal."""
    with path.open("rb") as stream:
        size = path.stat().st_size
        at = 0
        while at < size:
            try:
                begin = os.lseek(stream.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole follows
                return
            at = os.lseek(stream.fileno(), begin, os.SEEK_HOLE)
            stream.seek(begin)
            yield from _split(begin, stream.read(at - begin))


def _repeated(data: bytes) -> int | None:
    """The byte that the data repeat; None where they hold several."""
    return data[0] if data.count(data[0]) == len(data) else None


def _split(base: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    grains = (data[at:at + _GRAIN] for at in range(0, len(data), _GRAIN))
    for byte, members in groupby(grains, key=_repeated):
        run = b"".join(members)
        if byte != 0:
            yield base, run
        base += len(run)


def _pack(segment: tuple[int, bytes]) -> bytes:
    offset, data = segment
    byte = _repeated(data)
    if byte is None:
        return _SEGMENT.pack(offset, len(data), _LITERAL) + data
    return _SEGMENT.pack(offset, len(data), byte)


def packed_image(wanted: Filesystem, cache: Cache, *, size: int = IMAGE_SIZE) -> bytes:
    """A fresh file system as the probe's `disk` command takes it: for each segment its offset,
    its length and the byte it repeats, 256 for none, as 64-bit little-endian words; the bytes
    follow where it repeats none. What is zero is left out, as a new RAM disk is zero."""
    program, *arguments = mkfs_command(wanted)
    _, version = run([program, "-V"])
    key = digest_bytes(b"segments", " ".join(arguments).encode(), str(size).encode(),
                       version.encode())

    def make(folder: Path) -> None:
        image = folder / "image"
        make_image(wanted, image, size=size)
        (folder / "packed").write_bytes(b"".join(map(_pack, segments(image))))
        image.unlink()

    return (cache.entry("filesystem", key, make) / "packed").read_bytes()
