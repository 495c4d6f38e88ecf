# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases over the releases of a kernel line."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from tailwalk.compare.steps import LeftOut, Track, track
from tailwalk.errors import ArchiveError, GuestError, KernelError, TailwalkError
from tailwalk.kernels.line import line_of
from tailwalk.lab.lab import Lab
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run

OF_ONE_KERNEL = (ArchiveError, KernelError, GuestError)
"""What is wrong with one kernel and says nothing of the others."""


def line_specs(lab: Lab, lines: Sequence[str], *, newest: int | None = None) -> list[str]:
    """The specs of every release of some lines (`6.18`, `7`) that the archive holds and that can
    boot, or of the newest so many of each x.y; raises as `line_of`."""
    kernels = line_of(lab.available(), lines, newest=newest)
    if new := [kernel for kernel in kernels if not kernel.cached]:
        size = sum(kernel.download for kernel in new) / 2**20
        lab.progress.note(f"{len(kernels)} kernels, {len(new)} of them to fetch ({size:.0f} MiB).")
    return [kernel.spec for kernel in kernels]


def follow(lab: Lab, specs: Sequence[str], plan: Plan, *,
           threshold: float | None = None) -> tuple[Track, list[Run]]:
    """The track over the specs, each measured once, and its runs. A kernel that cannot be had or
    measured is left out.

    Raises its error where that leaves none, and what says something of all kernels.
    """
    runs: dict[str, Run] = {}
    failed: dict[str, TailwalkError] = {}
    specs = list(dict.fromkeys(specs))
    with closing(lab.measure_each(specs, plan)) as finished:
        for spec, outcome in finished:
            if isinstance(outcome, OF_ONE_KERNEL):
                failed[spec] = outcome
                lab.progress.note(f"{spec} is left out: {outcome}")
            elif isinstance(outcome, TailwalkError):
                raise outcome
            else:
                runs[spec] = outcome.run
    if not runs:
        raise next(iter(failed.values()))
    left_out = [LeftOut(spec=spec, reason=str(failed[spec]).partition("\n")[0],
                        after=sum(other in runs for other in specs[:number]))
                for number, spec in enumerate(specs) if spec in failed]
    found = [runs[spec] for spec in specs if spec in runs]
    return track(found, left_out=left_out, threshold=threshold), found
