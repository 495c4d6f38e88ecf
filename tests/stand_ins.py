# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands in for a program, or for a terminal, in tests."""

from __future__ import annotations

from pathlib import Path

from tailwalk.progress import Silent


def put_program(path: Path, script: str, *, shell: str = "/bin/sh") -> Path:
    """Make a program of a script."""
    path.write_text(f"#!{shell}\n{script}\n")
    path.chmod(0o755)
    return path


class Notes(Silent):
    """Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)
