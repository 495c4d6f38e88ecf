# SPDX-License-Identifier: GPL-2.0-or-later
"""The state of a guest that did the first part of a job: others go on from it with the rest."""

from __future__ import annotations

import time
from pathlib import Path

from tailwalk.cache import digest_bytes
from tailwalk.kernels import Kernel
from tailwalk.probe.job import job_line
from tailwalk.probe.protocol import require_done
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.job import FRAME_SECONDS
from tailwalk.vm.guest import Job
from tailwalk.vm.memory import Saved
from tailwalk.vm.state import Booted

LEAVE = job_line("leave")
"""The end of such a part."""


def left_by(bench: Bench, kernel: Kernel, booted: Booted, job: Job) -> Saved:
    """The state of a guest that did a job up to LEAVE.

    Raises LeftOutError where the kernel or file system cannot do it, GuestError as
    `Guest.frame`.
    """
    state = booted.state
    with bench.guest(kernel, booted, job, state=state, memory=state.memory.copy()) as guest:
        guest.start_job(FRAME_SECONDS)
        for frame in guest.frames(FRAME_SECONDS):
            require_done(frame)
        guest.await_pause(time.monotonic() + FRAME_SECONDS)
        return guest.save(time.monotonic() + FRAME_SECONDS)


def kept_state(bench: Bench, kernel: Kernel, booted: Booted, job: Job, *, named: bytes) -> Path:
    """The entry of the cache that holds such a state, from before or made now: `named` says what
    the job does."""
    def make(folder: Path) -> None:
        with bench.progress.task(f"make the root on {kernel.spec}"):
            left_by(bench, kernel, booted, job).keep(folder)
        bench.cache.check(booted.place)

    return bench.cache.entry("root-state", digest_bytes(booted.key.encode(), named), make,
                             doing=f"makes the root on {kernel.spec}")
