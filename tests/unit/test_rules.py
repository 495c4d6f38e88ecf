# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules that hold for a kernel or a plan, whoever brings it: every command, every rig."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

from tailwalk.cases import find_cases
from tailwalk.cli import group
from tailwalk.errors import SpecError, TailwalkError, UsageError
from tailwalk.kernels import Kernel, parse_spec
from tailwalk.profile.measure import profile
from tailwalk.programs.plan import ExecPlan
from tailwalk.rigs.exact import measure, measure_each
from tailwalk.rigs.exec import execute
from tailwalk.rigs.host import measure_host
from tailwalk.rigs.plan import Plan
from tailwalk.rigs.timed import measure_timed
from tailwalk.runs.record import Rig

DEBUG = Kernel(spec="debug:6.18", release="6.18.15", image=Path("none"), digest="0" * 64)
CASES = find_cases(["pwrite_u1k"])


@pytest.fixture(autouse=True)
def nothing_can_be_begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There is no apt-get to fetch a kernel with, no make to build one, no QEMU to boot it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TAILWALK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "runs"))


FIGURES = ["run {}", "run {} --rig timed", "compare debian:6.12 {}", "sweep {}", "why {}",
           "why debian:6.12 {}", "track debian:6.12 {}", "exec {} -- /bin/true",
           "bisect step {} --above 2000", "bisect step src:6.18 --good {}",
           "doctor --self-test --kernel {}"]


@pytest.mark.parametrize("words", FIGURES)
def test_commands_that_give_figures_refuse_a_kernel_that_checks_itself(words: str) -> None:
    result = CliRunner().invoke(group, words.format("debug:6.18").split())
    if words.startswith("bisect step"):  # every error is a status that stops git bisect run
        assert result.exit_code == 255
        assert "debug:6.18 checks itself at every step" in result.stderr
    else:
        assert isinstance(result.exception, UsageError)
        assert "debug:6.18 checks itself at every step" in str(result.exception)


def test_verify_takes_a_kernel_that_checks_itself() -> None:
    result = CliRunner().invoke(group, ["verify", "debug:6.18"])
    assert isinstance(result.exception, TailwalkError) and "checks itself" not in str(
        result.exception)
    assert "there is no apt" in str(result.exception)


@pytest.mark.parametrize("measured", [
    lambda: measure([DEBUG], Plan(cases=CASES)),
    lambda: list(measure_each([DEBUG], Plan(cases=CASES))),
    lambda: measure_timed([DEBUG], Plan(cases=CASES, rig="timed")),
    lambda: profile([(DEBUG, Plan(cases=CASES))]),
    lambda: execute(DEBUG, ExecPlan(program=Path("/bin/true"))),
])
def test_rigs_that_give_figures_refuse_a_kernel_that_checks_itself(
        measured: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match="checks itself at every step"):
        measured()


@pytest.mark.parametrize(("rig", "take"), [
    ("exact", lambda plan: measure([], plan)),
    ("timed", lambda plan: measure_timed([], plan)),
    ("host", lambda plan: measure_host(Path(), plan))])
def test_a_rig_takes_no_plan_of_another(rig: str, take: Callable[[Plan], object]) -> None:
    for other in get_args(Rig):
        if other != rig:
            with pytest.raises(UsageError, match=f"for the {other} rig, and was given to the {rig} "
                                                 f"rig: .* say rig {rig}"):
                take(Plan(cases=CASES, rig=other))


def test_a_plan_for_no_rig_is_refused() -> None:
    with pytest.raises(UsageError, match="rig 'moon': the rigs are exact, timed and host"):
        Plan(cases=CASES, rig="moon").check()  # type: ignore[arg-type]


@pytest.mark.parametrize("words", [
    *FIGURES, "verify {}", "build {}", "bisect debian:6.12 {}", "bisect {} debian:6.18",
    "model replay {}", "report {} -o page.html"])
def test_no_command_takes_host_for_a_kernel(words: str, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(group, words.format("host").split())
    said = f"{result.exception} {result.stderr}"
    assert "`tailwalk host` measures" in said or "no run host" in said, said


def test_help_offers_no_host_as_a_kernel() -> None:
    assert "image:PATH or host" not in CliRunner().invoke(group, ["--help"]).stdout
    with pytest.raises(SpecError) as caught:
        parse_spec("nonsense")
    assert "host" not in str(caught.value)


@pytest.mark.parametrize("words", [
    "run debian:6.18 -- ./program --fast", "upgrade debian:6.12 debian:6.18 -- ./program --fast",
    "sweep debian:6.18 -- ./program --fast",
    "verify debian:6.18 -- ./program --fast", "build src:6.18 -- ./program --fast",
    "report run.json -- ./program --fast"])
def test_what_takes_no_program_says_what_does(words: str) -> None:
    result = CliRunner().invoke(group, words.split())
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith(f"{words.split()[0]} runs no program, and "
                                            "./program stands after --")
    assert str(result.exception).endswith("tailwalk exec SPEC -- ./program --fast")


def test_kernels_and_records_may_stand_behind_two_dashes(tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """As everywhere on a command line; a file's name can begin with a dash."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(group, ["compare", "--", "-one.json", "debian:6.18", "3e15"])
    assert "cannot read -one.json" in str(result.exception)
