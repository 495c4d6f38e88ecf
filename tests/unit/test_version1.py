# SPDX-License-Identifier: GPL-2.0-or-later
"""Records of the formats' first versions say what those of the present ones say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from golden_files import GOLDEN
from hypothesis import given
from hypothesis import strategies as st
from made_profiles import made_profile
from made_runs import (
    SEED,
    made_case,
    made_figure,
    made_run,
    made_samples,
    made_seed_runs,
    made_timed_figure,
    made_timed_run,
)
from msgspec.structs import replace
from results import validate

from tailwalk.compare import Comparison, compare, read_comparison
from tailwalk.errors import DamagedError
from tailwalk.profile.record import Profile, read_profile
from tailwalk.runs import Run, read_run
from tailwalk.runs.record import decode_run, encode, read_runs
from tailwalk.runs.store import Store

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
COUNT = st.integers(9, 10**9)  # which of them were in user mode
TIMES = st.lists(st.floats(1, 1e6), min_size=1, max_size=8)


def case_1(case: dict[str, Any]) -> dict[str, Any]:
    """A write to a cached file as version 1 has it."""
    fields = {"name": case["name"], "call": case["workload"], "vectors": 1, **case["parameters"]}
    return {name: fields[name] for name in ("name", "call", "size", "vectors", "offset", "fill",
                                            "file_size", "uptodate")}


def figure_1(figure: dict[str, Any]) -> dict[str, Any]:
    """A figure as version 1 has it."""
    [amount] = figure.pop("metrics").values()
    del amount["unit"]
    return {**figure, "case": case_1(figure["case"]), **amount}


def run_1(run: Run) -> bytes:
    """A run of one metric as version 1 writes it."""
    document = json.loads(encode(run))
    del document["origin"]
    rig = document.pop("rig")
    head = {name: document.pop(name) for name in ("schema", "tailwalk", "created")}
    figures = [figure_1(figure) for figure in document.pop("figures")]
    document = {**head, "schema": "tailwalk.run/1", "rig": rig, "unit": run.unit, **document,
                "figures": figures}
    validate(document, json.loads((SCHEMAS / "run-1.json").read_text()))
    return encode(document)


def comparison_2(comparison: Comparison) -> bytes:
    """A comparison in which no figure is missing, as version 2 writes it."""
    document = json.loads(encode(comparison))
    for row in document["rows"]:
        assert not any(row.pop("reasons")) and not any(row.pop("varies"))
    document["schema"] = "tailwalk.comparison/2"
    validate(document, json.loads((SCHEMAS / "comparison-2.json").read_text()))
    return encode(document)


def comparison_1(comparison: Comparison) -> bytes:
    document = json.loads(comparison_2(comparison))
    units = {(row.pop("metric"), row.pop("unit")) for row in document["rows"]}
    [(_, unit)] = units
    for row in document["rows"]:
        row["parameters"] = case_1(row["parameters"])
    document = {**document, "schema": "tailwalk.comparison/1", "unit": unit}
    validate(document, json.loads((SCHEMAS / "comparison-1.json").read_text()))
    return encode(document)


def profile_1(profile: Profile) -> bytes:
    document = json.loads(encode(profile))
    document = {**document, "schema": "tailwalk.profile/1",
                "figure": figure_1(document["figure"])}
    validate(document, json.loads((SCHEMAS / "profile-1.json").read_text()))
    return encode(document)


def same_as_old(run: Run, old: bytes) -> None:
    """Is what is read of an old record the run, under the old record's id?"""
    found = decode_run(old, "old.json")
    assert found.id == hashlib.sha256(old).hexdigest()[:12] == found.origin != run.id
    assert replace(found, origin=None) == run
    # Written and read again it is still the old record's.
    assert decode_run(encode(found), "new.json") == found


@given(st.lists(COUNT, min_size=1, max_size=6), st.booleans(), st.sampled_from([None, 0, 8]))
def test_counts(values: list[int], steady: bool, order: int | None) -> None:
    run = made_run("debian:6.18", [
        made_figure(case, value, steady=steady, order=order, notes=["a note"])
        for case, value in zip(SEED, values, strict=False)])
    same_as_old(run, run_1(run))


@pytest.mark.slow
@given(TIMES, st.sampled_from(["timed", "host"]))
def test_times(samples: list[float], rig: Any) -> None:
    run = made_timed_run("host", made_timed_figure(
        made_case(), samples, interval=(min(samples), max(samples)), written=9), rig=rig)
    same_as_old(run, run_1(run))


@pytest.mark.slow
@given(st.lists(COUNT, min_size=6, max_size=6))
def test_comparisons_of_old_and_new_records_are_the_same(
        tmp_path_factory: pytest.TempPathFactory, values: list[int]) -> None:
    runs = [*made_seed_runs("debian:6.12"), made_run("debian:6.18", [
        made_figure(case, value) for case, value in zip(SEED, values, strict=True)])]
    old = [decode_run(run_1(run), "old.json") for run in runs]
    assert compare(old).rows == compare(runs).rows == compare([old[0], runs[1]]).rows
    assert [kernel.run for kernel in compare(old).kernels] == [run.origin for run in old]
    path = tmp_path_factory.mktemp("old") / "comparison.json"
    for older in (comparison_1, comparison_2):
        path.write_bytes(older(compare(runs)))
        assert read_comparison(path) == compare(runs)


def test_comparisons_of_times(tmp_path: Path) -> None:
    comparison = compare([made_timed_run(f"debian:6.{number}", made_timed_figure(
        made_case(), made_samples(number, 500 * number)), rig="timed") for number in (1, 2)])
    path = tmp_path / "comparison.json"
    path.write_bytes(comparison_1(comparison))
    assert read_comparison(path) == comparison


def test_profiles(tmp_path: Path) -> None:
    profile = made_profile([("vfs_write", -1, 20), ("ext4_write_begin", 0, 300)])
    path = tmp_path / "profile.json"
    path.write_bytes(profile_1(profile))
    assert read_profile(path) == profile


def test_a_run_that_was_measured_before() -> None:
    run = read_run(GOLDEN / "run-1.json")
    assert {figure.case.name: figure.main.value for figure in run.figures} == {
        "write_u1k": 2298, "write_u10k": 3590, "pwrite_u1k": 2271, "pwrite_u10k": 3563,
        "writev_u1k": 4714, "writev_u10k": 17466}
    assert run.id == "5b69b5ff21d6"
    assert all(figure.main.number == 300 and figure.main.user == 8 for figure in run.figures)


def test_a_comparison_that_was_made_before() -> None:
    comparison = read_comparison(GOLDEN / "comparison-1.json")
    now = compare(made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3"))
    assert comparison.rows == now.rows and comparison.method == now.method


def test_old_and_new_records_lie_side_by_side(tmp_path: Path) -> None:
    """An old file is used and found by its id; imported it is kept once, whichever form."""
    runs = [replace(run, inputs=f"{number:064x}") for number, run in enumerate(made_seed_runs())]
    kept = Store(tmp_path / "kept")
    for run in runs[1:]:
        kept.add(run)
    old = decode_run(run_1(runs[0]), "old.json")
    there = kept.root / f"{old.kernel.release}-exact-{old.inputs[:16]}-{old.id}.json"
    there.write_bytes(run_1(runs[0]))
    assert kept.find(runs[0].inputs) == kept.get(old.id) == old
    assert {entry.id for entry in kept.select()} == {old.id, *(run.id for run in runs[1:])}
    assert kept.add(old) == there and not kept.damaged()

    elsewhere = Store(tmp_path / "elsewhere")
    path = elsewhere.add(old)
    assert elsewhere.add(old) == elsewhere.path(old) == path
    assert elsewhere.get(old.id) == elsewhere.find(old.inputs) == old
    assert not elsewhere.damaged() and len(list(elsewhere.root.glob("*.json"))) == 1


def test_a_list_may_hold_both(tmp_path: Path) -> None:
    old, new = made_seed_runs("debian:6.12", "debian:6.18")
    path = tmp_path / "runs.json"
    path.write_bytes(b"[" + run_1(old) + b"," + encode(new) + b"]")
    first, second = read_runs(path)
    assert (replace(first, origin=None), second) == (old, new)


@pytest.mark.parametrize(("path", "value", "why"), [
    (("unit",), "seconds", "'seconds' is no unit"),
    (("unit",), None, "None is no unit"),
    (("unit",), "ns/call", "instructions are not what"),
    (("surplus",), 1, "surplus"),
    (("figures",), {}, "array"),
    (("figures", 0), 2203, "object"),
    (("figures", 0, "value"), "2203", "value"),
    (("figures", 0, "value"), 2204, "most of its calls had"),
    (("figures", 0, "surplus"), 1, "surplus"),
    (("figures", 0, "calls"), [[2203]], "calls"),
])
def test_what_was_no_record_of_version_1_is_none_now(path: Any, value: Any, why: str) -> None:
    document = msgspec.json.decode(run_1(made_seed_runs("debian:6.12")[0]))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(DamagedError, match=why):
        decode_run(encode(document), "old.json")
