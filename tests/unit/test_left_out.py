# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases without a figure: what fails, what a kernel has not, what a file system cannot do."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import made_figure, made_run, made_seed_runs
from made_workloads import TWINS, made_workloads
from msgspec.structs import replace as changed

from tailwalk.cache import Cache
from tailwalk.cases import Filesystem, find_cases
from tailwalk.cli.outputs import require_figures
from tailwalk.compare import compare
from tailwalk.compiling import c_sources
from tailwalk.errors import GuestError, UsageError
from tailwalk.lab.plans import host_plan
from tailwalk.probe import build
from tailwalk.report.comparison import comparison_shown, run_shown
from tailwalk.rigs.host import measure_host
from tailwalk.rigs.plan import Pace, Plan
from tailwalk.runs import Run
from tailwalk.runs.record import Missing, decode_run, encode, grouped_notes


def lacking(run: Run, reason: str, *, failed: bool = False) -> Run:
    """The run without its last figure."""
    return changed(run, figures=run.figures[:-1], missing=[
        Missing(case=run.figures[-1].case, reason=reason, failed=failed)])


@pytest.mark.slow
@pytest.mark.usefixtures(made_workloads.__name__)
def test_what_fails_and_what_is_not_there_leave_the_others_their_figures(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "c_sources", lambda room: {**c_sources(room), **TWINS})
    plan = host_plan(["settle", "getpid", "gettid"], fills=[4096], file_size=1 << 20,
                     pace=Pace(rounds=8, seconds=0))
    run = measure_host(tmp_path, plan, cache=Cache(tmp_path / "cache"))
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
        measure_host(tmp_path, alone, cache=Cache(tmp_path / "cache"))
    assert [found.name for found in tmp_path.iterdir()] == ["cache"]


def test_a_record_says_what_it_lacks_and_one_that_lacks_nothing_is_as_before() -> None:
    whole = made_seed_runs()[0]
    assert b"missing" not in encode(whole)
    run = lacking(whole, "fsync: Function not implemented")
    assert decode_run(encode(run), "made") == run
    assert decode_run(encode(whole), "made").left_out == []
    assert run.id != whole.id
    require_figures(run)


def test_what_one_kernel_lacks_is_not_compared_and_said() -> None:
    first, second, *_ = made_seed_runs()
    for runs in ([first, lacking(second, "writev: Function not implemented")],
                 [lacking(first, "writev: Function not implemented"), second]):
        found = compare(runs)
        assert [row.case for row in found.rows] == [
            figure.case.name for figure in first.figures[:-1]]
        assert any("writev_u10k: not measured: writev: Function not implemented" in note
                   for note in found.notes)
        assert comparison_shown(found)
    [shown] = run_shown(lacking(first, "it gave 1, and not 2", failed=True))
    assert ("note", "writev_u10k: failed: it gave 1, and not 2") in shown.facts


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
