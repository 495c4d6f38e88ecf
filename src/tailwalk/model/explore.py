# SPDX-License-Identifier: GPL-2.0-or-later
"""Exploration: every state within bounds, with two designs side by side.

States are followed in pairs, one run of the reference and one of the design under check, through
the same moves. As long as the design's walks do what the reference's do, the two runs are one
state and the walks are compared where they are walked; from the first difference on both are
followed. A difference that a program or a crash could show ends the exploration with a trace.

No rule looks at the bytes it moves, so contents can be left out: then two runs agree about their
bytes as long as every move does the same to bytes that are all different, and a pair for which
that fails is replayed with contents from the start.
"""

from __future__ import annotations

import gc
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tailwalk.errors import ModelError
from tailwalk.model import blk, folio
from tailwalk.model.contents import CANON, DISTINCT, fresh_together, rename_together
from tailwalk.model.designs import Design
from tailwalk.model.file import Walker
from tailwalk.model.moves import (
    DEPENDS_ON_DESIGN,
    EVICTIONS,
    WAIT_FOR_WRITEBACK,
    Move,
    moves,
    start_states,
    take,
    tell,
    tell_outcome,
)
from tailwalk.model.view import (
    INVARIANTS,
    LEGEND,
    Invariant,
    Transition,
    difference,
    flag_differences,
    show_state,
)
from tailwalk.model.words import Setting, State
from tailwalk.progress import SILENT, Progress, Task

_NOT_LOOKED_AT = bytes(value & ~blk.FAILED for value in range(256))
_STATES_AT_MOST = 40_000_000


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How far an exploration goes.

    Attributes:
        depth: moves from a start.
        fine: every range and every place of a fault, or a choice of them (`moves.Vocabulary`).
        contents: follow contents in every state?
    """

    depth: int = 6
    fine: bool = False
    contents: bool = False


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A run that shows something: the start, the moves, and what came of each in both designs.

    Attributes:
        why: what the last move shows.
        start: the state before the first move.
        moves: the moves in order.
        outcomes: what the caller of each saw, with the reference and with the design.
        states: the state after each, likewise.
    """

    why: str
    start: State
    moves: tuple[Move, ...]
    outcomes: tuple[tuple[int, int], ...]
    states: tuple[tuple[State, State], ...]

    legend = LEGEND

    def lines(self, reference: str, design: str) -> Iterator[str]:
        """The trace as text."""
        yield f"   start: {show_state(self.start)}"
        for number, (move, outcomes, states) in enumerate(
                zip(self.moves, self.outcomes, self.states, strict=True), start=1):
            yield f"{number:>3}. {tell(move)}"
            if outcomes[0] == outcomes[1] and states[0] == states[1]:
                yield f"       {tell_outcome(move, outcomes[0])}; {show_state(states[0])}"
                continue
            for name, outcome, state in zip((reference, design), outcomes, states, strict=True):
                yield f"       {name}: {tell_outcome(move, outcome)}; {show_state(state)}"
        yield f"     so: {self.why}"


@dataclass(kw_only=True)
class Exploration:
    """What an exploration found.

    Attributes:
        states: pairs of states found (most of them one state of both designs).
        transitions: moves made.
        apart: pairs in which the designs' states differ without a difference that shows.
        flags: of these, how many differ in which flags.
        closed: did every state within any depth turn up?
        depth: the depth reached.
        broken: how many states broke which invariant.
        trace: a shortest run to a difference or to a state that breaks a required invariant.
    """

    states: int = 0
    transitions: int = 0
    apart: int = 0
    flags: Counter[frozenset[str]] = field(default_factory=Counter)
    closed: bool = False
    depth: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    trace: Trace | None = None


Pair = tuple[State, State]


def explore(design: Design, against: Design, setting: Setting, bounds: Bounds, *,
            progress: Progress = SILENT) -> Exploration:
    """Explore `design` beside `against`.

    Raises ModelError where the setting or the bounds cannot be explored.
    """
    setting.check()
    if bounds.depth < 1:
        raise ModelError(f"--depth {bounds.depth} explores nothing: give at least 1.")
    if setting.buffers > 12:
        raise ModelError(f"--buffers {setting.buffers}: more than 12 cannot be explored state by "
                         "state; `tailwalk model prove` holds for any number.")
    for each in (design, against):
        if setting.mode not in each.modes:
            raise ModelError(f"the design {each.name} cannot serve mode {setting.mode}; it serves "
                             f"{', '.join(each.modes)}.")
    label = f"exploring {setting.mode}, {setting.buffers} buffers"
    with progress.task(label, total=None) as task, _no_collector():
        return _Explorer(design, against, setting, bounds).run(task)


@contextmanager
def _no_collector() -> Iterator[None]:
    """Have no cyclic garbage looked for: states, of which there are millions, make no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Explorer:
    def __init__(self, design: Design, against: Design, setting: Setting, bounds: Bounds) -> None:
        self._reference = Walker(setting, against.walk(), rival=design.walk())
        self._design = Walker(setting, design.walk())
        self._bounds = bounds
        self._mode = setting.mode
        self._found = Exploration()
        self._invariants = [each for each in INVARIANTS
                            if each.applies(setting) and (bounds.contents or not each.contents)]
        self._seen: set[State | Pair] = set()
        self._order: list[State | Pair] = []
        self._parents = array("l")
        self._moves: list[Move | None] = []

    def run(self, task: Task) -> Exploration:
        found = self._found
        self._starts = start_states(self._reference, fine=self._bounds.fine)
        for start in self._starts:
            self._reach(self._plain(start), -1, None)
        begin = end = 0
        over = False
        while not over and end < len(self._order) and found.depth < self._bounds.depth:
            begin, end = end, len(self._order)
            found.depth += 1
            for number in range(begin, end):
                if not number % 4096:
                    task.say(f"depth {found.depth}, {len(self._order):,} states, "
                             f"{found.transitions:,} transitions")
                over = self._expand(number)
                if over:
                    break
        found.closed = not over and end == len(self._order)
        found.states = len(self._order)
        return found

    def _expand(self, number: int) -> bool:
        """Make every move in a state or pair; whether the exploration is over."""
        here = self._order[number]
        over = False
        transitions = 0
        if isinstance(here, State):
            walker = self._reference.for_state(here)
            for move in moves(walker, here, fine=self._bounds.fine):
                transitions += 1
                walker.differed = False
                after, _ = take(walker, here, move)
                over = (self._part(number, (here, here), move) if walker.differed else
                        self._reach(self._plain(after), number, move, here))
                if over:
                    break
        else:
            for move in moves_of_both(self._reference, self._design, here,
                                      fine=self._bounds.fine):
                transitions += 1
                over = self._part(number, here, move)
                if over:
                    break
        self._found.transitions += transitions
        return over

    def _part(self, number: int, pair: Pair, move: Move) -> bool:
        """Make a move with both designs, each on its own state; whether it ends the search."""
        one, other = pair
        with_contents = bool(one.units)
        if not with_contents:
            distinct = bytes((DISTINCT,)) * (len(one.blocks) * 2)
            one, other = one._replace(units=distinct), other._replace(units=distinct)
        outcomes, (a, b) = take_both(self._reference, self._design, (one, other), move)
        same_outcome = outcomes[0] == outcomes[1]
        if a == b and same_outcome:
            after = self._plain(a)
            return after not in self._seen and self._reach(after, number, move, pair[0])
        alike = same_outcome and difference(a, b, self._mode) is None
        if not with_contents and alike and a.units == b.units:
            return self._reach_pair((self._plain(a), self._plain(b)), number, move)
        if not alike or not with_contents:
            self._found.trace, a, b = self._replay(number, move)
            if self._found.trace is not None:
                return True
            assert not with_contents, "a replay with contents shows what was found"
        return self._reach_pair(rename_pair(a, b), number, move)

    def _plain(self, state: State) -> State:
        """The state as it is remembered: with versions renamed, or without contents and without
        what no rule looks at."""
        ring, blocks, units, folio, size, disksize = state
        if self._bounds.contents:
            return State(ring, blocks, units.translate(CANON), folio, size, disksize)
        return State(ring, blocks.translate(_NOT_LOOKED_AT), b"", folio, size, 0)

    def _reach(self, state: State, parent: int, move: Move | None,
               before: State | None = None) -> bool:
        if state in self._seen:
            return False
        self._remember(state, parent, move)
        return self._check(before or state, state)

    def _reach_pair(self, pair: Pair, parent: int, move: Move) -> bool:
        if pair in self._seen:
            return False
        self._remember(pair, parent, move)
        self._found.apart += 1
        self._found.flags[flag_differences(*pair)] += 1
        here = self._order[parent]
        before = (here, here) if isinstance(here, State) else here
        return self._check(before[0], pair[0]) or self._check(before[1], pair[1])

    def _check(self, before: State, state: State) -> bool:
        made = Transition(before, state, self._mode)
        for invariant in self._invariants:
            if invariant.broken(made):
                self._found.broken[invariant.name] += 1
                if invariant.required:
                    self._found.trace = self._trace_to_last(invariant)
                    return True
        return False

    def _remember(self, item: State | Pair, parent: int, move: Move | None) -> None:
        if len(self._order) >= _STATES_AT_MOST:
            raise ModelError(f"more than {_STATES_AT_MOST:,} states within these bounds: lower "
                             "--depth or --buffers.")
        self._seen.add(item)
        self._order.append(item)
        self._parents.append(parent)
        self._moves.append(move)

    def _path(self, number: int) -> tuple[State, list[Move]]:
        path: list[Move] = []
        while True:
            move = self._moves[number]
            if move is None:
                return self._starts[number], path[::-1]
            path.append(move)
            number = self._parents[number]

    def _replay(self, number: int, last: Move) -> tuple[Trace | None, State, State]:
        """Run the path to a state, and one more move, with contents: the trace if it shows a
        difference, and the states it ends in."""
        start, path = self._path(number)
        return replay(self._reference, self._design, start, [*path, last])

    def _trace_to_last(self, invariant: Invariant) -> Trace:
        start, path = self._path(len(self._order) - 1)
        steps = list(run_both(self._reference, self._design, (start, start), path))
        return Trace(why=f"broken: {invariant.statement}", start=start, moves=tuple(path),
                     outcomes=tuple(outcomes for outcomes, _ in steps),
                     states=tuple(states for _, states in steps))


def moves_of_both(reference: Walker, design: Walker, pair: Pair, *, fine: bool) -> list[Move]:
    """The moves that both of two runs can make. The kernel may evict or not, so an eviction that
    one state refuses is left out; what has no effect in one of the states is still called."""
    one, other = pair
    these = dict.fromkeys(moves(reference.for_state(one), one, fine=fine))
    if one == other:
        return list(these)
    those = dict.fromkeys(moves(design.for_state(other), other, fine=fine))
    waits = WAIT_FOR_WRITEBACK if (one.folio | other.folio) & folio.WRITEBACK else frozenset()
    return [move for move in these | those
            if (move in these and move in those)
            or (move.rule not in EVICTIONS and move.rule not in waits)]


def take_both(reference: Walker, design: Walker, pair: Pair,
              move: Move) -> tuple[tuple[int, int], Pair]:
    """Make a move with both designs, each on its own state: what the callers saw, the states."""
    one, other = pair
    versions = (fresh_together(one.units, other.units)
                if move.rule in DEPENDS_ON_DESIGN else None)
    one, outcome = take(reference.for_state(one), one, move, versions)
    other, other_outcome = take(design.for_state(other), other, move, versions)
    return (outcome, other_outcome), (one, other)


def run_both(reference: Walker, design: Walker, start: Pair,
             path: list[Move]) -> Iterator[tuple[tuple[int, int], Pair]]:
    """Make the moves with both designs from a pair, with contents: after each, what the callers
    saw and the states."""
    pair = start
    for move in path:
        outcomes, pair = take_both(reference, design, pair, move)
        pair = rename_pair(*pair)
        yield outcomes, pair


def replay(reference: Walker, design: Walker, start: State,
           path: list[Move]) -> tuple[Trace | None, State, State]:
    """Run a path with contents up to the first difference that shows: the trace to it, or None,
    and the last states."""
    outcomes: list[tuple[int, int]] = []
    states: list[Pair] = []
    mode = reference.setting.mode
    for outcome, pair in run_both(reference, design, (start, start), path):
        outcomes.append(outcome)
        states.append(pair)
        last = path[len(states) - 1]
        why = (difference(*pair, mode) if outcome[0] == outcome[1] else
               f"the caller sees {tell_outcome(last, outcome[0])} or "
               f"{tell_outcome(last, outcome[1])}")
        if why is not None:
            return Trace(why=why, start=start, moves=tuple(path[:len(states)]),
                         outcomes=tuple(outcomes), states=tuple(states)), *pair
    return None, *states[-1]


def rename_pair(one: State, other: State) -> Pair:
    """Two states with versions renamed alike in both."""
    units, others = rename_together(one.units, other.units)
    return one._replace(units=units), other._replace(units=others)
