# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal as a picture: what a command of the README prints, with its colours.

    python tests/docs/screen.py

runs the command and writes docs/pictures/screen.svg; a test says when that has to be done.
"""

from __future__ import annotations

import io
import os
import subprocess
from xml.etree import ElementTree

from pages import ROOT
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

PICTURE = ROOT / "docs" / "pictures" / "screen.svg"
COMMAND = "tailwalk compare debian:6.12 debian:6.18 debian:7.3"
_COLUMNS = 80
_LINES = 20
"""Of the output: the table and its verdict."""
# Each colour has a contrast of 4.5 and more on this ground.
_THEME = TerminalTheme((20, 23, 26), (230, 232, 235), [
    (92, 101, 112), (255, 138, 128), (126, 217, 145), (240, 200, 90), (130, 177, 255),
    (206, 147, 216), (128, 203, 196), (230, 232, 235)])
_FORM = """<svg class="{unique_id}" viewBox="0 0 {width} {height}" role="img" \
xmlns="http://www.w3.org/2000/svg">
<title>""" + COMMAND + """</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, monospace; font-size: {char_height}px;
  line-height: {line_height}px; }}
.{unique_id}-title {{ font: bold 18px sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g></svg>
"""


def printed() -> str:
    """What the command prints on a terminal with colours."""
    return subprocess.run(
        COMMAND.split(), capture_output=True, text=True, check=True, timeout=3000,
        env={**os.environ, "COLUMNS": str(_COLUMNS), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
             "FORCE_COLOR": "1", "TERM": "xterm-256color",
             "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"}).stdout


def picture(text: str) -> str:
    """The command and the first lines of its output as an SVG that needs nothing else."""
    console = Console(record=True, width=_COLUMNS, file=io.StringIO())
    console.print(Text.assemble(("$ ", "dim"), (COMMAND, "bold")))
    lines = Text.from_ansi(text).split("\n")[:_LINES]
    for line in lines:
        line.rstrip()
        console.print(line)
    return console.export_svg(title="tailwalk", theme=_THEME, code_format=_FORM, unique_id="screen")


def words(svg: str) -> list[str]:
    """The words of the picture's lines."""
    shown = ElementTree.fromstring(svg)
    found = [element.text or "" for element in shown.iter("{http://www.w3.org/2000/svg}text")]
    return " ".join(found).replace("\xa0", " ").split()


if __name__ == "__main__":
    PICTURE.write_text(picture(printed()))
