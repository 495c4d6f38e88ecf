# SPDX-License-Identifier: GPL-2.0-or-later
"""Disk images for the guests, and the judgement of e2fsck on them."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tailwalk.cases import MIB, Filesystem
from tailwalk.errors import ToolError
from tailwalk.processes import bound
from tailwalk.refusals import naming
from tailwalk.verify.pattern import POISON
from tailwalk.vm.filesystem import find_program, make_filesystem

IMAGE_SIZE = 64 * MIB
"""Room for the exerciser's files (14 MiB), twice over while blocks wait for a commit to be freed,
and a journal of 16 MiB. No larger, so that freed blocks are soon used by another file."""

# An image is what the kernel under test made of it: nothing is said of how long or how much memory
# its check takes. The check of a whole one takes a second and 30 MiB.
_CHECK_SECONDS = 300
_CHECK_MEMORY = 2048 * MIB
_MOST_SAID = 8 * MIB
_MOST_LINES = 1000
_LONGEST_LINE = 300  # others name thousands of blocks


def make_original(block_size: int, path: Path) -> None:
    """A file system with blocks of so many bytes on a poisoned disk; raises ToolError where
    mkfs.ext4 is missing or fails."""
    path.write_bytes(POISON * (IMAGE_SIZE // len(POISON)))
    make_filesystem(Filesystem(block_size=block_size), path)


def check_filesystem(image: Path, *, seconds: float = _CHECK_SECONDS) -> str | None:
    """What `e2fsck -fn` finds wrong, the beginning of each of its first lines; None where it finds
    nothing.

    Raises ToolError where e2fsck is missing or cannot do its work in so many seconds.
    """
    program = find_program("e2fsck", "e2fsprogs")
    with tempfile.TemporaryFile() as output, naming(program):
        try:
            status = subprocess.run(
                bound(["prlimit", f"--as={_CHECK_MEMORY}", program, "-fn", str(image)]),
                stdout=output, stderr=output, check=False, timeout=seconds,
                env={"LC_ALL": "C"}).returncode
        except subprocess.TimeoutExpired:
            raise ToolError(f"{program} -fn has not checked {image} after {seconds:g} "
                            "seconds.") from None
        output.seek(0)
        lines = output.read(_MOST_SAID).decode("utf-8", "replace").strip().splitlines()
    said = "\n".join(line[:_LONGEST_LINE] for line in lines[:_MOST_LINES])
    if status == 0:
        return None
    # Below 0: killed by a signal. 8: operational error, 16: usage, 32: cancelled, 128: library.
    if not 0 < status < 8:
        raise ToolError(f"{program} -fn cannot check {image} (status {status}): {said}")
    return said
