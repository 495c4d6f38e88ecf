# SPDX-License-Identifier: GPL-2.0-or-later
"""What to measure on every kernel: the cases and their common conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from tailwalk.cases import Case, Filesystem
from tailwalk.errors import UsageError
from tailwalk.vm.filesystem import check_kind
from tailwalk.words import listed

DEFAULT_CALLS = 300
DEFAULT_ROUNDS = 20

GuestRig = Literal["exact", "timed"]
"""The rigs that boot kernels."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure on every kernel.

    Attributes:
        cases: in order.
        filesystem: made afresh for each guest.
        calls: calls counted for each case.
        append: kernel parameters besides Tailwalk's own.
        rig: `exact`, or `timed` where KVM runs guests.
        rounds: rounds on the timed rig.
    """

    cases: Sequence[Case]
    filesystem: Filesystem = field(default_factory=Filesystem)
    calls: int = DEFAULT_CALLS
    append: str = ""
    rig: GuestRig = "exact"
    rounds: int = DEFAULT_ROUNDS

    def check(self) -> Plan:
        """Itself, if it can be run; raises UsageError naming the value that cannot."""
        if not 1 <= self.calls <= 100_000:
            raise UsageError(f"--calls {self.calls}: between 1 and 100000 calls can be counted.")
        if not self.cases:
            raise UsageError("there is no case to measure: name one, or a suite.")
        for case in self.cases:
            case.check()
        if self.rig not in get_args(GuestRig):
            raise UsageError(f"rig {self.rig!r}: kernels are measured on the rigs "
                             f"{listed(get_args(GuestRig))}.")
        check_kind(self.filesystem)
        return self


def require_plan(plan: object, kind: type, *, rig: str) -> None:
    """Raise UsageError unless a plan is of the kind that the rig takes."""
    if not isinstance(plan, kind):
        raise UsageError(f"the {rig} rig takes a {kind.__name__}, and was given a "
                         f"{type(plan).__name__}: make a {kind.__name__} of its cases.")
