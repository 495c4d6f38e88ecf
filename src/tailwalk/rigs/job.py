# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of a job: a guest's file system, and what is done with cases."""

from __future__ import annotations

from tailwalk.cache import Cache
from tailwalk.cases import Case, Filesystem
from tailwalk.filesystems import find_kind
from tailwalk.probe.job import job_line
from tailwalk.vm.filesystem import RAM_DISK, packed_image


def prologue(filesystem: Filesystem, cache: Cache) -> bytes:
    """The part of a job that makes the file system, on the RAM disk where it needs one, and mounts
    it."""
    kind = find_kind(filesystem.kind).check_block_size(filesystem.block_size)
    mount = job_line("mount", kind=kind.name, device=RAM_DISK if kind.mkfs else kind.name,
                     options=filesystem.mount_options)
    if kind.mkfs is None:
        return mount
    image = packed_image(filesystem, cache)
    return job_line("disk", device=RAM_DISK, length=len(image)) + image + mount


def case_line(verb: str, case: Case, **more: int) -> bytes:
    """The line of a job that does something with a case: `case` counts its calls one by one,
    `fill` prepares what it needs, `time` times its calls in batches, and `folios` asks which folios
    cache its file."""
    return job_line(verb, workload=case.workload, **case.parameters, **more)
