# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the command line writes: results on standard output, progress and notes on standard error.

Colour follows rich's rules (a terminal, NO_COLOR, FORCE_COLOR, TERM); width is the terminal's,
COLUMNS where that is set and not 0, else 80.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TextIO

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from tailwalk.cli.streams import drawn
from tailwalk.progress import Progress, Task
from tailwalk.words import visible

if TYPE_CHECKING:
    from tailwalk.lab.lab import Lab
    from tailwalk.report.grid import Shown

_SECONDS_BETWEEN_LINES = 10.0
_WIDTH = 80
"""Columns where nothing says how many there are."""
_FIELD = 16
"""Columns in which the last field of a line goes on below itself."""
_REPLAY = "replay: "
_COMMAND = "    "
"""What a command that is to be copied begins with, and what goes on below a line."""


class _AsciiConsole(Console):
    """A console for a terminal that shows nothing but ASCII, whatever Python would send it."""

    @property
    def encoding(self) -> str:
        return "ascii"


def shows_ascii_only(stream: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """Is what `stream` leads to unable to show more than ASCII?

    The encoding alone does not tell: since PEP 538 and 540 Python writes UTF-8 in the C locale
    too, and sets LC_CTYPE to C.UTF-8 where LC_ALL is unset. So a user who says LANG=C or LC_ALL=C
    is believed; one who says nothing is taken to have a terminal of this century.
    """
    if not (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf"):
        return True
    environment = os.environ if environment is None else environment
    said = environment.get("LC_ALL") or environment.get("LC_CTYPE", "")
    if said in ("", "C.UTF-8"):
        said = environment.get("LANG", "") if not environment.get("LC_ALL") else said
    return said in ("C", "POSIX")


def _console(stream: TextIO) -> Console:
    kind = _AsciiConsole if shows_ascii_only(stream) else Console
    # COLUMNS=0 is how some terminals and CI runners say that they do not know.
    width = _WIDTH if os.environ.get("COLUMNS") == "0" else None
    return kind(file=drawn(stream), width=width, highlight=False, emoji=False)


def show(shown: Shown | Sequence[Shown], *, aside: bool = False) -> None:
    """Write what is shown to standard output, or `aside` to standard error, as wide as its
    terminal."""
    from tailwalk.report.terminal import terminal

    stream = sys.stderr if aside else sys.stdout
    console = _console(stream)
    with console.capture() as captured:
        console.print(terminal(shown, console))
    # Rich pads cells to their column's width; in a log or a paste that is only noise.
    drawn(stream).write(re.sub(r"[ \t]+$", "", captured.get(), flags=re.MULTILINE))
    stream.flush()


def terminal_of_output() -> Console | None:
    """The terminal that standard output leads to; None for a file or pipe, whose lines may be of
    any length."""
    return _console(sys.stdout) if sys.stdout.isatty() else None


def write(text: str) -> None:
    """Write lines to standard output, what a terminal would obey as escapes."""
    click.echo(visible(text, keep="\n\t"), nl=False)


def tell(text: str) -> None:
    """Write lines of text to standard output, as `flowed`; but for a command that is to be copied,
    which begins with `replay: `."""
    lines = visible(text, keep="\n\t").splitlines()
    click.echo("".join(f"{line if line.lstrip().startswith(_REPLAY) else flowed(line)}\n"
                       for line in lines), nl=False)


def flowed(line: str) -> str:
    """A line of standard output: on a terminal one that is longer than that is wide goes on below,
    in the column of its last field, or a little further in than it begins."""
    if not sys.stdout.isatty():
        return line
    width = _console(sys.stdout).width
    fields = [gap.end() for gap in re.finditer(r"(?<=\S) {2,}(?=\S)", line)]
    inwards = len(line) - len(line.lstrip()) + 2
    column = fields[-1] if fields and fields[-1] <= width - _FIELD else min(inwards, width // 2)
    return textwrap.fill(line, width, subsequent_indent=" " * column, break_long_words=False,
                         break_on_hyphens=False)


def say(line: str, *, aside: bool = False) -> None:
    """Write one line, whatever it holds; `aside` to standard error. On a terminal it goes on below
    at a blank, but for a command that is to be copied, which is indented."""
    text, stream = visible(line), sys.stderr if aside else sys.stdout
    if stream.isatty() and not text.startswith(_COMMAND):
        text = textwrap.fill(text, _console(stream).width, subsequent_indent=_COMMAND,
                             break_long_words=False, break_on_hyphens=False)
    click.echo(text, err=aside)


@contextmanager
def open_progress() -> Iterator[Progress]:
    """Progress on standard error: bars that vanish on a terminal, plain lines in a log."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI"):
        bars = Bars(TextColumn("{task.description}", markup=False), BarColumn(bar_width=24),
                    TimeElapsedColumn(), TextColumn("{task.fields[doing]}"),
                    console=_console(sys.stderr), transient=True)
        try:
            yield _LiveProgress(bars)
        finally:
            bars.stop()
    else:
        yield LineProgress(sys.stderr)


@contextmanager
def open_lab(**settings: Any) -> Iterator[Lab]:
    """A lab with these settings, whose progress is on standard error; made of the caller's own
    where click was given one."""
    from tailwalk.lab.lab import Lab

    own = click.get_current_context().find_object(Lab) or Lab()
    with open_progress() as progress:
        lab = replace(own, progress=progress, **settings)
        # At the very end: what was measured is shown all the same.
        click.get_current_context().call_on_close(lab.require_kept)
        yield lab


@dataclass(frozen=True)
class _LiveTask:
    bars: Bars
    id: TaskID

    def advance(self, amount: float = 1) -> None:
        self.bars.advance(self.id, amount)

    def say(self, text: str) -> None:
        self.bars.update(self.id, doing=escape(visible(text)))


@dataclass(frozen=True)
class _LiveProgress:
    """Bars for the tasks under way; notes stay above them."""

    bars: Bars

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator[Task]:
        self.bars.start()  # not before: a command that never waits draws nothing
        number = self.bars.add_task(visible(label), total=total, doing="")
        try:
            yield _LiveTask(self.bars, number)
        finally:
            self.bars.remove_task(number)

    def note(self, text: str) -> None:
        self.bars.console.print(visible(text), markup=False)


class _LineTask:
    def __init__(self, line: Callable[[str], None], label: str, total: float | None,
                 clock: Callable[[], float]) -> None:
        self._line, self._label, self._total, self._clock = line, label, total, clock
        self._done = 0.0
        self._doing = ""
        self._begun = self._said = clock()
        self._lock = threading.Lock()
        line(label)

    def advance(self, amount: float = 1) -> None:
        with self._lock:
            self._done += amount
            self._tell()

    def say(self, text: str) -> None:
        with self._lock:
            self._doing = text
            self._tell()

    def _tell(self) -> None:
        now = self._clock()
        if now - self._said < _SECONDS_BETWEEN_LINES:
            return
        self._said = now
        # A total may be an estimate, such as the members of an archive.
        share = f"{min(100 * self._done / self._total, 100):.0f}%" if self._total else ""
        self._line(f"{self._label}: {', '.join(filter(None, [share, self._doing]))}")

    def close(self, outcome: str) -> None:
        seconds = self._clock() - self._begun
        if seconds >= 1:
            self._line(f"{self._label}: {outcome} after {seconds:.1f} s")


class LineProgress:
    """Progress as plain lines: one when a task begins, one every ten seconds while it goes on,
    one at its end if it took a second or more. Any thread may open tasks and write notes."""

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator[Task]:
        """Open a task of `total` units (None: not known beforehand)."""
        task = _LineTask(self.note, label, total, self._clock)
        outcome = "stopped"
        try:
            yield task
            outcome = "done"
        finally:
            task.close(outcome)

    def note(self, text: str) -> None:
        """Write one line, whole, whatever other threads write here."""
        with self._lock:
            self._stream.write(f"{visible(text)}\n")
            self._stream.flush()
