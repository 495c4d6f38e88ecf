# SPDX-License-Identifier: GPL-2.0-or-later
"""What to measure on every kernel: the cases, their common conditions, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import get_args

from tailwalk.cases import Case, Filesystem
from tailwalk.errors import UsageError
from tailwalk.filesystems import find_kind
from tailwalk.runs.metrics import DEFAULT_RIG, Rig
from tailwalk.words import listed

DEFAULT_CALLS = 300
"""Calls counted for a case: enough that a figure stays the mode where a call in several takes a
timer tick or a journal commit with it."""

SWEEP_CALLS = 60
"""Calls counted for a cell of a sweep, which has ten times as many cells as a suite has cases."""

LEAST_ROUNDS = 8
"""With fewer no interval and no test means anything."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long to go on where calls are timed.

    Attributes:
        rounds: times that every case is sampled.
        seconds: no round begins after this time, but for the first eight; None: no limit.
    """

    rounds: int = 20
    seconds: float | None = None

    def check(self) -> Pace:
        """Itself, if it can be followed; raises UsageError naming the value that cannot."""
        if not LEAST_ROUNDS <= self.rounds <= 10_000:
            raise UsageError(f"--rounds {self.rounds}: between {LEAST_ROUNDS} and 10000 rounds can "
                             "be measured; fewer tell no difference from noise.")
        if self.seconds is not None and not 0 <= self.seconds < inf:
            raise UsageError(f"--seconds {self.seconds:g}: give a number of seconds, 0 or more; "
                             "with 0 there are as few rounds as give an interval.")
        return self


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure on every kernel.

    Attributes:
        cases: in order.
        rig: `exact`; `timed` where KVM runs guests; `host` for this machine's own kernel.
        filesystem: made afresh for each guest; the host rig takes the directory's.
        append: a guest's kernel parameters besides Tailwalk's own.
        calls: calls counted for each case on the exact rig.
        pace: rounds on the rigs that take time, and seconds on the host rig: guests are given all
            their rounds beforehand.
        cpu: the CPU that they run on; None: the one that has least to do.
    """

    cases: Sequence[Case]
    rig: Rig = DEFAULT_RIG
    filesystem: Filesystem = field(default_factory=Filesystem)
    append: str = ""
    calls: int = DEFAULT_CALLS
    pace: Pace = field(default_factory=Pace)
    cpu: int | None = None

    def check(self) -> Plan:
        """Itself, if it can be run; raises UsageError naming the value that cannot."""
        if self.rig not in get_args(Rig):
            raise UsageError(f"rig {self.rig!r}: the rigs are {listed(get_args(Rig))}.")
        if not 1 <= self.calls <= 100_000:
            raise UsageError(f"--calls {self.calls}: between 1 and 100000 calls can be counted.")
        self.pace.check()
        if not self.cases:
            raise UsageError("there is no case to measure: name one, or a suite.")
        kind = find_kind(self.filesystem.kind)
        for case in self.cases:
            kind.check_uptodate(case.check().uptodate)
        return self

    def check_for(self, rig: Rig) -> Plan:
        """Itself, if it can be run and is for that rig; raises UsageError as `check`."""
        if self.rig != rig:
            raise UsageError(f"the plan is for the {self.rig} rig, and was given to the {rig} rig: "
                             f"give it to that one, or say rig {rig}.")
        return self.check()
