# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that do not outlive this one."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def bound(command: Sequence[str]) -> list[str]:
    """A command whose process the kernel kills if the thread that started it dies (prctl(2)).

    Where it died before the kernel was told, the new process has another parent, and does not
    become the command.
    """
    return ["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c",
            '[ "$PPID" = "$0" ] && exec "$@"', str(os.getpid()), *command]


def run(command: Sequence[str], *, cwd: Path | None = None,
        env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What a command says and ends with; it ends with this process, and where it is interrupted,
    with all that it started."""
    with subprocess.Popen(
            bound(command), cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True) as process:
        try:
            said, complained = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, said, complained)
