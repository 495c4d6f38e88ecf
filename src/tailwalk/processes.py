# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that do not outlive this one."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

# `read` comes to its end when the one process that could write is gone, whatever ended it. SIGTERM
# would not end the watcher where it is ignored here: children inherit that.
_WATCHED = """\
exec 3<&0 </dev/null
(cd /; read -r _ <&3; kill -s KILL 0) >/dev/null 2>&1 &
watcher=$!
exec 3<&-
"$@" &
wait "$!"
status=$?
kill -s KILL "$watcher"
wait "$watcher" 2>/dev/null
exit "$status"
"""
_ENDING_SECONDS = 1.0


def bound(command: Sequence[str]) -> list[str]:
    """A command whose process the kernel kills if the thread that started it dies (prctl(2)).

    Where it died before the kernel was told, the new process has another parent, and does not
    become the command.
    """
    return ["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c",
            '[ "$PPID" = "$0" ] && exec "$@"', str(os.getpid()), *command]


def ending(status: int) -> str:
    """How a process ended, as a clause."""
    return (f"was killed by {signal.Signals(-status).name}" if status < 0
            else f"ended with status {status}")


@contextmanager
def group(command: Sequence[str], *, folder: Path,
          environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A command in a session of its own, with what it says to be read; no process that it started
    outlives the block, nor this process, however that ends.

    The kernel kills no more than a process's own children (`bound`), and a compiler is a child of
    make. So a shell beside them waits for a pipe that only this process could write to, and then
    kills all of the group.
    """
    process = subprocess.Popen(
        ["sh", "-c", _WATCHED, "sh", *command], cwd=folder, env=environment, text=True,
        errors="replace", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        with process.stdout:
            yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdin.close()
        process.wait()
        end = time.monotonic() + _ENDING_SECONDS
        # Of the killed some may hold a file a moment longer.
        while _is_running(process.pid) and time.monotonic() < end:
            time.sleep(0.005)


def _is_running(leader: int) -> bool:
    """Does any process of the group run? Those that ended may stay in it for long, until the first
    process of the system asks for their status."""
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it is gone
            state, _, found, *_ = place.read_bytes().rpartition(b")")[2].split()
            if int(found) == leader and state not in (b"Z", b"X"):
                return True
    return False


def run(command: Sequence[str], *, folder: Path = Path(),
        environment: Mapping[str, str] = os.environ) -> tuple[int, str]:
    """The status that a command ends with and what it says, as a `group`."""
    with group(command, folder=folder, environment=environment) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        return process.wait(), said
