# SPDX-License-Identifier: GPL-2.0-or-later
"""The probe as a process of this machine: lines in, frames out, gone at the end whatever happens.

The file that its cases share has no name, so nothing is left behind even where this process is
killed: the kernel then kills the worker, and the file goes with it. What some cases need by name
lies in a folder of the worker's, `.tailwalk-PID`, which goes at the end of this block.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import subprocess
import time
from collections import deque
from pathlib import Path

from tailwalk.errors import GuestError, HostError, ToolError
from tailwalk.framing import Frame, FrameReader, FrameType
from tailwalk.probe.build import Probe
from tailwalk.processes import bound, ending

# Filling and syncing a file of 256 MiB takes 10 s on a slow disk that has nothing else to do.
ANSWER_SECONDS = 120.0


class Worker:
    """A running probe. Use as a context manager."""

    def __init__(self, probe: Probe, directory: Path) -> None:
        """Prepare a worker whose file will lie in `directory`."""
        self._probe = probe
        self._directory = directory
        self._reader = FrameReader()
        self._frames: deque[Frame] = deque()

    def __enter__(self) -> Worker:
        try:
            self._process = subprocess.Popen(
                bound([str(self._probe.path)]), cwd=self._directory,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                # A Ctrl-C on the terminal is ours to handle.
                start_new_session=True)
        except OSError as error:
            raise ToolError(f"cannot start the probe: {error}") from error
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        # Files that cases need by name (probe/disk.c).
        shutil.rmtree(self._directory / f".tailwalk-{self._process.pid}", ignore_errors=True)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def tell(self, line: bytes) -> None:
        """Give the worker a line of its job; raises HostError where it is gone."""
        assert self._process.stdin is not None
        # A worker that is gone has said why: `answer` tells.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)

    def answer(self, seconds: float = ANSWER_SECONDS) -> Frame:
        """The worker's next frame.

        Raises HostError where the worker reports an error, ends, or says nothing for so long.
        """
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not self._frames:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise HostError(
                        f"nothing came of measuring in {self._directory} for {seconds:g} seconds: "
                        "its disk hangs or is overwhelmed.")
                data = os.read(self._process.stdout.fileno(), 1 << 16)
                if not data:
                    raise self._ended()
                try:
                    self._frames.extend(self._reader.feed(data))
                except GuestError as torn:
                    raise HostError(str(torn)) from torn
        frame = self._frames.popleft()
        if frame.type is FrameType.ERROR:
            full = any(error in frame.text
                       for error in ("No space left on device", "Disk quota exceeded"))
            cure = ("Free some space, name another directory, or give a smaller --file-size."
                    if full else "Name another directory.")
            raise HostError(f"cannot measure in {self._directory}: {frame.text}. {cure} Nothing "
                            "was left behind.")
        return frame

    def _ended(self) -> HostError:
        how = ending(self._process.wait())
        return HostError(f"the probe {how} while measuring in {self._directory}; its file is gone. "
                         "Measure again.")
