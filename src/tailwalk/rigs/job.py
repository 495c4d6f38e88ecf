# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of a guest's job: its file system, and what it measures there."""

from __future__ import annotations

from tailwalk.cache import Cache
from tailwalk.cases import Case, Filesystem
from tailwalk.filesystems import find_kind
from tailwalk.vm.filesystem import RAM_DISK, packed_image


def prologue(filesystem: Filesystem, cache: Cache) -> bytes:
    """The part of a job that makes the file system, on the RAM disk where it needs one, and mounts
    it."""
    kind = find_kind(filesystem.kind).check_block_size(filesystem.block_size)
    mount = f"mount {kind.name} {RAM_DISK if kind.mkfs else kind.name} {filesystem.mount_options}\n"
    if kind.mkfs is None:
        return mount.encode()
    image = packed_image(filesystem, cache)
    return b"".join([f"disk {RAM_DISK} {len(image)}\n".encode(), image, mount.encode()])


def case_line(case: Case, calls: int) -> bytes:
    """The line of a job that measures a case."""
    return (f"case {case.workload} {case.size} {case.vectors} {case.offset} {case.fill} "
            f"{case.file_size} {int(case.uptodate)} {calls}\n").encode()
