# SPDX-License-Identifier: GPL-2.0-or-later
"""What is counted for a case, and what can be known of the rigs that count it.

Whoever judges or shows figures asks here for a property, and never for a name. A metric is an entry
of `METRICS`; besides, something has to bring its counts into a figure (`amount_of`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Metric:
    """Something that is counted for every case.

    Attributes:
        name: in records.
        unit: of its figures.
        title: over a table of them.
        centre: which of the counts is the figure: the `mode` of calls that were counted one by
            one, or the `median` of samples.
        basis: the same for readers: what each figure is.
        mixed: the same where there are cases whose calls are not alike.
        repeatable: equal inputs give equal figures, to the last digit. They are compared exactly,
            and a record of them stands for a measurement; others are compared by tests of their
            samples.
        may_be_zero: can a call take none of it? Where not, a figure of 0 is none.
    """

    name: str
    unit: str
    title: str
    centre: Literal["mode", "median"]
    basis: str
    repeatable: bool
    may_be_zero: bool = False
    mixed: str = ""

    def basis_of(self, *, mixed: bool) -> str:
        """What each figure is; `mixed` where there are cases whose calls are not alike."""
        return self.mixed if mixed and self.mixed else self.basis


INSTRUCTIONS = Metric(
    name="instructions", unit="instructions/call", title="Instructions per call", centre="mode",
    basis="the mode of the calls' executed instructions, a count and not a time",
    mixed="the mode of the calls' executed instructions, their median where calls are not alike, a "
          "count and not a time", repeatable=True)
TIME = Metric(
    name="time", unit="ns/call", title="Nanoseconds per call", centre="median",
    basis="the median of the samples", repeatable=False)

BYTES = Metric(
    name="bytes", unit="bytes/call", title="Bytes written to the disk per call", centre="mode",
    basis="the median of what the calls had written to the disk when they returned",
    repeatable=True, may_be_zero=True)

METRICS = {metric.name: metric for metric in (INSTRUCTIONS, TIME, BYTES)}
"""In order of rank: of those that a figure has, the first is what it is known by."""

Rig = Literal["exact", "timed", "host"]


@dataclass(frozen=True, kw_only=True)
class RigTraits:
    """What can be known of a rig without asking which it is.

    Attributes:
        where: its cases run, for readers.
        metrics: those that every figure of its has, by rank. A record is not used again where it
            lacks one.
        boots: does it boot the kernels that specs name?
        sessions_differ: do two runs on one kernel differ by more than their samples tell?
    """

    where: str
    metrics: tuple[Metric, ...]
    boots: bool
    sessions_differ: bool

    @property
    def metric(self) -> Metric:
        """What its figures are known by: the first in rank."""
        return self.metrics[0]


RIGS: dict[Rig, RigTraits] = {
    "exact": RigTraits(where="guest under QEMU TCG", metrics=(INSTRUCTIONS,), boots=True,
                       sessions_differ=False),
    "timed": RigTraits(where="guest under KVM", metrics=(TIME,), boots=True,
                       sessions_differ=False),
    "host": RigTraits(where="this machine's own kernel", metrics=(TIME,), boots=False,
                      sessions_differ=True),
}
DEFAULT_RIG: Rig = "exact"
BOOTING = tuple(rig for rig, traits in RIGS.items() if traits.boots)
