# SPDX-License-Identifier: GPL-2.0-or-later
"""Writeback in the model: the series `flush` held against ext4 without it, in every order of the
CPUs' steps."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from itertools import chain, product

import pytest
from click.testing import CliRunner, Result

from tailwalk.cli.model import model
from tailwalk.errors import ModelError, UsageError
from tailwalk.model import folio, racing
from tailwalk.model.check import check
from tailwalk.model.designs import DESIGNS
from tailwalk.model.proof_writeback import Order, questions, refute
from tailwalk.model.races import alone, clean, dirtied, untracked
from tailwalk.model.races import racing as races
from tailwalk.model.racing import Call, Race, RaceFound, Runs, race
from tailwalk.model.steps import Rule, Shared, lock, put, read, unlock
from tailwalk.model.synced import synced
from tailwalk.model.writeback import GROUP, Flush, Whole


class Adder(Whole):
    """Adds one to a number, and does not mind what others do meanwhile."""

    def add(self) -> Rule:
        yield put("newer", (yield read("newer")) + 1)


class LockedAdder(Adder):
    """Minds."""

    def add(self) -> Rule:
        yield lock("folio")
        yield from super().add()
        yield unlock("folio")


def adding(cpus: int) -> Race:
    return Race(start=Shared(), cpus=((Call("add"),),) * cpus, buffers=1, inside=1)


@pytest.mark.parametrize("cpus", [2, 3])
def test_every_order_of_steps_is_explored(cpus):
    assert race(LockedAdder, LockedAdder, adding(cpus)).same
    ends = set(Runs(Adder, adding(cpus)).ends(RaceFound()))
    assert {end[-1] for end in ends} == set(range(1, cpus + 1))  # what they have added up to
    assert race(Adder, LockedAdder, adding(cpus)).trace is not None


def test_the_states_of_a_wrong_design_are_counted():
    right = race(LockedAdder, LockedAdder, adding(2))
    wrong = race(Adder, LockedAdder, adding(2))
    assert wrong.trace is not None
    # Every state but the first was come to by a transition.
    assert right.states // 2 < wrong.states <= wrong.transitions + 2


def test_cpus_that_wait_for_each_other_are_an_end_of_its_own():
    class Crosswise(Whole):
        def call(self, first: int) -> Rule:
            for name in ("ab" if first else "ba"):
                yield lock(name)
            for name in "ab":
                yield unlock(name)

    class InOrder(Crosswise):
        def call(self, first: int) -> Rule:
            yield from super().call(first | 1)

    what = Race(start=Shared(), cpus=((Call("call", (0,)),), (Call("call", (1,)),)),
                buffers=1, inside=1)
    found = race(Crosswise, InOrder, what)
    assert found.trace is not None and found.trace.why == "nobody can go on"
    assert len(found.trace.steps) == 2


def test_too_many_states_are_refused(monkeypatch):
    monkeypatch.setattr(racing, "_STATES_AT_MOST", 3)
    with pytest.raises(ModelError, match=r"more than 3 states .* fewer buffers or calls"):
        race(Adder, Adder, adding(3))


def test_the_same_call_twice_is_made_twice():
    what = dataclasses.replace(adding(1), cpus=((Call("add"),) * 3,))
    [end] = Runs(Adder, what).ends(RaceFound())
    assert end[-1] == 3


@pytest.mark.slow
@pytest.mark.parametrize("journalled", [False, True])
def test_a_sync_by_one_cpu_does_the_same_with_flush_in_every_state_of_two_buffers(journalled):
    found = [race(Flush, Whole, what) for what in alone(2, journalled=journalled)]
    assert len(found) == 1152
    assert all(one.same for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("journalled", [False, True])
def test_cpus_that_race_come_with_flush_to_no_end_of_their_own(journalled):
    found = [race(Flush, Whole, what) for what in races(journalled=journalled)]
    assert [one.trace for one in found if one.trace] == []
    assert sum(one.states for one in found) > 20_000


WRONG = {
    "forget-early": "bytes in 10 are found by no writeback to come",
    "forget-chosen": "nobody can go on",
    "keep-none": "bytes in 10 are found by no writeback to come",
    "mark-late": "bytes in 11 are found by no writeback to come",
    "peek": "a sync returns with bytes in 11 not on the disk",
    "end-early": "a sync returns with bytes in .* not on the disk",
    "count-late": "nobody can go on",
    "track-early": "nobody can go on",
}
EXPLORED = ("keep-none", "mark-late", "peek", "track-early")
"""Those that few of all races show."""


@pytest.mark.parametrize(("name", "why"), [
    pytest.param(name, why, marks=[pytest.mark.slow] * (name in EXPLORED))
    for name, why in WRONG.items()])
def test_a_wrong_writeback_is_caught(name, why):
    kind = DESIGNS[name].writeback
    trace = next(found.trace for what in races() if (found := race(kind, Whole, what)).trace)
    assert re.fullmatch(why, trace.why)
    assert any(line.endswith(f"with {name}; with full it never comes to that")
               for line in trace.lines("full", name))


def test_every_wrong_writeback_is_tried():
    wrong = {name for name, one in DESIGNS.items() if one.wrong and one.writeback is not Whole}
    assert wrong == set(WRONG)


@pytest.mark.slow
def test_a_wrong_writeback_that_one_cpu_shows_is_caught_without_a_race():
    kind = DESIGNS["keep-none"].writeback
    assert any(race(kind, Whole, what).trace for what in alone(2))


def places_of(mask: int) -> list[range]:
    """Runs of the bits that are set."""
    runs: list[range] = []
    for index in range(mask.bit_length()):
        if mask >> index & 1:
            begun = runs.pop().start if runs and runs[-1].stop == index else index
            runs.append(range(begun, index + 1))
    return runs


@pytest.mark.parametrize("kind", [Whole, Flush])
def test_what_a_sync_passes_is_counted_as_the_walks_pass_it(kind):
    buffers = 5
    for mask in range(1, 1 << buffers):
        places = places_of(mask)
        start = dirtied(clean(buffers), mask)
        half = kind.tracks and any(2 * len(place) >= buffers for place in places)
        runs = Runs(kind, Race(
            start=start._replace(all=1) if half else start, cpus=((Call("sync"),),),
            buffers=buffers, inside=buffers, devices=0))
        next(runs.ends(RaceFound()))
        texts = [text for _, text in runs.path()]
        counts = synced(kind, places, buffers=buffers, group=GROUP, least=1)
        walked = sum(bool(re.match(r"looks whether|looks at async_write", text)) for text in texts)
        ends = texts.count("is told that a bio has ended")
        assert ends == counts["bios"]
        # The fourth walk is one step of the model, over the ring or over what the bio wrote.
        walked += counts["written"] if kind.tracks else ends * buffers
        assert walked == 4 * counts["written"] + counts["clean"]
        searches = texts.count("reads groups") - half  # that of a whole ring, to forget its bits
        assert searches == counts["searches"]


@pytest.mark.parametrize(("changes", "waits"), [({}, 0), ({"failing": 0b10}, 0b10)])
def test_a_sync_writes_what_is_dirty_and_reports_the_rest(changes, waits):
    dirty = clean(2)._replace(newer=0b11, dirty=0b11, bits=0b11, groups=0b1,
                              folio=clean(2).folio | folio.DIRTY)
    what = dataclasses.replace(
        Race(start=dirty, cpus=((Call("sync"),),), buffers=2, inside=2, devices=0), **changes)
    runs = Runs(Flush, what)
    [(log, held, *masks, lost)] = runs.ends(RaceFound())
    assert ("writes", 0b11) in log and log[-1] == ("a sync leaves", 0)
    assert held == clean(2).folio
    assert masks[-1] == (0b11 if waits else 0)  # one bio failed as a whole
    assert not lost


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(model, arguments, env={"COLUMNS": "120"})


def test_the_command_shows_the_run_and_exits_1():
    result = invoke("check", "forget-early", "--mode", "ordered")
    assert result.exit_code == 1, result.output
    assert re.search(r"^ordered +3  any \(\d+\) .* writeback, CPUs in every order of their steps$",
                     result.output, re.MULTILINE)
    assert "cpu 0 calls: unpin 1\n" in result.output
    assert "NOT equivalent: a shortest run that shows it (masks " in result.output


def test_what_races_found_together_says_whether_any_was_apart():
    wrong = check(DESIGNS["track-early"], DESIGNS["full"], modes=["ordered"])
    assert [(races.apart, races.found.same) for races in wrong.races] == [(1, False)]


@pytest.mark.slow
def test_the_command_explores_writeback_alone_where_the_other_walks_are_the_same():
    result = invoke("check", "flush", "--against", "span")
    assert result.exit_code == 0, result.output
    assert result.output.count("writeback, one CPU in every state\n") == 2
    assert "invariants" not in result.output


def every_pair(buffers: int) -> Iterator[Race]:
    """Each call of one CPU beside each of another, which then syncs, in a ring of which one buffer
    is dirty and one a hole."""
    sync = Call("sync")
    calls = (*(Call("write", (index,)) for index in range(buffers)),
             Call("write", tuple(range(buffers))), Call("unpin", (1,)),
             Call("invalidate", (0,)), sync, Call("commit"))
    start = dirtied(clean(buffers), 0b1)._replace(mapped=(1 << buffers) - 1 & ~0b10)
    for one, other in product(calls, repeat=2):
        for known in (start, untracked(start)):
            yield Race(start=known, cpus=((one,), (other, sync)), buffers=buffers,
                       inside=buffers)


@pytest.mark.long
def test_every_call_beside_every_other_and_every_state_of_four_buffers():
    for what in chain(every_pair(2), alone(4)):
        found = race(Flush, Whole, what)
        assert found.trace is None, [*found.trace.lines("full", "flush")]


def test_the_proof_of_writeback_holds():
    pytest.importorskip("z3")
    asked = list(questions())
    assert len(asked) > 20
    assert [(one.statement, one.part) for one in asked if refute(one)] == []


@pytest.mark.parametrize("wrong", [{"bit_before_folio": False}, {"folio_before_all": False},
                                   {"all_under_lock": False}])
def test_another_order_of_the_stores_is_not_proved(wrong):
    pytest.importorskip("z3")
    shown = [refute(one) for one in questions(Order(**wrong)) if one.statement == "marks"]
    assert any(shown)


@pytest.mark.slow
def test_the_command_proves_flush_and_refuses_a_wrong_writeback():
    pytest.importorskip("z3")
    result = invoke("prove", "flush")
    assert result.exit_code == 0, result.output
    assert re.search(r"^  tell the ring +proved$", result.output, re.MULTILINE)
    assert result.output.rstrip().endswith("proved")
    refused = invoke("prove", "peek")
    assert isinstance(refused.exception, UsageError)
    assert "tailwalk model check peek" in str(refused.exception)
