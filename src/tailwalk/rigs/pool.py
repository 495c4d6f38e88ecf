# SPDX-License-Identifier: GPL-2.0-or-later
"""Portions of a measurement, and the pools of workers that do them.

A portion is what one guest does: some cases on one kernel, from a saved state. Its figures depend
on nothing else, so that portions can be done in any order, side by side, and on any machine that
has the same QEMU.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from tailwalk.cases import Case
from tailwalk.errors import TailwalkError
from tailwalk.rigs.jobs import as_finished
from tailwalk.runs import Figure
from tailwalk.vm.state import KernelSaid, Start

if TYPE_CHECKING:
    from tailwalk.rigs.exact import Bench


@dataclass(frozen=True, kw_only=True)
class Portion:
    """What one guest does.

    Attributes:
        start: what it boots from.
        job: the bytes of the job for the probe.
        cases: those in the job.
        calls: calls counted for each case.
    """

    start: Start
    job: bytes
    cases: Sequence[Case]
    calls: int


@dataclass(frozen=True)
class Counted:
    """What a portion came to: what its kernel said of itself, and a figure for each case."""

    said: KernelSaid
    figures: list[Figure]


Outcome = Counted | TailwalkError


class Pool(Protocol):
    """Where portions are done."""

    def work(self, bench: Bench, portions: Sequence[Portion]) -> Generator[tuple[int, Outcome]]:
        """Each portion's number and what it came to, as they finish.

        A portion that cannot be done gives its error and does not stop the others. Closing the
        iterator stops them.
        """


class LocalPool:
    """This machine's cores, a guest on each."""

    def work(self, bench: Bench, portions: Sequence[Portion]) -> Generator[tuple[int, Outcome]]:
        """See `Pool`."""
        return as_finished([partial(bench.count, portion) for portion in portions])
