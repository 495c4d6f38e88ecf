# SPDX-License-Identifier: GPL-2.0-or-later
"""The model held against real kernels: the right ones agree with it, and what is wrong, a kernel or
a design, is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tailwalk.cli.model import model
from tailwalk.conformance import SHAPES, ReplayGoal, replay
from tailwalk.conformance.replay import Replayer
from tailwalk.model.designs import DESIGNS, find_design
from tailwalk.model.words import MODES
from tailwalk.model.writeback import Whole

pytestmark = pytest.mark.guest

SERIES = sorted((Path(__file__).parent.parent / "series").glob("*.toml"))


def test_debian_s_kernel_does_what_the_model_expects(kernel, bench):
    done = replay(kernel("debian:6.18"), find_design("full"), ReplayGoal(sequences=300),
                  bench=bench)
    assert done.finding is None, done.finding
    assert done.tally.sequences == 300 and done.tally.steps == 6000
    assert {mode for mode, _ in done.tally.modes} == set(MODES)
    assert {size for _, size in done.tally.modes} == {1024, 4096}
    assert len(done.tally.actions) == 8
    assert done.tally.large > 1000 and done.tally.counted


@pytest.mark.parametrize("wrong", [
    name for name, one in DESIGNS.items() if one.wrong and one.writeback is Whole])
def test_a_wrong_design_is_found(kernel, bench, wrong):
    shapes = tuple(shape for shape in SHAPES
                   if shape.mode == "ordered" and shape.block_size == 1024)
    done = replay(kernel("debian:6.18"), find_design(wrong),
                  ReplayGoal(sequences=60, shapes=shapes), bench=bench)
    assert done.finding is not None
    assert len(done.finding.sequence.steps) <= 8
    again = replay(kernel("debian:6.18"), find_design(wrong),
                   ReplayGoal(sequences=1, seed=done.finding.seed), bench=bench)
    assert again.finding == done.finding


def test_a_difference_is_status_1(kernel):
    kernel("debian:6.18")
    result = CliRunner().invoke(model, ["replay", "debian:6.18", "--design", "clean-commit",
                                        "--sequences", "5", "--mode", "writeback"])
    assert result.exit_code == 1, result.output
    assert "DIFFERENT in sequence" in result.output and "replay: tailwalk model" in result.output


def test_the_same_sequences_show_the_same(kernel, bench):
    replayer = Replayer(kernel("debian:6.18"), find_design("full"), bench=bench)
    [batch, *_] = ReplayGoal(sequences=20, shapes=(SHAPES[0],)).batches()
    sequences = [one.sequence() for one in batch]
    first, again = (replayer.see(SHAPES[0].filesystem, sequences) for _ in range(2))
    assert first == again


@pytest.mark.long
@pytest.mark.network
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("spec", "design"), [("src:6.18", "full"), ("src:6.18+tail", "tail")])
def test_ten_thousand_sequences(kernel, bench, spec, design):
    done = replay(kernel(spec), find_design(design), ReplayGoal(sequences=10_000), bench=bench)
    assert done.finding is None, done.finding
    assert done.tally.sequences == 10_000
    print(f"{spec}: {done.tally.steps} steps in {done.seconds:.0f} s")


@pytest.mark.long
@pytest.mark.network
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("series", SERIES, ids=lambda path: path.stem)
def test_a_wrong_kernel_is_found(kernel, bench, series):
    done = replay(kernel(f"src:6.18+{series}"), find_design("full"), ReplayGoal(sequences=1000),
                  bench=bench)
    assert done.finding is not None
    print(f"{series.stem}: {done.finding.difference}, {len(done.finding.sequence.steps)} steps")
