# SPDX-License-Identifier: GPL-2.0-or-later
"""Files, written as a whole or not at all, and had at two places."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside it, then rename; raises OSError.

    A device or pipe is written to instead: root's rename would put a file in the place of
    /dev/null.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    path = path.resolve()  # what a link leads to is replaced, and never the link
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        temporary.chmod(0o644)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def link_or_copy(source: Path, target: Path) -> None:
    """Have a file at another place too: as a hard link, or as a copy where there can be none."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # no hard links here, not across these file systems, or too many of this file
        shutil.copy2(source, target, follow_symlinks=False)
