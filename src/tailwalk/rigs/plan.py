# SPDX-License-Identifier: GPL-2.0-or-later
"""What to measure on every kernel: the cases, their common conditions, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from types import NoneType

from tailwalk.cases import Case, Filesystem
from tailwalk.errors import UsageError, require_type
from tailwalk.filesystems import find_kind
from tailwalk.runs.metrics import DEFAULT_RIG, RIGS, Rig
from tailwalk.runs.record import Missing
from tailwalk.vm.qemu import Machine, kernel_command_line
from tailwalk.words import listed

DEFAULT_CALLS = 300
"""Calls counted for a case: enough that a figure stays the mode where a call in several takes a
timer tick or a journal commit with it."""

SWEEP_CALLS = 60
"""Calls counted for a cell of a sweep, which has ten times as many cells as a suite has cases."""

UPGRADE_CALLS = 100
"""Calls counted for a case of an upgrade: a suite has many, and a figure that not most of so many
agree on is called unsteady."""

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
        require_type("rounds", self.rounds, int, "a whole number, such as 20")
        require_type("seconds", self.seconds, (int, float, NoneType), "a number, or None")
        if not LEAST_ROUNDS <= self.rounds <= 10_000:
            raise UsageError(f"--rounds {self.rounds}: between {LEAST_ROUNDS} and 10000 rounds can "
                             "be measured; fewer tell no difference from noise.")
        if self.seconds is not None and not 0 <= self.seconds < inf:
            raise UsageError(f"--seconds {self.seconds:g}: give a number of seconds, 0 or more; "
                             "with 0 there are as few rounds as give an interval.")
        return self


_WANTED: dict[str, tuple[type | tuple[type, ...], str]] = {
    "cases": ((list, tuple), 'a list of cases, such as find_cases(["pwrite_u1k"])'),
    "filesystem": (Filesystem, 'a file system, such as Filesystem(kind="ext4")'),
    "append": (str, "a text of kernel parameters"),
    "calls": (int, f"a whole number, such as {DEFAULT_CALLS}"),
    "pace": (Pace, "a pace, such as Pace(rounds=20)"),
    "cpu": ((int, NoneType), "the number of a CPU, or None"),
}


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
        for name, (of_type, wanted) in _WANTED.items():
            require_type(name, getattr(self, name), of_type, wanted)
        if self.rig not in list(RIGS):
            raise UsageError(f"rig {self.rig!r}: the rigs are {listed(list(RIGS))}.")
        if not 1 <= self.calls <= 100_000:
            raise UsageError(f"--calls {self.calls}: between 1 and 100000 calls can be counted.")
        kernel_command_line(Machine(append=self.append))
        self.pace.check()
        if not self.cases:
            raise UsageError("there is no case to measure: name one, or a suite.")
        kind = find_kind(self.filesystem.check().kind)
        known = set()
        for case in self.cases:
            require_type("case", case, Case, 'what find_cases(["pwrite_u1k"]) gives')
            kind.check_uptodate(case.check().uptodate)
            if case in known:
                raise UsageError(f"the plan has the case {case.name} twice with the same "
                                 "parameters: leave one of them out.")
            known.add(case)
        if RIGS[self.rig].boots:
            self.parted(kind.name)
        return self

    def parted(self, filesystem: str) -> tuple[list[Case], list[Missing]]:
        """The cases that can be measured on a kind of file system, and why others cannot; raises
        UsageError where none can."""
        missing = [
            Missing(case=case, reason=f"it can be measured on {listed(kinds)}, and not on "
                                      f"{filesystem}")
            for case in self.cases
            if (kinds := case.declared.filesystems) and filesystem not in kinds]
        left = {one.case for one in missing}
        if len(left) == len(self.cases):
            raise UsageError(f"{missing[0].case.name}: {missing[0].reason}. Take another file "
                             "system, or another case.")
        return [case for case in self.cases if case not in left], missing

    def check_for(self, rig: Rig) -> Plan:
        """Itself, if it can be run and is for that rig; raises UsageError as `check`."""
        if self.rig != rig:
            raise UsageError(f"the plan is for the {self.rig} rig, and was given to the {rig} rig: "
                             f"give it to that one, or say rig {rig}.")
        return self.check()
