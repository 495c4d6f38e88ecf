# SPDX-License-Identifier: GPL-2.0-or-later
"""A proof, for a ring of any length, that a design's walks do what the full walks do.

The proof is by induction over the walk. The full walk and the design's walk take their steps
side by side, one buffer a step; where the design does not visit a buffer, it does nothing in that
step. Three obligations go to z3, which is asked for a counterexample of each, first in rings of
one to three buffers and then in rings of any length:

    begins    the invariant holds before the first step;
    steps     if it holds before step i, it holds after it, for every i below the ring's length;
    ends      if it holds after the last step, the two walks leave the same, and what they assumed
              holds for the next walk.

Two statements are proved for each walk.

`same`: from one and the same ring, with
    U: while the folio is uptodate, so are its buffers, and
    N: no buffer outside the written range is new,
both walks leave the same ring and the same verdict whether the folio is uptodate; after the begin
walk U and N hold still, and after the commit U holds and no buffer is new.

`alike`: from two rings that are alike, without U, both leave rings that are alike. Rings are
alike when they differ in nothing but the uptodate flags of buffers of an uptodate folio. This
covers data=journal, where a failed checkpoint breaks U.

In the begin walk, what happens inside the range is left open (one uninterpreted function for both
designs, which may fail at any buffer), except that it makes buffers of an uptodate folio uptodate
without having looked whether they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tailwalk.errors import ModelError, UsageError
from tailwalk.extras import import_extra
from tailwalk.model import proof_writeback
from tailwalk.model.designs import DESIGNS
from tailwalk.model.walks import Visits
from tailwalk.model.writeback import Flush, Whole

Statement = Literal["same", "alike"]
WalkName = Literal["begin", "commit"]

INVARIANT = {
    "same": "after i steps the two rings are the same, both walks or neither have stopped with an "
            "error, and they agree on `partial` unless the folio was uptodate on entry; buffers "
            "from i on are as they were; of the buffers before i, those of an uptodate folio are "
            "uptodate and those outside the range (after the commit: all) are not new",
    "alike": "the same of two rings that are alike, without a word on uptodate flags",
    **proof_writeback.STATEMENTS,
}


_SMALL_RINGS = (1, 2, 3)
_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Obligation:
    """One question to z3: its name, whether it holds, and where not, a counterexample. `walk` is
    empty for writeback."""

    statement: str
    walk: WalkName | Literal[""]
    part: str
    holds: bool
    counterexample: str = ""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The obligations of a design; it is proved if all of them hold."""

    design: str
    obligations: tuple[Obligation, ...]

    @property
    def holds(self) -> bool:
        return all(obligation.holds for obligation in self.obligations)


def prove(design: str) -> Proof:
    """Prove, or refute, that a design's walks do what the full walks do, in writeback too where
    it has walks of its own.

    Raises UsageError for a design that is not a route along the ring, ToolError where z3 is not
    installed, and ModelError where it finds no answer.
    """
    routes = {name: one.routes for name, one in DESIGNS.items()
              if one.routes and one.writeback in (Whole, Flush)}
    if design not in routes:
        raise UsageError(f"the proof is over routes along a ring, and {design!r} is none: give "
                         f"one of {', '.join(routes)}, or see `tailwalk model check {design}`.")
    statements: tuple[Statement, ...] = ("same", "alike")
    begin, commit = routes[design]
    walks: tuple[tuple[WalkName, Visits], ...] = (("begin", begin), ("commit", commit))
    obligations = [obligation for statement in statements for walk, visits in walks
                   for obligation in _Induction(statement, walk, visits).obligations()]
    if DESIGNS[design].writeback is Flush:
        for question in proof_writeback.questions():
            shown = proof_writeback.refute(question)
            obligations.append(Obligation(
                statement=question.statement, walk="", part=question.part, holds=shown is None,
                counterexample=shown or ""))
    return Proof(design=design, obligations=tuple(obligations))


def _logic() -> Any:
    return import_extra("z3", extra="proof", what="the proof")


@dataclass(frozen=True)
class _Ring:
    """A ring as arrays over the buffers' numbers: the two flags that the walks decide about, the
    dirty flag, and everything else of a buffer and its block as one thing."""

    uptodate: Any
    new: Any
    dirty: Any
    rest: Any

    def at(self, i: Any) -> tuple[Any, Any, Any, Any]:
        return self.uptodate[i], self.new[i], self.dirty[i], self.rest[i]

    def put(self, i: Any, values: tuple[Any, Any, Any, Any], *, where: Any) -> _Ring:
        z3 = _logic()

        def store(array: Any, value: Any) -> Any:
            return z3.If(where, z3.Store(array, i, value), array)

        return _Ring(store(self.uptodate, values[0]), store(self.new, values[1]),
                     store(self.dirty, values[2]), store(self.rest, values[3]))


@dataclass(frozen=True)
class _Walker:
    """One of the two walks after some steps: its ring, whether it stopped with an error, and
    whether it has seen a buffer outside that is not uptodate."""

    ring: _Ring
    stopped: Any
    partial: Any


class _Induction:
    def __init__(self, statement: Statement, walk: WalkName, visits: Visits) -> None:
        z3 = self.z3 = _logic()
        self.statement, self.walk, self.visits = statement, walk, visits
        self.rest_sort = z3.DeclareSort("Rest")
        self.i, self.n, self.start, self.end, self.block = z3.Ints("i n start end block")
        self.uptodate = z3.Bool("folio_uptodate")
        self.given = z3.And(self.n >= 1, self.block >= 1, self.start >= 0,
                            self.start <= self.end, self.end <= self.n * self.block)
        self.first = self._ring("first")
        self.second = self.first if statement == "same" else self._ring("second")
        self.length: int | None = None  # of the rings searched first; None: any

    def _ring(self, name: str) -> _Ring:
        z3 = self.z3

        def flags(flag: str) -> Any:
            return z3.Const(f"{name}_{flag}", z3.ArraySort(z3.IntSort(), z3.BoolSort()))

        return _Ring(flags("uptodate"), flags("new"), flags("dirty"),
                     z3.Const(f"{name}_rest", z3.ArraySort(z3.IntSort(), self.rest_sort)))

    def _outside(self, i: Any) -> Any:
        """Is a buffer outside the written range?"""
        return ((i + 1) * self.block <= self.start) | (i * self.block >= self.end)

    def _all(self, claim: Callable[[Any], Any]) -> Any:
        """`claim` for every buffer of the ring."""
        z3 = self.z3
        if self.length is not None:
            return z3.And(*(claim(z3.IntVal(k)) for k in range(self.length)))
        k = z3.Int("k")
        return z3.ForAll(k, z3.Implies(z3.And(k >= 0, k < self.n), claim(k)))

    def _walkers(self, name: str) -> tuple[_Walker, _Walker]:
        z3 = self.z3
        return tuple(_Walker(self._ring(f"{name}_{which}"), z3.Bool(f"{name}_{which}_stopped"),
                             z3.Bool(f"{name}_{which}_partial"))
                     for which in ("full", "design"))  # type: ignore[return-value]

    def _equal(self, one: _Ring, other: _Ring, k: Any) -> Any:
        z3 = self.z3
        uptodate = one.uptodate[k] == other.uptodate[k]
        if self.statement == "alike":
            uptodate = z3.Or(self.uptodate, uptodate)
        return z3.And(uptodate, one.new[k] == other.new[k], one.dirty[k] == other.dirty[k],
                      one.rest[k] == other.rest[k])

    def _precondition(self) -> Any:
        z3 = self.z3

        def claim(k: Any) -> Any:
            outside = self._outside(k)
            terms = [self._equal(self.first, self.second, k)]
            for ring in (self.first, self.second):
                terms.append(z3.Implies(outside, z3.Not(ring.new[k])))
                if self.statement == "same":
                    terms.append(z3.Implies(self.uptodate, ring.uptodate[k]))
            return z3.And(*terms)

        length = [] if self.length is None else [self.n == self.length]
        return z3.And(self.given, *length, self._all(claim))

    def _invariant(self, full: _Walker, design: _Walker, i: Any) -> Any:
        z3 = self.z3

        def claim(k: Any) -> Any:
            terms = [self._equal(full.ring, design.ring, k)]
            for walker, begun in ((full, self.first), (design, self.second)):
                same = z3.And(*(a == b for a, b in zip(walker.ring.at(k), begun.at(k),
                                                       strict=True)))
                terms += [z3.Implies(k >= i, same), z3.Implies(k < i, self._kept(walker, k))]
            return z3.And(*terms)

        stopped = (full.stopped == design.stopped if self.walk == "begin"
                   else z3.Not(z3.Or(full.stopped, design.stopped)))  # nothing fails in a commit
        return z3.And(i >= 0, i <= self.n, stopped,
                      z3.Or(self.uptodate, full.partial == design.partial), self._all(claim))

    def _kept(self, walker: _Walker, k: Any) -> Any:
        """What the next walk may assume of a buffer that this one has passed."""
        z3 = self.z3
        not_new = z3.Not(walker.ring.new[k])
        uptodate: Any = self.uptodate
        if self.walk == "begin":
            not_new = z3.Implies(self._outside(k), not_new)
        else:
            uptodate = self._uptodate_after(walker)
        if self.statement == "alike":
            return not_new
        return z3.And(not_new, z3.Implies(uptodate, walker.ring.uptodate[k]))

    def _uptodate_after(self, walker: _Walker) -> Any:
        return self.z3.Or(self.uptodate, self.z3.Not(walker.partial))

    def _step(self, walker: _Walker, i: Any, visits: Any) -> _Walker:
        """The loop's body at buffer i, for a walk that goes on and visits it."""
        z3 = self.z3
        goes_on = z3.And(z3.Not(walker.stopped), visits)
        outside = self._outside(i)
        uptodate, new, dirty, rest = walker.ring.at(i)
        if self.walk == "commit":
            after = (z3.Or(uptodate, z3.Not(outside)), z3.BoolVal(False),
                     z3.Or(dirty, z3.Not(outside)), rest)
            return _Walker(
                walker.ring.put(i, after, where=goes_on), walker.stopped,
                z3.Or(walker.partial, z3.And(goes_on, outside, z3.Not(uptodate))))
        # Inside the range: what get_block, the zeroing and the reads make of the buffer.
        seen = z3.And(uptodate, z3.Not(self.uptodate))
        integer, boolean = z3.IntSort(), z3.BoolSort()
        parameters = (integer, boolean, boolean, boolean, self.rest_sort)

        def becomes(what: str, sort: Any) -> Any:
            return z3.Function(what, *parameters, sort)(i, seen, new, dirty, rest)

        fails = z3.And(z3.Not(outside), becomes("fails", boolean))
        inside = (z3.Or(self.uptodate, becomes("uptodate_inside", boolean)),
                  becomes("new_inside", boolean), becomes("dirty_inside", boolean),
                  becomes("rest_inside", self.rest_sort))
        passed = (z3.Or(uptodate, self.uptodate), new, dirty, rest)
        after = (z3.If(outside, passed[0], inside[0]), z3.If(outside, passed[1], inside[1]),
                 z3.If(outside, passed[2], inside[2]), z3.If(outside, passed[3], inside[3]))
        return _Walker(
            walker.ring.put(i, after, where=z3.And(goes_on, z3.Not(fails))),
            z3.Or(walker.stopped, z3.And(goes_on, fails)), walker.partial)

    def obligations(self) -> Iterator[Obligation]:
        """The three parts of the induction, each with its answer."""
        for part in (self._begins, self._steps, self._ends):
            yield self._ask(part)

    def _begins(self) -> tuple[list[Any], Any]:
        no = self.z3.BoolVal(False)
        return [self._precondition()], self._invariant(
            _Walker(self.first, no, no), _Walker(self.second, no, no), self.z3.IntVal(0))

    def _steps(self) -> tuple[list[Any], Any]:
        full, design = self._walkers("now")
        visits = self.visits(self.i, self.start, self.end, self.block, self.z3.Not(self.uptodate))
        assumed = [self._precondition(), self._invariant(full, design, self.i), self.i < self.n]
        return assumed, self._invariant(self._step(full, self.i, self.z3.BoolVal(True)),
                                        self._step(design, self.i, visits), self.i + 1)

    def _ends(self) -> tuple[list[Any], Any]:
        full, design = self._walkers("now")
        return [self._precondition(), self._invariant(full, design, self.n)], self.z3.And(
            full.stopped == design.stopped,
            self._uptodate_after(full) == self._uptodate_after(design),
            self._all(lambda k: self.z3.And(self._equal(full.ring, design.ring, k),
                                            self._kept(full, k), self._kept(design, k))))

    def _ask(self, question: Callable[[], tuple[list[Any], Any]]) -> Obligation:
        z3 = self.z3
        part = question.__name__.removeprefix("_")
        for length in (*_SMALL_RINGS, None):
            self.length = length
            assumed, claim = question()
            solver = z3.Solver()
            solver.set("timeout", _SECONDS * 1000)
            solver.add(*assumed, z3.Not(claim))
            answer = solver.check()
            if answer == z3.sat:
                return Obligation(statement=self.statement, walk=self.walk, part=part,
                                  holds=False, counterexample=self._show(solver.model()))
            if answer == z3.unknown:
                raise ModelError(
                    f"z3 found no answer within {_SECONDS} seconds to whether the {self.walk} "
                    f"walk {part} ({self.statement}): {solver.reason_unknown()}.")
        return Obligation(statement=self.statement, walk=self.walk, part=part, holds=True)

    def _show(self, model: Any) -> str:
        def number(term: Any) -> str:
            return str(model.eval(term, model_completion=True))

        i = model.eval(self.i, model_completion=True)
        now_full, now_design = self._walkers("now")
        flags = [f"{name}: uptodate {number(walker.ring.uptodate[i])}, "
                 f"new {number(walker.ring.new[i])}, dirty {number(walker.ring.dirty[i])}"
                 for name, walker in (("full", now_full), ("design", now_design))]
        return (f"a ring of {number(self.n)} buffers of {number(self.block)}, a write from "
                f"{number(self.start)} to {number(self.end)}, folio uptodate "
                f"{number(self.uptodate)}, at buffer {i} ({'; '.join(flags)})")
