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
from tailwalk.vm.guest import Guest, Job
from tailwalk.vm.memory import Memory, Saved
from tailwalk.vm.state import Booted, keep_state

LEAVE = job_line("leave")
"""The end of such a part."""


@contextmanager
def left_by(bench: Bench, kernel: Kernel, booted: Booted, job: bytes) -> Generator[Saved]:
    """The state of a guest that did a job up to LEAVE, for as long as the block lasts.

    Raises LeftOutError where the kernel or file system cannot do it, GuestError as
    `Guest.frame`.
    """
    with naming("a file in memory for a guest's state"):
        held = os.memfd_create("tailwalk-state", os.MFD_CLOEXEC)
    try:
        rest = Path(f"/proc/self/fd/{held}")
        memory = booted.state.memory.copy()
        with _left(bench, kernel, booted, job, memory) as guest:
            guest.save(rest, time.monotonic() + FRAME_SECONDS)
        yield Saved(memory, rest)
    finally:
        os.close(held)


def kept_state(bench: Bench, kernel: Kernel, booted: Booted, job: Job, *, named: bytes) -> Path:
    """The entry of the cache that holds such a state, from before or made now: `named` says what
    the job does."""
    def make(folder: Path) -> None:
        memory = booted.state.memory.copy()
        with bench.progress.task(f"make the root on {kernel.spec}"), _left(
                bench, kernel, booted, job, memory) as guest:
            keep_state(guest, memory, folder, time.monotonic() + FRAME_SECONDS)
        bench.cache.check(booted.place)

    return bench.cache.entry("root-state", digest_bytes(booted.key.encode(), named), make,
                             doing=f"makes the root on {kernel.spec}")


@contextmanager
def _left(bench: Bench, kernel: Kernel, booted: Booted, job: Job,
          memory: Memory) -> Generator[Guest]:
    """The guest, where it has stopped at LEAVE."""
    with bench.guest(kernel, booted, job, memory=memory) as guest:
        guest.start_job(FRAME_SECONDS)
        for frame in guest.frames(FRAME_SECONDS):
            require_done(frame)
        guest.await_pause(time.monotonic() + FRAME_SECONDS)
        yield guest
