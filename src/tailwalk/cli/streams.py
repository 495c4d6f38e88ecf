# SPDX-License-Identifier: GPL-2.0-or-later
"""Standard output and standard error that call themselves so when they cannot be written.

An OSError of a write has no file name, as that of a pipe, a socket or a full directory for
temporary files has none: whoever catches it far away cannot tell which it is of.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

OUTPUT = "standard output"
COMPLAINTS = "standard error"


class _NamedFile(io.FileIO):
    """A descriptor whose refusals to be written bear a name."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._place = name

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            error.filename = self._place
            raise


def name_streams() -> None:
    """Give both streams of this process their names, and let them show signs that the terminal
    lacks as escapes: such a sign is no error."""
    sys.stdout = _named(sys.stdout, OUTPUT)
    sys.stderr = _named(sys.stderr, COMPLAINTS)


def _named(stream: TextIO, name: str) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):  # closed, or somebody's own
        return stream
    stream.reconfigure(errors="backslashreplace")
    buffer = stream.buffer
    if not isinstance(buffer, io.BufferedWriter | io.FileIO):  # in memory: nothing refuses there
        return stream
    stream.flush()
    raw = _NamedFile(stream.fileno(), name)
    return io.TextIOWrapper(
        # Python's option -u leaves the buffer out.
        raw if isinstance(buffer, io.FileIO) else io.BufferedWriter(raw),
        encoding=stream.encoding, errors="backslashreplace",
        line_buffering=stream.line_buffering, write_through=stream.write_through)


def is_stream(error: OSError) -> bool:
    """Is the error that of one of the two streams?"""
    return error.filename in (OUTPUT, COMPLAINTS)


def drop_rest(error: OSError) -> None:
    """Send to nowhere what the stream of the error still holds: the interpreter's flush at its
    exit would fail again, with a complaint and a status of its own."""
    stream = sys.stdout if error.filename == OUTPUT else sys.stderr
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def complaining() -> Iterator[None]:
    """Go on where a complaint cannot be written: the status that follows it tells enough."""
    try:
        yield
        sys.stderr.flush()
    except OSError as error:
        drop_rest(error)


def complain(text: str) -> None:
    """Write a line to standard error, where that can be done."""
    with complaining():
        print(f"tailwalk: {text}", file=sys.stderr)
