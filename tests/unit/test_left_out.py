# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases without a figure: what fails, what a kernel has not, what a file system cannot do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import (
    lacking,
    made_figure,
    made_run,
    made_samples,
    made_seed_runs,
    made_timed_figure,
    made_timed_run,
)
from made_workloads import TWINS, made_workloads
from msgspec.structs import replace as changed
from results import validate

from tailwalk.cache import Cache
from tailwalk.cases import Filesystem, all_workloads, find_cases
from tailwalk.cli.outputs import require_figures
from tailwalk.compare import Comparison, compare, read_comparison
from tailwalk.compiling import c_sources
from tailwalk.errors import GuestError, UsageError
from tailwalk.lab.plans import host_plan
from tailwalk.probe.build import compile_probe
from tailwalk.report.comparison import run_shown, sentence
from tailwalk.rigs.host import measure_host
from tailwalk.rigs.plan import Pace, Plan
from tailwalk.runs.record import Missing, decode_run, encode, grouped_notes
from tailwalk.runs.schema import json_schema


@pytest.mark.slow
@pytest.mark.usefixtures(made_workloads.__name__)
def test_what_fails_and_what_is_not_there_leave_the_others_their_figures(
        tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    probe = compile_probe(Cache(tmp_path_factory.mktemp("cache")),
                          {**c_sources("probe"), **TWINS}, all_workloads())
    plan = host_plan(["settle", "getpid", "gettid"], fills=[4096], file_size=1 << 20,
                     pace=Pace(rounds=8, seconds=0))
    run = measure_host(tmp_path, plan, probe=probe)
    assert [figure.case.name for figure in run.figures] == ["getpid"]
    assert run.figures[0].main.number == 8
    notes = grouped_notes(run)
    assert "gettid: not measured: gettid: Function not implemented" in notes
    assert any(re.fullmatch(r"settle: failed: getppid gave \d+, and not -1", note)
               for note in notes)
    assert {one.case.name: one.failed for one in run.left_out} == {"settle": True, "gettid": False}
    with pytest.raises(GuestError, match=r"failed: settle on .* \(getppid gave \d+, and not -1\)"):
        require_figures(run)
    alone = replace(plan, cases=find_cases(["settle"]))
    with pytest.raises(GuestError, match=r"no case has a figure on .* settle: failed: getppid"):
        measure_host(tmp_path, alone, probe=probe)
    assert not [*tmp_path.iterdir()]


def test_a_record_says_what_it_lacks_and_one_that_lacks_nothing_is_as_before() -> None:
    whole = made_seed_runs()[0]
    assert b"missing" not in encode(whole)
    run = lacking(whole, "fsync: Function not implemented")
    assert decode_run(encode(run), "made") == run
    assert decode_run(encode(whole), "made").left_out == []
    assert run.id != whole.id
    require_figures(run)
    with pytest.raises(GuestError, match=r" \(the guest panicked\)\. What the other cases gave"):
        require_figures(changed(run, missing=[
            changed(one, reason="the guest panicked.", failed=True) for one in run.left_out]))


def test_what_one_kernel_lacks_is_an_empty_cell_with_the_reason(tmp_path: Path) -> None:
    first, second, *_ = made_seed_runs()
    reason = "not measured: writev: Function not implemented"
    for number, (verdicts, judged) in enumerate([(["missing", "unknown"], "not judged"),
                                                 (["baseline", "missing"], "")]):
        runs = [first, second]
        runs[number] = lacking(runs[number], "writev: Function not implemented")
        found = compare(runs)
        assert [row.case for row in found.rows] == [figure.case.name for figure in first.figures]
        row = found.rows[-1]
        assert row.verdicts == verdicts
        assert row.reasons[number] == reason and row.reasons[1 - number] is None
        for cells in (row.figures, row.steady, row.shares, row.written, row.ratios):
            assert cells[number] is None
        assert row.figures[1 - number] == runs[1 - number].figures[-1].main.value
        assert (found.lacking(), found.unjudged()) == (1, 0)
        assert "1 verdict is missing for lack of a figure" in sentence(found)
        assert any(f"writev_u10k: {reason}" in note for note in found.notes)
        assert any(note.startswith("writev_u10k: not judged") for note in found.notes) == bool(
            judged)
        path = tmp_path / "comparison.json"
        path.write_bytes(encode(found))
        assert read_comparison(path) == found
        validate(json.loads(encode(found)), json_schema(Comparison))
    [shown] = run_shown(lacking(first, "it gave 1, and not 2", failed=True))
    assert ("note", "writev_u10k: failed: it gave 1, and not 2") in shown.facts


def test_a_case_that_no_kernel_has_is_no_row() -> None:
    found = compare([lacking(run, "writev: Function not implemented")
                     for run in made_seed_runs("debian:6.12", "debian:6.18")])
    assert [row.case for row in found.rows] == [
        "write_u1k", "write_u10k", "pwrite_u1k", "pwrite_u10k", "writev_u1k"]
    assert found.lacking() == 0 and len(found.notes) == 2


def test_a_case_that_a_run_neither_has_nor_lacks_is_an_error() -> None:
    first, second, third, _ = made_seed_runs()
    short = changed(third, figures=third.figures[:-1])
    with pytest.raises(UsageError, match=r"tail .* lacks writev_u10k, which .* debian:6.18"):
        compare([lacking(first, "it is not there"), second, short])


def test_a_case_that_the_baseline_lacks_stands_behind_its_neighbour() -> None:
    first, second, *_ = made_seed_runs()
    names = [figure.case.name for figure in first.figures]
    for lost in (names[:1], names[2:4], names[-1:]):
        found = compare([lacking(first, "it is not there", *lost), second])
        assert [row.case for row in found.rows] == names


def test_recovery_of_what_is_missing_is_undefined() -> None:
    first, second, third, _ = made_seed_runs()
    names = [figure.case.name for figure in first.figures]
    found = compare([lacking(first, "it is not there", names[0]),
                     lacking(second, "it is not there", names[1]),
                     lacking(third, "it is not there", names[2])])
    assert found.bad == 1
    assert [row.recovery[2] for row in found.rows[:3]] == ["unknown", "missing", "missing"]
    assert isinstance(found.rows[3].recovery[2], float)


def test_samples_of_what_is_there_are_tested_as_without_the_empty_cell() -> None:
    cases = find_cases(["pwrite_u1k", "write_u1k"])
    whole = [made_timed_run(spec, *(made_timed_figure(case, made_samples(seed + number, median))
                                    for number, case in enumerate(cases)))
             for seed, spec, median in ((1, "debian:6.12", 500), (5, "debian:6.18", 900))]
    alone = compare([changed(run, figures=run.figures[:1]) for run in whole])
    found = compare([whole[0], lacking(whole[1], "it is not there")])
    assert found.rows[0] == alone.rows[0] and found.method == alone.method
    assert found.rows[1].evidence == [None, None]


def test_kernels_without_a_common_case_are_not_compared() -> None:
    one, other = find_cases(["getpid", "open_usr"])
    runs = [changed(made_run(spec, [made_figure(there, 80, order=None)]),
                    missing=[Missing(case=lost, reason="it is not there")])
            for spec, there, lost in (("debian:6.12", one, other), ("debian:6.18", other, one))]
    with pytest.raises(UsageError, match=r"to compare: debian:6.12, open_usr: not measured"):
        compare(runs)


def test_a_case_is_left_out_on_a_file_system_that_cannot_have_it() -> None:
    plan = Plan(cases=find_cases(["fsync_u1k", "getpid"]), filesystem=Filesystem(kind="tmpfs"))
    cases, missing = plan.check().parted("tmpfs")
    assert [case.name for case in cases] == ["getpid"]
    assert [(one.case.name, one.failed) for one in missing] == [("fsync_u1k", False)]
    assert missing[0].reason.startswith("it can be measured on ext4, xfs, ")
    assert plan.parted("ext4") == (list(plan.cases), [])
    alone = replace(plan, cases=find_cases(["fsync_u1k"]))
    with pytest.raises(UsageError, match=r"fsync_u1k: it can be .* and not on tmpfs"):
        alone.check()
