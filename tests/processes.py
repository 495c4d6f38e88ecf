# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that tests look for: guests, and those that have to be gone."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def guests(parent: int) -> list[int]:
    """Process ids of the guests that a process runs: not of a QEMU that tells its version."""
    found = subprocess.run(["pgrep", "-P", str(parent), "-f", "^[^ ]*qemu-system[^ ]* -nodefaults"],
                           capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def await_guest() -> int:
    """The process id of a guest of this process, as soon as there is one."""
    deadline = time.monotonic() + 120
    while not (found := guests(os.getpid())):
        assert time.monotonic() < deadline, "no guest begins"
        time.sleep(0.01)
    return found[0]


@contextmanager
def first_guest_killed() -> Iterator[None]:
    """The first guest that begins meanwhile is killed while it runs."""
    def kill() -> None:
        guest = await_guest()
        time.sleep(0.3)
        os.kill(guest, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        killer.join()


def gone(pid: int) -> bool:
    """Whether a process ends within two minutes; one that only waits to be reaped has ended."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        if stat.rpartition(")")[2].split()[0] in "ZX":
            return True
        time.sleep(0.05)
    return False
