# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user's program writes, on its way to this command's own streams."""

from __future__ import annotations

import codecs
import io
import sys
import tempfile

from tailwalk.cli.streams import complain
from tailwalk.words import visible

_IN_MEMORY = 1 << 20
_PIECE = 1 << 16


class Passed:
    """What a program writes, passed on as it comes: as it is, but on a terminal with what that
    would obey as escapes. All of it goes to standard error where it stands `aside`, after the
    `title`, if there is one."""

    def __init__(self, *, aside: bool = False, title: str = "") -> None:
        self._aside = aside
        self._title = title
        self._decoders = {number: io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8")("backslashreplace"), translate=False)
            for number in (1, 2)}

    def take(self, number: int, content: bytes, *, final: bool = False) -> None:
        """Write what came for standard output, 1, or standard error, 2."""
        if self._title and content:
            complain(self._title)
            self._title = ""
        stream = sys.stderr if self._aside or number == 2 else sys.stdout
        if stream.isatty():
            text = self._decoders[number].decode(content, final=final)
            stream.write(visible(text.replace("\r\n", "\n"), keep="\n\t"))
        else:
            stream.buffer.write(content)
        stream.flush()

    def close(self) -> None:
        """Write what was kept of signs that came in part."""
        for number in self._decoders:
            self.take(number, b"", final=True)


class HeldOutput:
    """What a program writes while another's is passed on: held, on the disk if it is much, to be
    shown later."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - `show`

    def take(self, _: int, content: bytes) -> None:
        """Hold what came."""
        self._file.write(content)

    def show(self, title: str) -> None:
        """Pass all of it on to standard error, after a title."""
        passed = Passed(aside=True, title=title)
        with self._file as file:
            file.seek(0)
            while content := file.read(_PIECE):
                passed.take(2, content)
        passed.close()
