# SPDX-License-Identifier: GPL-2.0-or-later
"""The file systems that are known: a row each, and nothing else knows them by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tailwalk.errors import UsageError
from tailwalk.machines import GUEST

_UUID = "7a696c77-616c-4b00-8000-746c776b0001"

# What mke2fs 1.46 and 1.47 both make by default, less orphan_file and metadata_csum_seed, which
# only the newer one knows.
_EXT4_FEATURES = ("none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,"
                  "sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum")


@dataclass(frozen=True, kw_only=True)
class Mkfs:
    """What makes a file system on a disk: `mkfs.KIND`.

    Attributes:
        package: what it comes in.
        arguments: for a block size, to make the same in every version.
    """

    package: str
    arguments: Callable[[int], list[str]]


@dataclass(frozen=True, kw_only=True)
class FilesystemKind:
    """A file system.

    Attributes:
        name: the kernel's.
        buffer_heads: has its buffered write path a ring of buffer heads for each folio?
        drivers: what a kernel has to have for it, built in or as modules, besides what every
            kernel has.
        option: by which a kernel that is built here gets it.
        block_sizes: that a guest can mount, bytes; none where only hosts have it.
        mkfs: None where guests have it without a disk or an image.
        in_memory: has it no disk, so that its files are never out of the page cache?
    """

    name: str
    buffer_heads: bool
    drivers: tuple[str, ...] = ()
    option: str = ""
    block_sizes: tuple[int, ...] = ()
    mkfs: Mkfs | None = None
    in_memory: bool = False

    def check_block_size(self, block_size: int) -> FilesystemKind:
        """Itself; raises UsageError for blocks that it cannot have."""
        if block_size not in self.block_sizes:
            sizes = ", ".join(map(str, self.block_sizes))
            raise UsageError(f"{self.name} is measured with blocks of {sizes} bytes (a guest's "
                             f"pages have {GUEST.page}); {block_size} is not among them.")
        return self

    def check_uptodate(self, uptodate: bool) -> FilesystemKind:
        """Itself; raises UsageError where folios are to be not uptodate, and cannot be."""
        if not uptodate and self.in_memory:
            raise UsageError(f"--partial on {self.name}: its files never leave the page cache, so "
                             "that no folio can be left not uptodate. Leave it out.")
        return self


_ROWS = (
    FilesystemKind(
        name="ext4", drivers=("brd", "ext4"), option="CONFIG_EXT4_FS",
        block_sizes=(1024, 2048, 4096), buffer_heads=True,
        mkfs=Mkfs(package="e2fsprogs", arguments=lambda block: [
            "-q", "-F", "-O", _EXT4_FEATURES, "-b", str(block), "-I", "256", "-i", "16384",
            "-J", "size=16", "-m", "0", "-U", _UUID,
            "-E", f"hash_seed={_UUID},lazy_itable_init=0,lazy_journal_init=0,nodiscard"])),
    FilesystemKind(
        name="xfs", drivers=("brd", "xfs"), option="CONFIG_XFS_FS",
        block_sizes=(1024, 2048, 4096), buffer_heads=False,
        mkfs=Mkfs(package="xfsprogs", arguments=lambda block: [
            "-q", "-f", "-b", f"size={block}", "-m", f"uuid={_UUID}", "-K"])),
    FilesystemKind(
        name="btrfs", drivers=("brd", "btrfs"), option="CONFIG_BTRFS_FS",
        block_sizes=(4096,), buffer_heads=False,
        mkfs=Mkfs(package="btrfs-progs", arguments=lambda block: [
            "-q", "-f", "-s", str(block), "-U", _UUID, "-K"])),
    FilesystemKind(
        name="tmpfs", option="CONFIG_TMPFS", block_sizes=(4096,), buffer_heads=False,
        in_memory=True),
    FilesystemKind(name="ramfs", buffer_heads=False, in_memory=True),
    *(FilesystemKind(name=name, buffer_heads=True) for name in ("ext2", "ext3")),
    *(FilesystemKind(name=name, buffer_heads=False) for name in ("f2fs", "nfs", "nfs4")),
)

KINDS = {row.name: row for row in _ROWS if row.block_sizes}
"""The file systems that guests can have, by the kernel's names; the first is the usual one."""

USUAL = _ROWS[0].name

WITH_DISK = tuple(row.name for row in _ROWS if not row.in_memory)
"""Those known that keep their files on a disk, guests' and others."""

_BUFFER_HEADS = {row.name: row.buffer_heads for row in _ROWS}


def find_kind(name: str) -> FilesystemKind:
    """The row; raises UsageError for a kind that no guest has: a record of the host rig, or of
    another benchmark, may name any."""
    if name not in KINDS:
        raise UsageError(f"a guest has no file system {name!r}: it can have {', '.join(KINDS)}.")
    return KINDS[name]


def keeps_buffer_heads(name: str) -> bool | None:
    """Has the write path of any file system a ring of buffer heads? None where it is not known."""
    return _BUFFER_HEADS.get(name)
