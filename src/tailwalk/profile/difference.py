# SPDX-License-Identifier: GPL-2.0-or-later
"""The difference of two profiles, by function.

Versions of the format:
    tailwalk.difference/1: the first, with cases as in tailwalk.run/1.
    tailwalk.difference/2: cases as in tailwalk.run/2.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import msgspec

from tailwalk.cases import Case
from tailwalk.errors import UsageError
from tailwalk.profile.pairing import function_counts, paired_tree
from tailwalk.profile.record import Profile
from tailwalk.runs import Conditions, KernelRecord

DIFFERENCE_SCHEMA = "tailwalk.difference/2"

# Functions are named as carriers of a change until they make this share of it up.
_CARRIED = 0.95
_MOST_CARRIERS = 4


class Side(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the two profiles: kernel, case and conditions, kernel instructions of a call, the
    figure they are part of, and the share of calls that have the profile."""

    kernel: KernelRecord
    case: Case
    conditions: Conditions
    count: int
    value: int
    share: float


class DifferenceRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function, and the instructions of a call executed in it itself on either side.

    `raw` are the names, by side, of what is counted here where that is more than the function
    under this very name: its older name, its parts, functions that only one kernel has.
    """

    name: str
    counts: tuple[int, int]
    raw: tuple[list[str], list[str]]

    @property
    def difference(self) -> int:
        """By how much the second side executes more."""
        return self.counts[1] - self.counts[0]


class Difference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two profiles of one case beside each other.

    Attributes:
        varies: what differs between the sides: the kernel, or the conditions of one kernel.
        rows: functions, the largest difference first; each side's counts add up to its count.
    """

    schema: str = DIFFERENCE_SCHEMA
    varies: Literal["kernel", "conditions"]
    sides: tuple[Side, Side]
    rows: list[DifferenceRow]

    @property
    def total(self) -> int:
        """By how many kernel instructions a call is dearer on the second side."""
        return self.sides[1].count - self.sides[0].count

    def carriers(self) -> list[DifferenceRow]:
        """The few functions that make up most of the change, the largest first; none where there
        is no change."""
        sign = 1 if self.total > 0 else -1
        found: list[DifferenceRow] = []
        carried = 0
        for row in self.rows:
            if len(found) == _MOST_CARRIERS or carried >= _CARRIED * abs(self.total):
                break
            if row.difference * sign > 0:
                found.append(row)
                carried += row.difference * sign
        return found


def difference(first: Profile, second: Profile, *, raw: bool = False) -> Difference:
    """The second profile against the first; `raw` leaves functions unpaired.

    Raises UsageError for profiles of different cases, or of different kernels under different
    conditions.
    """
    varies = check_comparable(first, second)
    nodes = paired_tree([first, second], raw=raw)
    names: list[dict[str, set[str]]] = [{}, {}]
    for node in nodes:
        for side in (0, 1):
            names[side].setdefault(node.name, set()).update(node.raw[side])
    rows = [DifferenceRow(name=name, counts=(one, other),
                          raw=(_others(name, names[0]), _others(name, names[1])))
            for name, (one, other) in function_counts(nodes).items()]
    rows.sort(key=lambda row: (-abs(row.difference), -max(row.counts), row.name))
    return Difference(varies=varies, sides=(_side(first), _side(second)), rows=rows)


def pairs(profiles: Sequence[Profile]) -> list[list[Profile]]:
    """Each profile beside the first that it can be compared with; one by itself where it is the
    only one of its kind."""
    found: list[list[Profile]] = []
    groups: list[list[Profile]] = []
    for profile in {profile.inputs: profile for profile in profiles}.values():
        for group in groups:
            with suppress(UsageError):
                check_comparable(group[0], profile)
                group.append(profile)
                found.append([group[0], profile])
                break
        else:
            groups.append([profile])
    return found + [group for group in groups if len(group) == 1]


def _others(name: str, names: dict[str, set[str]]) -> list[str]:
    """What a name stands for, where that is not the name alone."""
    found = names.get(name, set())
    return [] if found <= {name} else sorted(found)


def _side(profile: Profile) -> Side:
    return Side(kernel=profile.kernel, case=profile.figure.case, conditions=profile.conditions,
                count=profile.count, value=int(profile.figure.main.value), share=profile.share)


def _call_of(case: Case) -> tuple[object, ...]:
    """What tells a case from others, besides the conditions that one kernel is compared under."""
    conditions = ("offset", "fill", "file_size", "uptodate")
    return case.name, case.workload, {
        name: value for name, value in case.parameters.items() if name not in conditions}


def check_comparable(first: Profile, second: Profile) -> Literal["kernel", "conditions"]:
    """What differs between two profiles; raises UsageError for those that cannot be compared."""
    one, other = first.figure.case, second.figure.case
    if _call_of(one) != _call_of(other):
        raise UsageError(f"the profiles are of different cases: {one.name} on {first.kernel.spec} "
                         f"and {other.name} on {second.kernel.spec}. Profile the same case twice.")
    either = "Compare kernels under the same conditions, or one kernel under two."
    for name, here in first.conditions.machine.items():
        if (there := second.conditions.machine.get(name)) != here:
            raise UsageError(
                f"the profiles are of different machines: {name} is {here} for "
                f"{first.kernel.spec} and {there or 'not recorded'} for {second.kernel.spec}. "
                "Profile both under the same conditions.")
    if first.kernel.digest == second.kernel.digest:
        return "conditions"
    for name, value in one.parameters.items():
        if value != other.parameters[name]:
            raise UsageError(
                f"the profiles are of different cases: {one.name} with {name.replace('_', ' ')} "
                f"{value} on {first.kernel.spec} and {other.parameters[name]} on "
                f"{second.kernel.spec}. {either}")
    if first.conditions.filesystem != second.conditions.filesystem:
        raise UsageError(
            f"the profiles are of different file systems: {first.conditions.filesystem} on "
            f"{first.kernel.spec} and {second.conditions.filesystem} on {second.kernel.spec}. "
            f"{either}")
    return "kernel"
