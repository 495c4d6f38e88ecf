# SPDX-License-Identifier: GPL-2.0-or-later
"""Standard output and standard error: they call themselves so when they cannot be written, are
there where the caller closed them, and show what a terminal would obey as escapes.

An OSError of a write has no file name, as that of a pipe, a socket or a full directory for
temporary files has none: whoever catches it far away cannot tell which it is of.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from tailwalk.words import visible

OUTPUT = "standard output"
COMPLAINTS = "standard error"


class _NamedFile(io.FileIO):
    """A descriptor whose refusals to be written bear a name."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._place = name

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if self._place == COMPLAINTS and error.errno != errno.EPIPE:
                return memoryview(data).nbytes  # a full disk for its notes ends no measurement
            error.filename = self._place
            raise


class _Visible(io.TextIOWrapper):
    """Text whose lines are those of the program, and whose colours are drawn with `draw`."""

    def write(self, text: str) -> int:
        return self.draw(visible(text, keep="\n\t"))

    def draw(self, text: str) -> int:
        return super().write(text)


class _Drawn:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.write = stream.draw if isinstance(stream, _Visible) else stream.write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def drawn(stream: TextIO) -> TextIO:
    """The stream for what draws: signs that a terminal obeys pass."""
    return cast(TextIO, _Drawn(stream))


def name_streams() -> None:
    """Make both streams of this process as the module says.

    A file that is opened while a descriptor is closed would become standard output or standard
    error. Writing a result nowhere is an error; there is no need of complaints.
    """
    for descriptor, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_RDWR)):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest that is free; children inherit it as any other.
            os.set_inheritable(os.open(os.devnull, mode), True)
    sys.stdout = _named(sys.stdout, 1, OUTPUT)
    sys.stderr = _named(sys.stderr, 2, COMPLAINTS)


def _named(stream: TextIO | None, descriptor: int, name: str) -> TextIO:
    raw = _NamedFile(descriptor, name)
    if stream is None:  # it was closed
        return _Visible(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace")
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(
            stream.buffer, io.BufferedWriter | io.FileIO):
        return stream  # somebody's own
    stream.flush()
    return _Visible(
        # Python's option -u leaves the buffer out.
        raw if isinstance(stream.buffer, io.FileIO) else io.BufferedWriter(raw),
        encoding=stream.encoding, errors="backslashreplace",
        line_buffering=stream.line_buffering, write_through=stream.write_through)


def is_stream(error: OSError) -> bool:
    """Is the error that of one of the two streams?"""
    return error.filename in (OUTPUT, COMPLAINTS)


def drop_rest(error: OSError) -> None:
    """Send to nowhere what the stream of the error still holds: the interpreter's flush at its
    exit would fail again, with a complaint and a status of its own."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1 if error.filename == OUTPUT else 2)


@contextlib.contextmanager
def complaining() -> Iterator[None]:
    """Go on where a complaint cannot be written: the status that follows it tells enough."""
    try:
        yield
        sys.stderr.flush()
    except OSError as error:
        drop_rest(error)


def complain(text: str) -> None:
    """Write a line to standard error, where that can be done; more lines of it are set in, so that
    none of them passes for another complaint."""
    with complaining():
        print("tailwalk: " + visible(text, keep="\n").replace("\n", "\n    "), file=sys.stderr)
