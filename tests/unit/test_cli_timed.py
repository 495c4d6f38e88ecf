# SPDX-License-Identifier: GPL-2.0-or-later
"""`--rig timed` on the command line; KVM, kernels and guests are made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_lab import MadeLab
from made_runs import made_run, made_samples, made_timed_figure

from tailwalk.cases import find_cases
from tailwalk.cli import group
from tailwalk.errors import ToolError, UsageError
from tailwalk.runs import Run, write_run

MEDIANS = {"debian:6.12": 600.0, "debian:6.18": 4600.0}


def made_guest_run(spec: str, cases) -> Run:
    figures = [made_timed_figure(case, made_samples(7, MEDIANS[spec], number=20))
               for case in cases]
    return made_run(spec, figures, rig="timed", machine={"host cpu": "Xeon"})


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MadeLab:
    """A lab on a machine where KVM runs guests."""
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "results"))
    return MadeLab(run=lambda spec, plan: made_guest_run(spec, plan.cases))


def invoke(lab: MadeLab, *arguments: str) -> Result:
    return CliRunner().invoke(group, arguments, obj=lab)


def test_compares_times(lab: MadeLab, tmp_path: Path) -> None:
    done = invoke(lab, "compare", "--rig", "timed", "--rounds", "12", "debian:6.12", "debian:6.18",
                  "-c", "pwrite_u1k")
    assert done.exit_code == 0
    assert "Nanoseconds per call" in done.stdout
    assert "regressed" in done.stdout
    [(_, plan, _)] = lab.asked
    assert plan.pace.rounds == 12
    assert plan.cases == find_cases(["pwrite_u1k"])
    kept = [path.name for path in (tmp_path / "results").glob("*.json") if "timed" in path.name]
    assert len(kept) == 2


def test_a_spec_beside_a_timed_record_is_timed_too(lab: MadeLab,
                                                   tmp_path: Path) -> None:
    write_run(made_guest_run("debian:6.12", find_cases(["write_u1k"])), tmp_path / "run.json")
    done = invoke(lab, "compare", str(tmp_path / "run.json"), "debian:6.18")
    assert done.exit_code == 0
    [(_, plan, _)] = lab.asked
    assert plan.cases == list(find_cases(["write_u1k"]))
    assert plan.pace.rounds == 20


def test_a_spec_beside_a_host_record_is_refused(lab: MadeLab, tmp_path: Path) -> None:
    figure = made_timed_figure(find_cases(["write_u1k"])[0], [600.0])
    write_run(made_run("host", [figure], rig="host"), tmp_path / "run.json")
    done = invoke(lab, "compare", str(tmp_path / "run.json"), "debian:6.18")
    assert isinstance(done.exception, UsageError)
    assert "host rig" in str(done.exception)


def test_without_kvm_nothing_is_fetched(lab: MadeLab) -> None:
    none = replace(lab, kvm=(False, "the moon is full"))
    done = invoke(none, "run", "--rig", "timed", "debian:6.18")
    assert isinstance(done.exception, ToolError)
    assert "the moon is full" in str(done.exception)
    assert "--rig exact" in str(done.exception)
    assert none.fetched == []


@pytest.mark.parametrize("option", [
    ("--rounds", "2"), ("--dask", "tcp://nowhere:1"), ("--calls", "300")])
def test_names_an_option_that_makes_no_sense(lab: MadeLab, option: tuple[str, str]) -> None:
    done = invoke(lab, "run", "--rig", "timed", "debian:6.18", *option)
    assert isinstance(done.exception, UsageError)
    assert option[0] in str(done.exception)
    assert not lab.asked


def test_the_exact_rig_has_no_rounds(lab: MadeLab) -> None:
    done = invoke(lab, "run", "debian:6.18", "--rounds", "20")
    assert isinstance(done.exception, UsageError)
    assert "--rounds is for --rig timed" in str(done.exception)
    assert not lab.asked
