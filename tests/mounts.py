# SPDX-License-Identifier: GPL-2.0-or-later
"""Small file systems to fill up, for tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skips import not_here


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A tmpfs on a new folder; the test is skipped where nobody may mount. Unmounting fails where
    anything still has a file there."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
                          capture_output=True, check=False)
    if done.returncode:
        not_here(f"this machine lets nobody mount: {done.stderr.decode()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
