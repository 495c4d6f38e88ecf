# SPDX-License-Identifier: GPL-2.0-or-later
"""Exploration of writeback: several CPUs and the device, in every order of their steps.

A design is held against another by what its runs come to: what was found to map, written and left
by each sync, and the flags at the end, where nobody has anything more to do. It is right if each
end of its runs is one that the other design can come to as well: where CPUs race, either of them
may have been first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from tailwalk.errors import ModelError
from tailwalk.model import folio
from tailwalk.model.steps import CpuStep, Rule, Shared
from tailwalk.model.writeback import END_OF_BIO, GROUP, DirtyWalk, Whole

_STATES_AT_MOST = 5_000_000


class Call(NamedTuple):
    """A rule that a CPU calls, and its arguments."""

    rule: str
    arguments: tuple[int, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.rule, *map(str, self.arguments)])


@dataclass(frozen=True, kw_only=True)
class Race:
    """What to explore.

    Attributes:
        start: what is shared before anything happens.
        cpus: what each calls in turn.
        buffers, inside, journalled, failing, no_memory: as those of `Whole`.
        devices: CPUs that are told of the end of bios; with 0 one is told when no other CPU can
            go on, so that the run has one order alone.
    """

    start: Shared
    cpus: tuple[tuple[Call, ...], ...]
    buffers: int
    inside: int
    journalled: bool = False
    failing: int = 0
    no_memory: bool = False
    devices: int = 1

    def rules(self, kind: type[Whole]) -> Whole:
        """The rules of a design in this setting."""
        return kind(buffers=self.buffers, inside=self.inside, journalled=self.journalled,
                    failing=self.failing, no_memory=self.no_memory)

    def start_of(self, kind: type[Whole]) -> Shared:
        """The start, where a design that tracks no ring knows nothing of its buffers."""
        return self.start if kind.tracks else self.start._replace(
            tracked=0, bits=0, groups=0, all=0, writes=0)


@dataclass(frozen=True, kw_only=True)
class RaceTrace:
    """A shortest run to an end that the other design never comes to."""

    race: Race
    steps: tuple[tuple[str, str], ...]
    why: str

    legend = "masks have the first buffer on the right"

    def lines(self, reference: str, design: str) -> Iterator[str]:
        """The trace as text."""
        yield f"   start: {show_shared(self.race.start, self.race.buffers)}"
        for number, calls in enumerate(self.race.cpus):
            yield f"   cpu {number} calls: {', '.join(map(str, calls))}"
        turns = groupby(self.steps, key=itemgetter(0))
        for number, (who, steps) in enumerate(turns, start=1):
            yield f"{number:>3}. {who} {'; '.join(text for _, text in steps)}"
        yield f"     so: {self.why} with {design}; with {reference} it never comes to that"


@dataclass(kw_only=True)
class RaceFound:
    """What an exploration found: the states and steps of both designs, the longest run, whether
    both come to just the same ends, and a trace where one end is the design's alone."""

    states: int = 0
    transitions: int = 0
    depth: int = 0
    same: bool = True
    trace: RaceTrace | None = None


End = tuple[Any, ...]
_HANGS: End = ("hangs",)


def race(kind: type[Whole], against: type[Whole], what: Race) -> RaceFound:
    """Explore one race with a design and with another.

    Raises ModelError where it has too many states.
    """
    reference, runs = Runs(against, what), Runs(kind, what)
    found = RaceFound()
    allowed = set(reference.ends(found))
    ends = set()
    for end in runs.ends(found):
        ends.add(end)
        if end not in allowed:
            found.trace = RaceTrace(race=what, steps=runs.path(), why=_tell_end(
                end, next(iter(allowed)) if len(allowed) == 1 else None))
            break
    found.same = ends == allowed
    return found


class _Program:
    """What a CPU calls: a graph of the steps that it can come to, made as runs come there."""

    def __init__(self, rules: Whole, calls: tuple[Call, ...]) -> None:
        self._rules, self._calls = rules, calls
        self._known: dict[Any, _Node] = {}

    def begin(self, sent: tuple[int, ...] = ()) -> _Node:
        """The node after the rules were sent these values, one for each of their steps; rules
        that stand at the same step with the same variables are at one node."""
        rule = self._all_calls()
        step: CpuStep | None = next(rule)
        try:
            for value in sent:
                step = rule.send(value)
        except StopIteration:
            step = None
        standing = None if step is None else (step.text, *_standing(rule))
        return self._known.setdefault(standing, _Node(self, sent, step))

    def _all_calls(self) -> Rule:
        for number in range(len(self._calls)):  # a variable that tells two equal calls apart
            rule, arguments = self._calls[number]
            yield from getattr(self._rules, rule)(*arguments)


class _Node:
    """Where a CPU is: its next step (None: none is left), and where what it is sent leads."""

    __slots__ = ("_after", "_program", "_sent", "step")

    def __init__(self, program: _Program, sent: tuple[int, ...], step: CpuStep | None) -> None:
        self._program, self._sent, self.step = program, sent, step
        self._after: dict[int, _Node] = {}

    def go_on(self, value: int) -> _Node:
        """The node after the step gave a value."""
        found = self._after.get(value)
        if found is None:
            found = self._after[value] = self._program.begin((*self._sent, value))
        return found


@cache
def _first(rules: Whole, calls: tuple[Call, ...]) -> _Node:
    return _Program(rules, calls).begin()


class Runs:
    """Every run of one design, breadth first."""

    def __init__(self, kind: type[Whole], what: Race) -> None:
        self._what = what
        rules = what.rules(kind)
        devices = max(what.devices, 1)
        self._names = [*(f"cpu {number}" for number in range(len(what.cpus))),
                       *(f"device {number}" for number in range(devices))]
        first = (*(_first(rules, calls) for calls in what.cpus),
                 *[_first(rules, (Call("device"),))] * devices)
        self._here: Any = what.start_of(kind), first
        self._parents: dict[Any, tuple[Any, str, str] | None] = {self._here: None}

    def ends(self, found: RaceFound) -> Iterator[End]:
        """The ends, nearest first."""
        level = [self._here]
        found.states += 1
        while level:
            following = []
            for here in level:
                moved = False
                for after, who, text in self._steps(here):
                    moved = True
                    found.transitions += 1
                    if after not in self._parents:
                        found.states += 1
                        self._parents[after] = here, who, text
                        following.append(after)
                if not moved:
                    self._here = here
                    yield self._end(here)
            if len(self._parents) > _STATES_AT_MOST:
                raise ModelError(f"more than {_STATES_AT_MOST:,} states in one race: give it "
                                 "fewer buffers or calls.")
            found.depth += bool(following)
            level = following

    def path(self) -> tuple[tuple[str, str], ...]:
        """The steps to the end that was given last."""
        steps, at = [], self._here
        while (parent := self._parents[at]) is not None:
            at, who, text = parent
            steps.append((who, text))
        return tuple(reversed(steps))

    def _steps(self, here: tuple[Shared, tuple[_Node, ...]]) -> Iterator[tuple[Any, str, str]]:
        shared, nodes = here
        for at, node in enumerate(nodes):
            if node.step is None:
                continue
            moved = False
            for after, sent in node.step.make(shared):
                moved = True
                yield ((after, (*nodes[:at], node.go_on(sent), *nodes[at + 1:])),
                       self._names[at], node.step.text)
            if moved and not self._what.devices:
                return

    def _end(self, here: tuple[Shared, tuple[_Node, ...]]) -> End:
        shared, nodes = here
        cpus = len(self._what.cpus)
        if (any(node.step for node in nodes[:cpus])
                or any(node.step is not END_OF_BIO for node in nodes[cpus:])):
            return _HANGS
        return (shared.log, shared.folio, shared.dirty, shared.delay, shared.mapped,
                shared.uptodate, shared.async_write, shared.error,
                shared.newer & ~_found_next(shared))


def _standing(rule: Any) -> Iterator[Any]:
    """Where a generator and those that it waits for stand, and what their variables hold. (No loop
    of a rule gives its variable the same value twice: where it stands in what it goes through
    cannot be seen.)"""
    while (frame := getattr(rule, "gi_frame", None)) is not None:
        yield frame.f_code, frame.f_lasti, tuple(
            (value.number, value.end, value.last, value.whole, value.forget)
            if isinstance(value, DirtyWalk) else value for value in frame.f_locals.values())
        rule = rule.gi_yieldfrom


def _found_next(shared: Shared) -> int:
    """The buffers that the next writeback would write."""
    if not shared.folio & folio.DIRTY:
        return 0
    if not shared.tracked or shared.all:
        return shared.dirty
    groups = sum(((1 << GROUP) - 1) << group * GROUP
                 for group in range(shared.groups.bit_length()) if shared.groups >> group & 1)
    return shared.dirty & shared.bits & groups


_NAMES = ("log", "folio", "dirty", "delay", "mapped", "uptodate", "async_write", "error", "lost")


def _tell_end(end: End, other: End | None) -> str:
    if end == _HANGS:
        return "nobody can go on"
    told = dict(zip(_NAMES, end, strict=True))
    if told["lost"]:
        return f"bytes in {told['lost']:b} are found by no writeback to come"
    for event in told["log"]:
        if event[0] == "a sync leaves" and event[1]:
            return f"a sync returns with bytes in {event[1]:b} not on the disk"
    if other is None or other == _HANGS:
        return f"the log says {told['log']}"
    name, value = next((name, value) for name, value, held in
                       zip(_NAMES, end, other, strict=True) if value != held)
    return f"in the end {name} is {value}"


def show_shared(shared: Shared, buffers: int) -> str:
    """What is shared, on one line."""
    flags = ",".join(name for flag, name in folio.NAMES.items() if shared.folio & flag)
    masks = " ".join(f"{name} {getattr(shared, name):0{buffers}b}" for name in (
        "newer", "dirty", "delay", "mapped", "uptodate", "async_write",
        *(("tracked", "bits") if shared.tracked else ())) if getattr(shared, name))
    return f"folio {flags}; {masks}" + (
        ", any may be dirty" if shared.tracked and shared.all else "")
