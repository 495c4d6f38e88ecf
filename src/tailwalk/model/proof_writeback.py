# SPDX-License-Identifier: GPL-2.0-or-later
"""A proof, for a ring of any length and any number of CPUs, that writeback with the series `flush`
does what it does without.

`chooses`: the first loop of ext4_bio_write_folio() side by side with itself, once over all buffers
and once over those of which the ring says that they may be dirty; and what the ring says after the
second loop. By induction over the ring.

`ends`: of the buffers under I/O there are as many as the count says, if it was so before a bio
ended whose buffers were all under I/O. By induction over the ring.

`marks`: one buffer and whoever marks it, under whatever lock, beside one writeback: whenever
nobody is in between, a dirty buffer is one of which the ring says so, in a folio that is marked
dirty. By induction over the steps of all. Buffers share nothing but the one for all and the
folio's mark, both of which others may set at any time, so what holds of one holds of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tailwalk.errors import ModelError
from tailwalk.extras import import_extra

STATEMENTS = {
    "chooses": "after i steps the two rings are the same, and so are how many were chosen and "
               "whether the folio was marked dirty again; at the end the ring says of each dirty "
               "buffer that it may be dirty, and has counted those that will be under I/O",
    "ends": "after i steps of a walk, the buffers under I/O before and after the bio ended differ "
            "by those of the bio that lie before i",
    "marks": "a dirty buffer is one of which the ring says so, or who marked it, or writeback, is "
             "yet to say so; and its folio is marked dirty, or one of the two is yet to mark it, "
             "or writeback is yet to come to the buffer and will not leave it out; nor does it "
             "where the buffer was dirty before it began, whoever is marking it once more",
}

_SECONDS = 60


class Question(NamedTuple):
    """A part of a statement's proof: what is assumed, and what is to follow."""

    statement: str
    part: str
    assumed: list[Any]
    claim: Any


@dataclass(frozen=True, kw_only=True)
class Order:
    """The order of the stores, and of the reads, of who marks and of writeback."""

    bit_before_folio: bool = True
    folio_before_all: bool = True
    all_under_lock: bool = True


_Part = tuple[str, str, list[Any], Any]


def questions(order: Order | None = None) -> Iterator[Question]:
    """What is to be proved."""
    for one in (*_chooses(), *_ends(), *_marks(order or Order())):
        yield Question(*one)


def refute(question: Question) -> str | None:
    """A counterexample in z3's words, or None where the claim follows.

    Raises ModelError where z3 finds no answer.
    """
    z3 = _logic()
    solver = z3.Solver()
    solver.set("timeout", _SECONDS * 1000)
    solver.add(*question.assumed, z3.Not(question.claim))
    answer = solver.check()
    if answer == z3.unknown:
        raise ModelError(f"z3 found no answer within {_SECONDS} seconds to whether writeback "
                         f"{question.statement} ({question.part}): {solver.reason_unknown()}.")
    if answer == z3.unsat:
        return None
    model = solver.model()
    return ", ".join(sorted(f"{name} {model[name]}" for name in model.decls()
                            if name.arity() == 0 and "k!" not in str(name)))


def _logic() -> Any:
    return import_extra("z3", extra="proof", what="the proof")


# The first loop of ext4_bio_write_folio().


def _chooses() -> Iterator[_Part]:
    z3 = _logic()
    i, n, inside, k = z3.Ints("i n inside k")
    one_for_all, journalled, folio_uptodate = z3.Bools("all journalled folio_uptodate")
    flags = z3.ArraySort(z3.IntSort(), z3.BoolSort())
    begun = {name: z3.Const(f"begun_{name}", flags)
             for name in ("dirty", "uptodate", "under_io", "mapped", "delay", "bit")}
    whole = z3.Or(one_for_all, journalled, z3.And(inside < n, z3.Not(folio_uptodate)))

    def passed(at: Any) -> Any:
        return z3.Or(whole, begun["bit"][at])

    assumed = [n >= 1, inside >= 0, inside <= n, z3.ForAll(k, z3.Implies(
        z3.And(k >= 0, k < n), z3.And(
            z3.Implies(begun["dirty"][k], z3.Or(one_for_all, begun["bit"][k])),
            z3.Implies(folio_uptodate, begun["uptodate"][k]),
            z3.Not(begun["under_io"][k]))))]

    @dataclass(frozen=True)
    class Loop:
        dirty: Any
        uptodate: Any
        under_io: Any
        chosen: Any
        redirtied: Any

        def step(self, goes: Any) -> Loop:
            behind, dirty = i >= inside, self.dirty[i]
            written = z3.And(goes, z3.Not(behind), dirty, begun["mapped"][i],
                             z3.Not(begun["delay"][i]))
            kept = z3.And(goes, z3.Not(behind), dirty, begun["mapped"][i], begun["delay"][i])
            return Loop(
                z3.Store(self.dirty, i, z3.And(dirty, z3.Or(z3.Not(goes), kept))),
                z3.Store(self.uptodate, i, z3.Or(self.uptodate[i], z3.And(goes, behind))),
                z3.Store(self.under_io, i, z3.Or(self.under_io[i], written)),
                self.chosen + z3.If(written, 1, 0), z3.Or(self.redirtied, kept))

    def loop(name: str) -> Loop:
        dirty, uptodate, under_io = (z3.Const(f"{name}_{what}", flags)
                                     for what in ("dirty", "uptodate", "under_io"))
        return Loop(dirty, uptodate, under_io, z3.Int(f"{name}_chosen"),
                    z3.Bool(f"{name}_redirtied"))

    under_io_before = z3.Function("under_io_before", z3.IntSort(), z3.IntSort())

    def invariant(full: Loop, flush: Loop, at: Any) -> Any:
        def claim(k: Any) -> Any:
            return z3.And(
                full.dirty[k] == flush.dirty[k], full.uptodate[k] == flush.uptodate[k],
                full.under_io[k] == flush.under_io[k],
                z3.Implies(flush.dirty[k], begun["dirty"][k]),
                z3.Implies(k >= at, z3.And(*(
                    getattr(flush, what)[k] == begun[what][k]
                    for what in ("dirty", "uptodate", "under_io")))))
        return z3.And(at >= 0, at <= n, full.chosen == flush.chosen, flush.chosen >= 0,
                      flush.chosen == under_io_before(at), full.redirtied == flush.redirtied,
                      z3.ForAll(k, z3.Implies(z3.And(k >= 0, k < n), claim(k))))

    full, flush = loop("full"), loop("flush")
    start = Loop(begun["dirty"], begun["uptodate"], begun["under_io"], z3.IntVal(0),
                 z3.BoolVal(False))
    yield ("chooses", "begins", [*assumed, under_io_before(0) == 0],
           invariant(start, start, z3.IntVal(0)))
    after = flush.step(passed(i))
    yield ("chooses", "steps", [
        *assumed, invariant(full, flush, i), i < n,
        under_io_before(i + 1) == under_io_before(i) + z3.If(after.under_io[i], 1, 0)],
        invariant(full.step(z3.BoolVal(True)), after, i + 1))
    # The second loop forgets what was passed, and a buffer that stays dirty gets its bit back; or
    # nothing is submitted, and what was taken is given back.
    bit_after = z3.If(flush.chosen > 0, z3.Or(z3.And(begun["bit"][k], z3.Not(passed(k))),
                                              z3.And(passed(k), flush.dirty[k])), begun["bit"][k])
    all_after = z3.And(flush.chosen == 0, whole)
    yield ("chooses", "ends", [*assumed, invariant(full, flush, n), k >= 0, k < n],
           z3.And(full.chosen == flush.chosen, flush.chosen == under_io_before(n),
                  z3.Implies(flush.dirty[k], z3.Or(bit_after, all_after))))


# The end of a bio.


def _ends() -> Iterator[_Part]:
    z3 = _logic()
    i, n, first, stop = z3.Ints("i n first stop")
    before, left = (z3.Function(name, z3.IntSort(), z3.IntSort()) for name in ("before", "left"))
    under_io = z3.Function("under_io", z3.IntSort(), z3.BoolSort())
    in_bio = z3.And(i >= first, i < stop)
    assumed = [first >= 0, first < stop, stop <= n]

    def invariant(at: Any) -> Any:
        return before(at) - left(at) == z3.If(at <= first, 0, z3.If(
            at <= stop, at - first, stop - first))

    yield "ends", "begins", [*assumed, before(0) == 0, left(0) == 0], invariant(z3.IntVal(0))
    yield ("ends", "steps", [
        *assumed, i >= 0, i < n, invariant(i), z3.Implies(in_bio, under_io(i)),
        before(i + 1) == before(i) + z3.If(under_io(i), 1, 0),
        left(i + 1) == left(i) + z3.If(z3.And(under_io(i), z3.Not(in_bio)), 1, 0)],
        invariant(i + 1))
    count = z3.Int("count")
    yield ("ends", "ends", [*assumed, invariant(n), count == before(n)],
           count - (stop - first) == left(n))


# Who marks a buffer, and writeback.


@dataclass(frozen=True)
class _Buffer:
    """One buffer and what bears on it.

    Attributes:
        dirty, bit, all, folio: what is marked; `chosen`: it is to be submitted.
        marked, told: how many have marked it and are yet to tell the ring, and then the folio.
        blocking: where a block_dirty_folio() is that holds the lock: 0 none, 1 begun, 2 marked
            the buffer, 3 set the one for all.
        phase: where writeback is: 0 away, 1 marked the folio clean, 2 took the one for all, 3
            decided whether it comes to the buffer, 4 was there, 5 forgot it.
        whole, passed: what it took, and decided.
        promised: was the buffer dirty when writeback began, and nobody yet to tell the ring of it
            who holds no lock? jbd2 may be, whose buffers are passed anyway.
    """

    dirty: Any
    bit: Any
    all: Any
    folio: Any
    chosen: Any
    marked: Any
    told: Any
    blocking: Any
    phase: Any
    whole: Any
    passed: Any
    promised: Any

    def but(self, **changes: Any) -> _Buffer:
        return _Buffer(**{**self.__dict__, **changes})


Move = Callable[[_Buffer], tuple[Any, _Buffer]]
"""From a state to when it can be left so, and the state after."""


def _moves(order: Order) -> dict[str, Move]:
    z3 = _logic()
    yes, no = z3.BoolVal(True), z3.BoolVal(False)
    written, others = z3.Bools("can_be_written others_chosen")

    def tell_ring(s: _Buffer) -> tuple[Any, _Buffer]:
        if not order.bit_before_folio:
            return s.told > 0, s.but(told=s.told - 1, bit=z3.Or(s.bit, z3.Not(s.all)))
        return s.marked > 0, s.but(marked=s.marked - 1, told=s.told + 1,
                                   bit=z3.Or(s.bit, z3.Not(s.all)))

    def tell_folio(s: _Buffer) -> tuple[Any, _Buffer]:
        if not order.bit_before_folio:
            return s.marked > 0, s.but(marked=s.marked - 1, told=s.told + 1, folio=yes)
        return s.told > 0, s.but(told=s.told - 1, folio=yes)

    def take(s: _Buffer, phase: int) -> tuple[Any, _Buffer]:
        free = s.blocking == 0 if order.all_under_lock else yes
        return z3.And(s.phase == phase, free), s.but(phase=phase + 1, whole=s.all, all=no)

    def clean(s: _Buffer, phase: int) -> tuple[Any, _Buffer]:
        return s.phase == phase, s.but(phase=phase + 1, folio=no)

    def choose(s: _Buffer) -> tuple[Any, _Buffer]:
        found = z3.And(s.passed, s.dirty)
        return s.phase == 3, s.but(
            phase=z3.IntVal(4), chosen=z3.And(found, written),
            dirty=z3.And(s.dirty, z3.Not(z3.And(found, written))),
            folio=z3.Or(s.folio, z3.And(found, z3.Not(written))))

    def begin(s: _Buffer) -> tuple[Any, _Buffer]:
        when, after = first(s, 0)
        return when, after.but(promised=z3.And(s.dirty, s.marked == 0))

    first, second = (clean, take) if order.folio_before_all else (take, clean)
    return {
        # mark_buffer_dirty(): a chosen buffer is marked by nobody else before I/O has begun, as
        # writers and jbd2, which files no buffer that is dirty, come with the folio lock.
        "mark": lambda s: (z3.And(z3.Not(s.dirty), z3.Not(s.chosen)),
                           s.but(dirty=yes, marked=s.marked + 1)),
        "tell the ring": tell_ring,
        "tell the folio": tell_folio,
        "block begins": lambda s: (s.blocking == 0, s.but(blocking=z3.IntVal(1))),
        "block marks": lambda s: (s.blocking == 1, s.but(blocking=z3.IntVal(2), dirty=yes)),
        "block tells all": lambda s: (s.blocking == 2, s.but(blocking=z3.IntVal(3), all=yes)),
        "block ends": lambda s: (s.blocking == 3, s.but(blocking=z3.IntVal(0), folio=yes)),
        "another tells the folio": lambda s: (yes, s.but(folio=yes)),
        "another tells all": lambda s: (z3.And(s.phase == 0, s.blocking == 0), s.but(all=yes)),
        "writeback begins": begin,
        "writeback goes on": lambda s: second(s, 1),
        "decide": lambda s: (s.phase == 2, s.but(phase=z3.IntVal(3),
                                                 passed=z3.Or(s.whole, s.bit))),
        "choose": choose,
        "forget": lambda s: (z3.And(s.phase == 4, z3.Or(others, s.chosen)),
                             s.but(phase=z3.IntVal(5), bit=z3.And(s.bit, z3.Not(s.passed)))),
        "keep": lambda s: (s.phase == 5, s.but(
            phase=z3.IntVal(0), chosen=no, bit=z3.Or(s.bit, z3.And(
                s.passed, z3.Not(s.chosen), s.dirty, z3.Not(s.all))))),
        "cancel": lambda s: (
            z3.And(s.phase == 4, z3.Not(s.chosen), s.blocking == 0),
            s.but(phase=z3.IntVal(0), all=z3.Or(s.all, s.whole))),
    }


def _holds(s: _Buffer) -> Any:
    z3 = _logic()
    coming = z3.Or(s.marked + s.told > 0, s.blocking == 2, s.blocking == 3)
    said = z3.Or(
        s.bit, s.all, s.marked > 0, s.blocking == 2,
        z3.And(s.phase >= 2, s.phase <= 4, s.whole),
        z3.And(s.phase == 5, s.passed, z3.Not(s.chosen)))
    found = z3.Or(
        s.folio, coming, z3.And(s.phase == 1, z3.Or(s.bit, s.all)),
        z3.And(s.phase == 2, z3.Or(s.bit, s.whole)), z3.And(s.phase == 3, s.passed))
    return z3.And(
        s.marked >= 0, s.told >= 0, s.blocking >= 0, s.blocking <= 3, s.phase >= 0, s.phase <= 5,
        z3.Implies(s.chosen, z3.And(s.phase >= 4, s.passed, z3.Implies(
            s.dirty, z3.Or(s.all, s.blocking == 2)))),
        z3.Implies(s.promised, z3.And(
            z3.Implies(s.phase == 1, z3.Or(s.bit, s.all, s.blocking == 2)),
            z3.Implies(s.phase == 2, z3.Or(s.bit, s.whole)),
            z3.Implies(s.phase == 3, s.passed))),
        z3.Implies(z3.And(s.phase >= 3, s.whole), s.passed),
        z3.Implies(s.dirty, z3.And(said, found)))


def _marks(order: Order) -> Iterator[_Part]:
    z3 = _logic()
    now = _Buffer(*z3.Bools("dirty bit all folio chosen"), *z3.Ints("marked told blocking phase"),
                  *z3.Bools("whole passed promised"))
    away = [now.marked == 0, now.told == 0, now.blocking == 0, now.phase == 0]
    yield "marks", "begins", [
        *away, z3.Not(z3.Or(now.dirty, now.chosen, now.promised))], _holds(now)
    for name, move in _moves(order).items():
        when, after = move(now)
        yield "marks", name, [_holds(now), when], _holds(after)
    yield ("marks", "ends", [_holds(now), *away],
           z3.Implies(now.dirty, z3.And(now.folio, z3.Or(now.bit, now.all))))
    yield ("marks", "writes", [_holds(now), now.phase == 3, now.promised], now.passed)
