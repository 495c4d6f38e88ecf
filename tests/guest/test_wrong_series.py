# SPDX-License-Identifier: GPL-2.0-or-later
"""The check can fail: each series of tests/series is wrong in one way, and is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailwalk.verify import Goal, find_configurations, verify
from tailwalk.verify.session import Manner

pytestmark = [pytest.mark.guest, pytest.mark.network, pytest.mark.long,
              pytest.mark.timeout(3600)]

# `late` is a race, which one replay in four found; the others are found by the first.
REPLAYS = 30

SERIES = sorted((Path(__file__).parent.parent / "series").glob("*.toml"))


@pytest.mark.parametrize("series", SERIES, ids=lambda path: path.stem)
def test_a_wrong_series_is_caught(series, kernel):
    wrong = kernel(f"src:6.18+{series}")
    done = verify(wrong, Goal(operations=20_000, power_cuts=0), engine="tcg")
    assert done.finding is not None
    assert done.finding.kind in ("difference", "e2fsck", "complaint")
    print(f"{series.stem}: {done.seconds} s, {done.operations} operations; {done.finding.title}")

    operation = done.finding.operation or 1
    replays = (verify(wrong, Goal(operations=max(operation, 200), power_cuts=0), engine="tcg",
                      configurations=find_configurations([done.finding.configuration]),
                      seed=done.finding.seed)
               for _ in range(REPLAYS if series.stem == "late" else 1))
    assert any(one.finding for one in replays), "no replay finds it"


def test_two_writers_catch_a_mark_that_is_lost(kernel):
    wrong = kernel(f"src:6.18+{SERIES[0].parent / 'late.toml'}")
    done = verify(wrong, Goal(operations=20_000, power_cuts=10), engine="tcg",
                  manner=Manner(writers=2))
    assert done.finding is not None
    assert "--writers 2" in done.finding.replay


def test_there_are_four():
    assert [path.stem for path in SERIES] == ["last-clean", "late", "not-uptodate", "off-by-one"]
