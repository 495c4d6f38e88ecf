# SPDX-License-Identifier: GPL-2.0-or-later
"""Disk images for the guests, and the judgement of e2fsck on them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tailwalk.cases import MIB, Filesystem
from tailwalk.errors import ToolError
from tailwalk.refusals import naming
from tailwalk.verify.configuration import Configuration
from tailwalk.verify.pattern import POISON
from tailwalk.vm.filesystem import find_program, make_filesystem

IMAGE_SIZE = 64 * MIB
"""Room for the exerciser's files (14 MiB), twice over while blocks wait for a commit to be freed,
and a journal of 16 MiB. No larger, so that freed blocks are soon used by another file."""


class Images:
    """Fresh disk images in a folder, copied from one made for each block size."""

    def __init__(self, folder: Path, configurations: tuple[Configuration, ...]) -> None:
        """Make the originals; raises ToolError where mkfs.ext4 is missing or fails."""
        self._folder = folder
        for size in {one.block_size for one in configurations}:
            original = self._original(size)
            original.write_bytes(POISON * (IMAGE_SIZE // len(POISON)))
            make_filesystem(Filesystem(block_size=size), original)

    def _original(self, block_size: int) -> Path:
        return self._folder / f"original-{block_size}"

    def make(self, configuration: Configuration, path: Path) -> Path:
        """A new image at `path`."""
        shutil.copyfile(self._original(configuration.block_size), path)
        return path


def check_filesystem(image: Path) -> str | None:
    """What `e2fsck -fn` finds wrong; None where it finds nothing.

    Raises ToolError where e2fsck is missing or cannot do its work.
    """
    program = find_program("e2fsck", "e2fsprogs")
    with naming(program):
        done = subprocess.run([program, "-fn", str(image)], capture_output=True, text=True,
                              check=False, env={"LC_ALL": "C"})
    if done.returncode == 0:
        return None
    said = (done.stdout + done.stderr).strip()
    # Below 0: killed by a signal. 8: operational error, 16: usage, 32: cancelled, 128: library.
    if not 0 < done.returncode < 8:
        raise ToolError(f"{program} -fn cannot check {image} (status {done.returncode}): {said}")
    return said
