# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the commands of pages and put what they print in the place of what the pages show.

    python tests/docs/remake.py PAGE.md...

For whoever changed what a command prints, or added one; read the difference before committing it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from pages import ROOT, sessions, write_files


def main() -> None:
    """Remake the pages named on the command line; `...` at the end of an output stays."""
    for name in sys.argv[1:]:
        page = Path(name).resolve()
        text = page.read_text()
        with tempfile.TemporaryDirectory() as desk:
            write_files(page, Path(desk))
            for session in sessions(page):
                if session.how.startswith("not run:"):
                    continue
                printed = run(session.command, desk)
                text = replace(text, session.command, session.output, printed)
        page.write_text(text)


def run(command: str, desk: str) -> str:
    """What a command prints on a terminal of 80 columns."""
    if command.startswith("make "):
        command = f"make -s -C {ROOT} {command.removeprefix('make ')}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=desk, capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "80", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
             "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"})
    printed = done.stderr if done.returncode == 2 else done.stdout
    return "\n".join(line.rstrip() for line in printed.rstrip("\n").split("\n"))


def replace(text: str, command: str, shown: str, printed: str) -> str:
    """The page with one output exchanged."""
    asked = r"(?: | *\\\n *)".join(map(re.escape, command.split(" ")))
    if shown.endswith("\n..."):
        kept = shown.removesuffix("\n...").count("\n") + 1
        printed = "\n".join(printed.split("\n")[:kept]) + "\n..."
    pattern = re.compile(rf"(\$ {asked}\n)" + (re.escape(shown) + r"\n" if shown else ""))
    return pattern.sub(lambda match: match[1] + (printed + "\n" if printed else ""), text, count=1)


if __name__ == "__main__":
    main()
