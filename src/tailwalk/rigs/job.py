# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of a job: a guest's file system, and what is done with cases."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from tailwalk.cache import Cache
from tailwalk.cases import Case, Filesystem
from tailwalk.errors import GuestError
from tailwalk.filesystems import find_kind
from tailwalk.framing import Frame
from tailwalk.probe.job import job_line
from tailwalk.probe.protocol import LeftOutError
from tailwalk.runs import Figure, Run
from tailwalk.runs.record import Missing, grouped_notes
from tailwalk.vm.filesystem import IMAGE_SIZE, RAM_DISK, packed_image
from tailwalk.vm.guest import CONSOLE

# No frame for this long, in seconds, is taken for a hang: a slow machine needs some ten for the
# dearest case.
FRAME_SECONDS = 120.0


def prologue(filesystem: Filesystem, cache: Cache, *, size: int = IMAGE_SIZE) -> bytes:
    """The part of a job that makes the file system, on the RAM disk of `size` bytes where it needs
    one, and mounts it."""
    kind = find_kind(filesystem.kind).check_block_size(filesystem.block_size)
    mount = job_line("mount", kind=kind.name, device=RAM_DISK if kind.mkfs else kind.name,
                     options=filesystem.mount_options)
    if kind.mkfs is None:
        return mount
    image = packed_image(filesystem, cache, size=size)
    return job_line("disk", device=RAM_DISK, length=len(image)) + image + mount


def case_prologue(filesystem: Filesystem, cache: Cache) -> bytes:
    """As `prologue`, for cases: khugepaged leaves the folios that they fill as they are."""
    return prologue(filesystem, cache) + job_line("still")


def counting_job(begin: bytes, cases: Sequence[Case], calls: int) -> bytes:
    """The whole job that counts so many calls of each case, after its `case_prologue`."""
    return begin + b"".join(
        case_line("case", case, calls=case.calls_of(calls)) for case in cases) + b"end\n"


_REASON = 1000  # characters: a guest may say anything


class CaseError(GuestError):
    """A case has no figure: `missing` says why."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(f"{missing.case.name} {'failed' if missing.failed else 'was left out'}: "
                         f"{missing.reason}")
        self.missing = missing

    def __reduce__(self) -> tuple[type[CaseError], tuple[Missing]]:
        return CaseError, (self.missing,)


def measured_run(figures: list[Figure], missing: list[Missing], **facts: Any) -> Run:
    """The run of these figures; raises GuestError where there is none."""
    run = Run(**facts, figures=figures, missing=missing or msgspec.UNSET)
    if not figures:
        raise GuestError(f"no case has a figure on {run.kernel.spec}: "
                         f"{'; '.join(grouped_notes(run))}.")
    return run


@contextmanager
def measuring(case: Case) -> Generator[None]:
    """Raise CaseError where the probe says why the case has no figure."""
    try:
        yield
    except LeftOutError as error:
        raise CaseError(missing_for(case, error, failed=error.failed)) from error


def missing_for(case: Case, error: GuestError, *, failed: bool) -> Missing:
    """Why a case has no figure; what the console says is another on each guest."""
    reason = str(error).partition(CONSOLE)[0]
    return Missing(case=case, reason=" ".join(reason.split())[:_REASON], failed=failed)


def case_line(verb: str, case: Case, **more: int) -> bytes:
    """The line of a job that does something with a case: `case` counts its calls one by one,
    `prepare` makes what it needs, `time` times its calls in batches, and `folios` asks which folios
    cache its file."""
    return job_line(verb, workload=case.workload, **case.values, **more)


def due(frames: Iterator[Frame], case: Case) -> Frame:
    """The next frame of a case; raises GuestError where there is none."""
    frame = next(frames, None)
    if frame is None:
        raise GuestError(f"the probe was done before it had measured {case.name}.")
    return frame


def require_end(frames: Iterator[Frame]) -> None:
    """Raise GuestError where there are frames after the last case's."""
    for frame in frames:
        raise GuestError(f"the probe sent a {frame.type.name} frame after its last case.")
