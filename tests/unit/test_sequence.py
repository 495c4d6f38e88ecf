# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences, and what the model expects of them, beside a file that is a list of half blocks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.errors import ModelError
from tailwalk.model import folio
from tailwalk.model.designs import DESIGNS, find_design
from tailwalk.model.expected import expect
from tailwalk.model.sequence import (
    ACTIONS,
    CLOSING,
    FILLER,
    Sequence,
    Step,
    random_sequence,
)
from tailwalk.model.words import EFAULT, MODES
from tailwalk.model.writeback import Whole

FULL = find_design("full")
SHAPES = [(1024, 4), (1024, 16), (2048, 2), (4096, 1), (4096, 8)]


def shadow(sequence):
    """Result, size and contents after each step, from what the system calls promise alone, and
    one thing that they don't: a write that copies nothing moves the end of the file."""
    unit = sequence.unit
    held = [FILLER if kind == "written" else 0 for kind in sequence.layout for _ in range(2)]
    for step in sequence.steps:
        result = 0
        if step.do == "write":
            copied = step.copied
            result = copied or EFAULT
            start, end = step.offset // unit, (step.offset + copied) // unit
            held += [0] * (end - len(held))
            held[start:end] = [step.value] * (end - start)
        elif step.do == "store":
            held[step.offset // unit:(step.offset + step.length) // unit] = (
                [step.value] * (step.length // unit))
        elif step.do == "truncate":
            held = held[:step.offset // unit] + [0] * (step.offset // unit - len(held))
        elif step.do == "punch":
            for at in range(step.offset // unit, (step.offset + step.length) // unit):
                if at < len(held):
                    held[at] = 0
        elif step.do == "read":
            result = len(held) * unit
        yield result, len(held) * unit, bytes(held)


@given(seed=st.integers(0, 1 << 40), mode=st.sampled_from(MODES), shape=st.sampled_from(SHAPES),
       design=st.sampled_from(["full", "tail", "seek"]))
def test_the_model_promises_what_the_calls_promise(seed, mode, shape, design):
    block_size, blocks = shape
    if mode == "journal" and block_size * blocks > 4096:
        return
    sequence = random_sequence(seed, mode=mode, block_size=block_size, blocks=blocks)
    expected = expect(sequence, find_design(design))
    assert [(one.result, one.size, one.contents) for one in expected] == list(shadow(sequence))


@given(seed=st.integers(0, 1 << 40))
def test_tail_expects_what_full_expects(seed):
    sequence = random_sequence(seed, block_size=1024, blocks=8)
    assert expect(sequence, FULL) == expect(sequence, find_design("tail"))


@pytest.mark.parametrize("wrong", [
    name for name, one in DESIGNS.items() if one.wrong and one.writeback is Whole])
def test_wrong_designs_expect_something_else(wrong):
    sequences = [random_sequence(seed, block_size=1024, blocks=4) for seed in range(40)]
    assert any(expect(one, find_design(wrong)) != expect(one, FULL) for one in sequences)


def test_a_sequence_is_its_seed():
    assert random_sequence(7) == random_sequence(7) != random_sequence(8)
    assert random_sequence(7).steps[-len(CLOSING):] == list(CLOSING)


def test_every_step_occurs():
    kinds = {step.do for seed in range(20) for step in random_sequence(seed).steps}
    assert kinds == set(ACTIONS)
    short = [step.readable for seed in range(20) for step in random_sequence(seed).steps
             if step.do == "write" and step.readable is not None]
    assert 0 in short and any(short)


def expected_of(steps, layout=("hole",) * 4, block_size=1024, mode="ordered"):
    return expect(Sequence(mode=mode, block_size=block_size, layout=list(layout),
                           steps=list(steps)), FULL)


def test_a_short_write_into_a_folio_that_is_not_uptodate_is_tried_again():
    [one] = expected_of([Step("write", 0, 4096, 7, 1024)])
    assert one.result == 1024
    # All blocks were reserved by the first attempt, and only the first holds what was written.
    assert one.segments == "DDDD" and one.contents == b"\7\7" + bytes(6)


def test_nothing_copied_is_a_fault():
    [one] = expected_of([Step("write", 0, 2048, 7, 0)])
    assert one.result == EFAULT and not any(one.contents)


def test_nothing_copied_behind_the_end_moves_the_end():
    *_, one = expected_of([Step("truncate", 1024), Step("write", 2048, 1024, 7, 0)])
    assert one.result == EFAULT and one.size == 2048 and one.contents == bytes(4)


def test_the_folio_is_expected_while_it_is_certain_to_be_one():
    whole = Step("write", 0, 4 * 4096, 7)
    first, cut, empty, part = expected_of(
        [whole, Step("truncate", 2048), Step("truncate", 0), Step("write", 0, 4096, 1)],
        block_size=4096)
    assert first.folio == folio.CACHED | folio.UPTODATE | folio.DIRTY
    assert cut.folio == first.folio  # its dirty buffer forbids a split
    assert empty.folio == 0
    assert part.folio is None  # of what size is the kernel's to say


def test_a_clean_folio_may_be_split_by_truncation():
    *_, cut = expected_of([Step("write", 0, 4 * 4096, 7), Step("fsync"), Step("truncate", 4096)],
                            block_size=4096)
    assert cut.folio is None


def test_a_store_makes_data_of_holes_as_far_as_the_folio_goes():
    [one] = expected_of([Step("store", 0, 1024, 7)])
    assert one.segments == "DDDD"
    [one] = expected_of([Step("store", 0, 4096, 7)], block_size=4096)
    assert one.segments == "D???"


@pytest.mark.parametrize(("changes", "message"), [
    ({"steps": [Step("write", 0, 100, 1)]}, "step 1"),
    ({"steps": [Step("write", 0, 1024, 0)]}, "values at most 255"),
    ({"steps": [Step("write", 0, 1024, 1, 2048)]}, "step 1"),
    ({"steps": [Step("write", 0, 8192, 1)]}, "up to 4096"),
    ({"steps": [Step("read"), Step("truncate", 1024), Step("store", 1024, 512, 1)]}, "step 3"),
    ({"block_size": 8192, "steps": []}, "8192"),
    ({"mode": "journal", "layout": ["hole"] * 8, "steps": []}, "one page"),
])
def test_an_impossible_sequence_is_refused_with_the_reason(changes, message):
    given_ = {"block_size": 1024, "layout": ["hole"] * 4, **changes}
    with pytest.raises(ModelError, match=re.escape(message)):
        expect(Sequence(**given_), FULL)
