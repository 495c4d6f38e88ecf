# SPDX-License-Identifier: GPL-2.0-or-later
"""Random long runs of the model, in rings larger and deeper than can be explored state by state.

The examples are the same every time; those of the test marked `long` are not.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from tailwalk.model.designs import find_design
from tailwalk.model.explore import moves_of_both, run_both
from tailwalk.model.file import Walker
from tailwalk.model.moves import Move, start_states
from tailwalk.model.view import INVARIANTS, Transition, difference
from tailwalk.model.words import MODES, Setting

QUICK = settings(max_examples=settings().max_examples // 3, derandomize=True, database=None,
                 suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
LONG = settings(QUICK, max_examples=1500, derandomize=False)

SETTINGS = st.sampled_from([
    *(Setting(mode=mode, buffers=buffers, blocks_per_page=per_page)
      for mode in MODES if mode != "journal"
      for buffers, per_page in ((5, 1), (8, 1), (16, 1), (8, 4), (12, 4))),
    *(Setting(mode=mode, buffers=buffers, pages_per_block=4)
      for mode in MODES if mode != "journal" for buffers in (1, 6)),
    Setting(mode="journal", buffers=1, pages_per_block=16),
    *(Setting(mode="journal", buffers=count, blocks_per_page=count) for count in (1, 2, 4))])


def wander(data: st.DataObject, design_name: str, setting: Setting, length: int, *,
           against: str = "full") -> str:
    """Make `length` random moves with a design and with another, contents followed: what the two
    could be told apart by, or which invariant broke; empty if nothing."""
    reference = Walker(setting, find_design(against).walk())
    design = Walker(setting, find_design(design_name).walk())
    state = data.draw(st.sampled_from(start_states(reference, fine=False)))
    pair = state, state
    for _ in range(length):
        by_rule: dict[str, list[Move]] = defaultdict(list)
        for move in moves_of_both(reference, design, pair, fine=setting.buffers < 8):
            by_rule[move.rule].append(move)
        rule = data.draw(st.sampled_from(sorted(by_rule)))
        move = by_rule[rule][data.draw(st.integers(0, len(by_rule[rule]) - 1))]
        # The two runs go on from where they are: one step of `run_both` from a pair.
        [(outcomes, after)] = run_both(reference, design, pair, [move])
        if outcomes[0] != outcomes[1]:
            return f"{move}: outcomes {outcomes}"
        if found := difference(*after, setting.mode):
            return f"{move}: {found}"
        for invariant in INVARIANTS:
            if (invariant.required and invariant.applies(setting)
                    and invariant.broken(Transition(pair[1], after[1], setting.mode))):
                return f"{move}: broken: {invariant.statement}"
        pair = after
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("design", ["tail", "seek", "span"])
@given(data=st.data(), setting=SETTINGS)
@QUICK
def test_long_runs_of_a_right_design_show_what_full_shows(design, data, setting):
    assert wander(data, design, setting, 40) == ""


@given(data=st.data(), buffers=st.sampled_from([5, 8, 16]))
@QUICK
def test_long_runs_of_iomap_keep_every_invariant(data, buffers):
    setting = Setting(mode="ordered", buffers=buffers)
    assert wander(data, "bitmap", setting, 40, against="bitmap") == ""


def test_iomap_keeps_no_mapping_of_a_preallocated_block_that_was_not_written():
    """A copy that failed left the block mapped; the next read took what lay there on disk."""
    setting = Setting(mode="ordered", buffers=5)
    walker = Walker(setting, find_design("bitmap").walk())
    state = next(state for state in start_states(walker, fine=False)
                 if state.blocks == bytes([3, 0, 2, 3, 0]) and not state.folio)
    pair = state, state
    for rule, values in (("write", {"start": 5, "end": 8, "copied": 0, "fault": -2}),
                         ("read", {"fault": 0})):
        move = next(move for move in moves_of_both(walker, walker, pair, fine=True)
                    if move.rule == rule and all(getattr(move, name) == value
                                                 for name, value in values.items()))
        [(_, after)] = run_both(walker, walker, pair, [move])
        for invariant in INVARIANTS:
            made = Transition(pair[1], after[1], setting.mode)
            assert not (invariant.required and invariant.applies(setting)
                        and invariant.broken(made)), invariant
        pair = after


@pytest.mark.long
@pytest.mark.parametrize("design", ["tail", "seek", "span"])
@given(data=st.data(), setting=SETTINGS)
@LONG
def test_many_long_runs_of_a_right_design_show_what_full_shows(design, data, setting):
    assert wander(data, design, setting, 80) == ""


@pytest.mark.slow
@pytest.mark.parametrize("design", ["cut-always", "off-by-one", "clean-commit"])
def test_long_runs_catch_a_wrong_design(design):
    def shows(data: Any) -> bool:
        return wander(data, design, Setting(buffers=8), 40) != ""

    find(st.data(), shows, settings=settings(
        QUICK, max_examples=300, phases=[Phase.generate]))
