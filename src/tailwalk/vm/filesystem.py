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
from tailwalk.filesystems import Mkfs, find_kind
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


def mkfs_program(kind: str) -> str:
    """The path of `mkfs.KIND`; raises ToolError naming the package where it is missing."""
    return find_program(f"mkfs.{kind}", _mkfs(kind).package)


def _mkfs(kind: str) -> Mkfs:
    mkfs = find_kind(kind).mkfs
    if mkfs is None:
        raise UsageError(f"{kind} lives in memory: there is no disk to make it on.")
    return mkfs


def _mkfs_arguments(wanted: Filesystem) -> list[str]:
    return _mkfs(wanted.kind).arguments(wanted.block_size)


def make_image(wanted: Filesystem, path: Path, *, size: int) -> None:
    """Make the file system as a sparse file of `size` bytes at `path`; errors as
    `make_filesystem`."""
    with path.open("wb") as stream:
        stream.truncate(size)
    make_filesystem(wanted, path)


def make_filesystem(wanted: Filesystem, path: Path) -> None:
    """Make the file system in a file that is there; blocks that mkfs has no use for keep what
    they hold.

    Raises ToolError where mkfs is missing or fails, UsageError for a kind that guests cannot have
    or a block size the file system does not have.
    """
    find_kind(wanted.kind).check_block_size(wanted.block_size)
    program = mkfs_program(wanted.kind)
    with naming(program):
        status, said = run([program, *_mkfs_arguments(wanted), str(path)],
                           environment={**os.environ, "E2FSPROGS_FAKE_TIME": "1700000000",
                                        "SOURCE_DATE_EPOCH": "1700000000", "LC_ALL": "C",
                                        "MKE2FS_CONFIG": os.devnull})
    if status:
        raise ToolError(f"{program} failed: {said.strip()}")


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


def _repeated(grain: bytes) -> int | None:
    """The byte that a grain repeats; None where it holds several."""
    return grain[0] if grain.count(grain[0]) == len(grain) else None


def _split(base: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    grains = ((at, data[at:at + _GRAIN]) for at in range(0, len(data), _GRAIN))
    for byte, members in groupby(grains, key=lambda member: _repeated(member[1])):
        if byte == 0:
            continue
        run = list(members)
        yield base + run[0][0], b"".join(grain for _, grain in run)


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
    arguments = " ".join(_mkfs_arguments(wanted))
    _, version = run([mkfs_program(wanted.kind), "-V"])
    key = digest_bytes(b"segments", arguments.encode(), str(size).encode(), version.encode())

    def make(folder: Path) -> None:
        image = folder / "image"
        make_image(wanted, image, size=size)
        (folder / "packed").write_bytes(b"".join(map(_pack, segments(image))))
        image.unlink()

    return (cache.entry("filesystem", key, make) / "packed").read_bytes()
