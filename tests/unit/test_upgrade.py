# SPDX-License-Identifier: GPL-2.0-or-later
"""The upgrade's record: what it takes from runs and profiles, and that it is read as written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_runs import SEED, made_seed_runs
from results import validate

from tailwalk.compare import compare
from tailwalk.compare.upgrade import Upgrade, read_upgrade, upgrade, with_profiles
from tailwalk.errors import RecordError
from tailwalk.profile.causes import KNOWN, Explained
from tailwalk.runs.record import encode
from tailwalk.runs.schema import json_schema

RUNS = made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3")


def made_upgrade() -> Upgrade:
    return upgrade(compare(RUNS, bad=1), RUNS)


def test_it_has_what_the_comparison_found() -> None:
    found, comparison = made_upgrade(), compare(RUNS, bad=1)
    assert [one.case for one in found.cases] == [row.case for row in comparison.rows]
    for one, row in zip(found.cases, comparison.rows, strict=True):
        assert (one.figures, one.ratios, one.verdicts, one.recovery) == (
            row.figures, row.ratios, row.verdicts, row.recovery)
        assert (one.family, one.fill) == ("overwrite", 1 << 20)
        assert one.reasons == [None] * 3
    assert [kernel.run for kernel in found.kernels] == [run.id for run in RUNS]


def test_what_was_profiled_stands_with_its_case() -> None:
    said = Explained(difference=8900, carriers=[("block_commit_write", 8000)],
                     causes=[(KNOWN[0], 0.9)])
    found = with_profiles(made_upgrade(), {SEED[0]: said, SEED[1]: "no trace was kept"})
    first, second, third, *_ = found.cases
    assert [(one.function, one.difference) for one in first.why] == said.carriers
    assert first.difference == 8900
    assert [(one.cause, one.page, one.share) for one in first.causes] == [
        (KNOWN[0].cause, KNOWN[0].page, 0.9)]
    assert (second.why, second.unprofiled) == ([], "no trace was kept")
    assert third == made_upgrade().cases[2]


def test_the_worst_come_first() -> None:
    found = made_upgrade()
    assert [one.case for one in found.worst()] == [
        "pwrite_u1k", "write_u1k", "pwrite_u10k", "write_u10k", "writev_u1k"]


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    found, file = made_upgrade(), tmp_path / "upgrade.json"
    file.write_bytes(encode(found))
    assert read_upgrade(file) == found
    validate(json.loads(encode(found)), json_schema(Upgrade))


def test_another_record_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_bytes(encode(RUNS[0]))
    with pytest.raises(RecordError, match=r"tailwalk.upgrade/1"):
        read_upgrade(file)
