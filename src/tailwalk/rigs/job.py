# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of a guest's job: its file system, and what it measures there."""

from __future__ import annotations

from tailwalk.cache import Cache
from tailwalk.cases import Case, Filesystem
from tailwalk.vm.filesystem import packed_image


def prologue(filesystem: Filesystem, cache: Cache) -> bytes:
    """The part of a job that makes the file system on the RAM disk and mounts it."""
    image = packed_image(filesystem, cache)
    return b"".join([
        f"disk /dev/ram0 {len(image)}\n".encode(), image,
        f"mount {filesystem.kind} /dev/ram0 {filesystem.mount_options}\n".encode()])


def case_line(case: Case, calls: int) -> bytes:
    """The line of a job that measures a case."""
    return (f"case {case.workload} {case.size} {case.vectors} {case.offset} {case.fill} "
            f"{case.file_size} {int(case.uptodate)} {calls}\n").encode()
