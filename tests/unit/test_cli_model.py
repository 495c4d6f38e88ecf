# SPDX-License-Identifier: GPL-2.0-or-later
"""The model's verdicts as a user meets them: small bounds, the whole command."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner, Result

from tailwalk.cli.model import model
from tailwalk.model.designs import find_design
from tailwalk.model.explore import Bounds, explore
from tailwalk.model.words import MODES, Setting


def check(design: str, *, depth: int = 4, mode: str = "ordered") -> Result:
    return CliRunner().invoke(
        model, ["check", design, "--buffers", "2", "--depth", str(depth), "--mode", mode])


@pytest.mark.parametrize("contents", [False, True])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("design", ["tail", "seek", "span"])
def test_a_right_design_is_equivalent_in_a_ring_of_two(design, mode, contents):
    found = explore(find_design(design), find_design("full"),
                    Setting(mode=mode, buffers=2, blocks_per_page=2),
                    Bounds(depth=2, contents=contents))
    assert found.trace is None
    assert found.states > 100 and found.depth == 2


@pytest.mark.slow
@pytest.mark.parametrize("design", ["tail", "seek", "span"])
def test_right_designs_are_equivalent_and_keep_every_invariant(design):
    result = check(design)
    assert result.exit_code == 0, result.output
    assert "equivalent within these bounds" in result.output
    assert "stale read" in result.output and "not kept" not in result.output


@pytest.mark.slow
def test_an_invariant_that_the_verdict_does_not_need_is_said_to_be_so():
    result = check("tail", depth=1, mode="journal")
    assert result.exit_code == 0, result.output
    assert re.search(r"uptodate ring: .* states, and the verdict does not rest on it$",
                     result.output, re.MULTILINE)
    assert result.output.count("not kept") == 1


@pytest.mark.parametrize(("design", "moves"),
                         [("cut-always", 1), ("off-by-one", 3), ("clean-commit", 2)])
def test_wrong_designs_are_caught_with_a_short_run(design, moves):
    result = check(design)
    assert result.exit_code == 1, result.output
    assert "NOT equivalent" in result.output
    numbered = re.findall(r"^ +\d+\. ", result.output, re.MULTILINE)
    assert 1 <= len(numbered) <= moves


@pytest.mark.slow
def test_a_design_is_equivalent_to_itself_even_when_wrong():
    result = CliRunner().invoke(model, ["check", "clean-commit", "--against", "clean-commit",
                                        "--buffers", "1", "--depth", "1", "--mode", "ordered"])
    assert "NOT equivalent" not in result.output
    assert "equivalent within these bounds" in result.output


@pytest.mark.slow
@pytest.mark.parametrize("design", ["tail", "seek"])
def test_the_proof_holds_for_a_ring_of_any_length(design):
    pytest.importorskip("z3")
    result = CliRunner().invoke(model, ["prove", design])
    assert result.exit_code == 0, result.output
    assert result.output.rstrip().endswith("proved")


@pytest.mark.slow
def test_a_wrong_design_is_not_proved():
    pytest.importorskip("z3")
    result = CliRunner().invoke(model, ["prove", "off-by-one"])
    assert result.exit_code == 1, result.output
