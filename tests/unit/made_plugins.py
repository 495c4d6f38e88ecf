# SPDX-License-Identifier: GPL-2.0-or-later
"""Plugins under a machine that is made up (plugin.c)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tailwalk.compiling import c_sources

_MACHINE = (Path(__file__).parent / "plugin.c").read_bytes()


def write_sources(folder: Path) -> None:
    """Put the plugins' sources and the machine's there."""
    for file, body in {**c_sources("plugins"), "plugin.c": _MACHINE}.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(body)


def build(folder: Path, sources: list[str], program: str, *flags: str) -> None:
    """Build a plugin of some sources into a program."""
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Werror", "-DAPI=1", "-I.", "-pthread", *flags,
                    "plugin.c", "output.c", *sources, "-o", program], cwd=folder, check=True)
