# SPDX-License-Identifier: GPL-2.0-or-later
"""The state of a guest that did the first part of a job: others go on from it with the rest."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tailwalk.cache import digest_bytes
from tailwalk.kernels import Kernel
from tailwalk.probe.job import job_line
from tailwalk.probe.protocol import require_done
from tailwalk.refusals import naming
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.job import FRAME_SECONDS
from tailwalk.vm.guest import Job
from tailwalk.vm.state import Booted

LEAVE = job_line("leave")
"""The end of such a part."""


@contextmanager
def left_by(bench: Bench, kernel: Kernel, booted: Booted, job: bytes) -> Generator[Path]:
    """The state of a guest that did a job up to LEAVE, for as long as the block lasts.

    Raises LeftOutError where the kernel or file system cannot do it, GuestError as
    `Guest.frame`.
    """
    with naming("a file in memory for a guest's state"):
        held = os.memfd_create("tailwalk-state", os.MFD_CLOEXEC)
    try:
        state = Path(f"/proc/self/fd/{held}")
        _save(bench, kernel, booted, job, state)
        yield state
    finally:
        os.close(held)


def kept_state(bench: Bench, kernel: Kernel, booted: Booted, job: Job, *, named: bytes) -> Path:
    """As `left_by`, from the cache or made now: `named` says what the job does."""
    def make(folder: Path) -> None:
        with bench.progress.task(f"make the root on {kernel.spec}"):
            _save(bench, kernel, booted, job, folder / "state")
        bench.cache.check(booted.place)

    return bench.cache.entry("root-state", digest_bytes(booted.key.encode(), named),
                             make, doing=f"makes the root on {kernel.spec}") / "state"


def _save(bench: Bench, kernel: Kernel, booted: Booted, job: Job, path: Path) -> None:
    with bench.guest(kernel, booted, job) as guest:
        guest.start_job(FRAME_SECONDS)
        for frame in guest.frames(FRAME_SECONDS):
            require_done(frame)
        guest.await_pause(time.monotonic() + FRAME_SECONDS)
        guest.save(path, time.monotonic() + FRAME_SECONDS)
