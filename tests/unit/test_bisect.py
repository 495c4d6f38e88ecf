# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk bisect`, and `tailwalk bisect step` under a real git bisect run."""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from made_lab import MadeLab, available
from made_runs import made_case, made_figure, made_run, made_timed_figure

from tailwalk.cases import Case, Filesystem
from tailwalk.cli import group
from tailwalk.errors import (
    ArchiveError,
    GuestError,
    KernelError,
    SeriesError,
    TailwalkError,
    ToolError,
    UsageError,
)
from tailwalk.lab.releases import Bisection
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Figure, Run, write_run

RELEASES = ("6.12.111", "6.12.118", "6.16.3", "6.16.12", "6.17.8", "6.17.13", "6.18.5", "6.18.9",
            "6.18.15", "7.0", "7.3.4")


@given(st.data())
def test_the_first_new_one_is_found_in_the_fewest_tests(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 70))
    first_new = data.draw(st.integers(1, size - 1))
    found, tests = Bisection(size), 0
    while (index := found.next_index()) is not None:
        tests += 1
        found.tell(index, "new" if index >= first_new else "old")
    assert (found.first_new, list(found.suspects)) == (first_new, [first_new])
    assert tests <= math.ceil(math.log2(size - 1))


@given(st.data())
def test_what_cannot_be_tested_is_passed_over(data: st.DataObject) -> None:
    size = data.draw(st.integers(3, 40))
    first_new = data.draw(st.integers(1, size - 1))
    refuses = data.draw(st.sets(st.integers(1, size - 2)))
    found = Bisection(size)
    while (index := found.next_index()) is not None:
        assert index not in found.states
        found.tell(index, "skipped" if index in refuses else (
            "new" if index >= first_new else "old"))
    assert first_new in found.suspects
    assert set(found.suspects) - {found.first_new} <= refuses


class Kernels:
    """Counts by release, and what was booted."""

    def __init__(self, dear_from: str) -> None:
        self.dear_from = RELEASES.index(dear_from)
        self.fixed_from = len(RELEASES)
        self.booted: list[str] = []
        self.errors: dict[str, TailwalkError] = {}
        self.unsteady: set[str] = set()
        self.lab = MadeLab(run=self.measured, releases=[
            available(release) for release in RELEASES[::-1]])

    def measured(self, spec: str, plan: Plan) -> Run:
        release = spec.removeprefix("debian:")
        if error := self.errors.get(release):
            raise error
        self.booted.append(release)
        dear = self.dear_from <= RELEASES.index(release) < self.fixed_from
        return made_run(spec, [made_figure(plan.cases[0], 11117 if dear else 2224,
                                           steady=release not in self.unsteady)], release=release)

    def bisect(self, *arguments: str) -> Result:
        return CliRunner().invoke(group, ["bisect", *arguments, "--case", "pwrite_u1k"],
                                  obj=self.lab)


@pytest.fixture
def kernels() -> Kernels:
    return Kernels("6.16.12")


def refusal(result: Result) -> str:
    assert isinstance(result.exception, TailwalkError), (result.exception, result.output)
    return str(result.exception)


def test_the_first_bad_release(kernels: Kernels) -> None:
    done = kernels.bisect("debian:6.12", "debian:6.18")
    assert done.exception is None, done.exception
    assert done.stdout == """\
pwrite_u1k, instructions per call; bad is above 3,336 (1.5 times debian:6.12.118)
  debian:6.12.118       2,224  good
  debian:6.18.15       11,117  bad
  debian:6.17.8        11,117  bad
  debian:6.16.3         2,224  good
  debian:6.16.12       11,117  bad

3 of 6 releases between tested. Last good: debian:6.16.3, 2,224.
First bad: debian:6.16.12, 11,117 (5.00 times).

To find the commit, in a clone of the stable kernel tree:
    git bisect start v6.16.12 v6.16.3
    git bisect run tailwalk bisect step src:. --good src:6.16 --ratio 1.5 --case pwrite_u1k
"""
    assert kernels.booted == ["6.12.118", "6.18.15", "6.17.8", "6.16.3", "6.16.12"]


@pytest.mark.parametrize(("dear_from", "start"), [
    ("6.16.3", "v6.16.3 v6.12"),  # another series: from where the good one began
    ("7.0", "v7.0 v6.18"), ("7.3.4", "v7.3.4 v7.0"), ("6.12.118", "v6.12.118 v6.12.111")])
def test_where_git_starts(kernels: Kernels, dear_from: str, start: str) -> None:
    kernels.dear_from = RELEASES.index(dear_from)
    assert f"git bisect start {start}\n" in kernels.bisect("debian:6.12.111", "debian:7.3").stdout


def test_releases_that_cannot_be_had_or_do_not_boot(kernels: Kernels) -> None:
    kernels.errors = {"6.16.12": ArchiveError("it is gone."),
                      "6.17.8": GuestError("it hangs.\nlog")}
    kernels.unsteady = {"6.18.5"}
    done = kernels.bisect("debian:6.12", "debian:6.18")
    assert re.search(r"debian:6.17.8 +skipped: it hangs\.\n", done.stdout)
    assert ("First bad: one of debian:6.16.12, debian:6.17.8, debian:6.17.13; debian:6.17.13 is"
            in done.stdout)
    kernels.dear_from = RELEASES.index("6.18.9")
    assert "debian:6.18.5          11" not in kernels.bisect("debian:6.12", "debian:6.18").stdout


@pytest.mark.parametrize("ends", [("debian:7.3", "debian:6.16"), ("debian:6.16", "debian:7.3")])
def test_the_first_fixed_release(kernels: Kernels, ends: tuple[str, str]) -> None:
    kernels.fixed_from = RELEASES.index("7.0")
    done = kernels.bisect(*ends, "--fixed")
    assert done.exception is None, done.exception
    assert done.stdout == """\
pwrite_u1k, instructions per call; fixed is at most 3,336 (1.5 times debian:7.3.4)
  debian:6.16.12       11,117  dear
  debian:7.3.4          2,224  fixed
  debian:6.18.5        11,117  dear
  debian:6.18.15       11,117  dear
  debian:7.0            2,224  fixed

3 of 6 releases between tested. Last dear: debian:6.18.15, 11,117.
First fixed: debian:7.0, 2,224 (0.20 times).

To find the commit, in a clone of the stable kernel tree:
    git bisect start --term-old=dear --term-new=fixed v7.0 v6.18
    git bisect run tailwalk bisect step src:. --fixed --good src:7.0 --ratio 1.5 --case pwrite_u1k
"""


def test_the_other_direction_is_named_with_the_ratio(kernels: Kernels) -> None:
    kernels.fixed_from = RELEASES.index("7.0")
    newer_first = refusal(kernels.bisect("debian:7.3", "debian:6.18"))
    assert "GOOD (debian:7.3.4) has to be older than BAD (debian:6.18.15)" in newer_first
    assert newer_first.endswith("add --fixed.")
    assert kernels.booted == []
    cheaper = refusal(kernels.bisect("debian:6.18", "debian:7.3"))
    assert ("debian:7.3.4 is no worse than --ratio says: pwrite_u1k takes 2,224 instructions there "
            "and 11,117 on debian:6.18.15, which is 0.20 times, and bad is above 1.5 times"
            ) in cheaper
    assert cheaper.endswith("It became cheaper between the two: to find where, add --fixed.")
    assert refusal(kernels.bisect("debian:6.18", "debian:7.3", "--ratio", "6")).endswith(
        "add --fixed, and give a --ratio below 5.00.")
    dearer = refusal(kernels.bisect("debian:6.12", "debian:6.18", "--fixed"))
    assert "which is 0.20 times, and dear is above 1.5 times" in dearer
    assert dearer.endswith("It became dearer between the two: to find where, leave --fixed out.")
    assert refusal(kernels.bisect("debian:6.17", "debian:6.18", "--fixed")).endswith(
        "which is 1.00 times, and dear is above 1.5 times. Give a smaller --ratio, or other "
        "kernels.")


def test_what_cannot_be_bisected(kernels: Kernels, tmp_path: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.resolve()))
    assert "no worse than --ratio says: pwrite_u1k takes 11,117" in refusal(
        kernels.bisect("debian:6.17", "debian:6.18"))
    assert "has to be older than" in refusal(kernels.bisect("debian:6.18", "debian:6.12"))
    for fixed in ([], ["--fixed"]):
        assert "debian:6.18 and debian:6.18.15 are one release, debian:6.18.15" in refusal(
            kernels.bisect("debian:6.18", "debian:6.18.15", *fixed))
    assert "no debian:6.1 that can boot" in refusal(kernels.bisect("debian:6.1", "debian:6.18"))
    assert "bisect step" in refusal(kernels.bisect("src:6.12", "src:6.18"))
    assert "--ratio 0" in refusal(kernels.bisect("debian:6.12", "debian:6.18", "--ratio", "0"))
    kernels.booted.clear()
    assert "no such directory" in refusal(
        kernels.bisect("debian:6.12", "debian:6.18", "--tree", str(tmp_path / "none")))
    assert "git says: fatal: not a git repository" in refusal(
        kernels.bisect("debian:6.12", "debian:6.18", "--tree", str(tmp_path)))
    assert kernels.booted == [], "a tree that is none costs no measurement"


def git(tree: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example", *arguments], cwd=tree, text=True,
        capture_output=True, check=True).stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A git tree of commits 0 to 9 between the tags v6.16.3 and v6.16.12."""
    made = tmp_path / "tree"
    made.mkdir()
    git(made, "init", "-q")
    for number in range(10):
        (made / "number").write_text(f"{number}\n")
        git(made, "add", ".")
        git(made, "commit", "-qm", f"commit {number}")
    git(made, "tag", "v6.16.12")
    git(made, "tag", "v6.16.3", "HEAD~9")
    return made


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What git bisect run starts in the place of Tailwalk: `number` is the commit's."""
    place = tmp_path / "stand-in"
    place.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(place))

    def says(status: str) -> None:
        (place / "tailwalk.py").write_text(
            "import sys\n"
            "assert sys.argv[1:3] == ['bisect', 'step']\n"
            f"number = int(open('number').read())\nsys.exit({status})\n")

    return says


def test_the_tree_is_handed_over_to_git(kernels: Kernels, tree: Path,
                                        stand_in: Callable[[str], None]) -> None:
    stand_in("125 if number in (4, 5) else number >= 7")
    done = kernels.bisect("debian:6.12", "debian:6.18", "--tree", str(tree))
    assert done.exit_code == 0, (done.exception, done.output)
    assert git(tree, "show", "-s", "--format=%s", "refs/bisect/bad") == "commit 7"
    git(tree, "bisect", "reset")
    git(tree, "tag", "-d", "v6.16.3")
    assert "it has no tag v6.16.3" in refusal(
        kernels.bisect("debian:6.12", "debian:6.18", "--tree", str(tree)))


@pytest.mark.slow
def test_git_looks_for_what_fixed_it(kernels: Kernels, tree: Path,
                                     stand_in: Callable[[str], None]) -> None:
    kernels.dear_from, kernels.fixed_from = 0, RELEASES.index("6.16.12")
    stand_in("number >= 7")
    done = kernels.bisect("debian:6.18", "debian:6.12", "--fixed", "--tree", str(tree))
    assert done.exit_code == 0, (done.exception, done.output)
    assert git(tree, "show", "-s", "--format=%s", "refs/bisect/fixed") == "commit 7"


def step(*arguments: str, figure: float | Exception = 2224,
         good: float | Exception = 2000) -> Result:
    """A step where src:. and the good kernel measure so."""
    def measured(spec: str, plan: Plan) -> Run:
        value = figure if spec == "src:." else good
        if isinstance(value, Exception):
            raise value
        return made_run(spec, [made_figure(plan.cases[0], value, steady=value > 0)])

    return CliRunner().invoke(group, ["bisect", "step", "src:.", "--case", "pwrite_u1k",
                                      *arguments], obj=MadeLab(run=measured))


@pytest.mark.parametrize(("figure", "status"), [
    (2224, 0), (3000, 0), (3001, 1), (11117, 1), (-1, 125),
    (KernelError("does not build"), 125), (GuestError("does not boot"), 125),
    (SeriesError("does not apply"), 125), (ToolError("no gcc"), 255), (OSError(28, "full"), 255),
    (ArchiveError("no network"), 255), (UsageError("what"), 255), (ValueError("a defect"), 255)])
def test_the_status_of_a_step(figure: float | Exception, status: int) -> None:
    assert step("--good", "src:6.12", figure=figure).exit_code == status
    assert step("--above", "3000", figure=figure).exit_code == status


@pytest.mark.parametrize(("figure", "status"), [
    (2224, 1), (3000, 1), (3001, 0), (11117, 0), (-1, 125), (GuestError("does not boot"), 125),
    (ToolError("no gcc"), 255)])
def test_a_step_to_the_fix_turns_the_verdicts_alone(
        figure: float | Exception, status: int) -> None:
    for limit in (["--good", "src:7.3"], ["--above", "3000"]):
        done = step("--fixed", *limit, figure=figure)
        assert done.exit_code == status
        if status < 2:
            assert done.stdout.startswith(("dear: ", "fixed: ")[status])


@pytest.mark.parametrize("arguments", [
    [], ["--good", "src:6.12", "--above", "1"], ["--good", "src:6.12", "--ratio", "0"],
    ["--above", "nan"], ["--above", "inf"], ["--above", "0"], ["--above", "-5"],
    ["--no-such-option"], ["--good", "src:6.12", "--case", "seed"]])
def test_a_wrong_step_stops_the_bisection(arguments: list[str]) -> None:
    done = step(*arguments)
    assert done.exit_code == 255
    assert "Traceback" not in done.output


@pytest.mark.parametrize("good", [KernelError("does not build"), GuestError("hangs"), -1])
def test_a_reference_that_cannot_be_measured_stops_it(good: float | Exception) -> None:
    done = step("--good", "src:6.12", good=good)
    assert done.exit_code == 255
    assert ("more --calls" in done.stderr) == (good == -1)


@pytest.mark.parametrize(("changed", "named"), [
    ({"rig": "host"}, "on the host rig"),
    ({"filesystem": Filesystem(kind="xfs")}, "on xfs with blocks of 4096")])
def test_a_reference_of_other_conditions_stops_it(
        changed: dict, named: str, tmp_path: Path) -> None:
    record = tmp_path / "good.json"
    figure = made_timed_figure(made_case(), [700.0] * 5) if "rig" in changed else (
        made_figure(made_case(), 2000))
    write_run(made_run("debian:6.12", [figure], **changed), record)
    done = step("--good", str(record))
    assert done.exit_code == 255
    assert named in done.stderr


@pytest.mark.parametrize(("make", "said"), [
    (lambda case: made_figure(case, 2224), "good: 6.18.15 takes 2,224 instructions a call of "),
    (lambda case: made_timed_figure(case, [700.0] * 5), "good: 6.18.15 takes 700 ns a call of ")])
def test_a_step_speaks_of_what_the_figure_counts(
        make: Callable[[Case], Figure], said: str) -> None:
    lab = MadeLab(run=lambda spec, plan: made_run(spec, [make(plan.cases[0])]))
    done = CliRunner().invoke(group, ["bisect", "step", "src:.", "--above", "3000", "--case",
                                      "pwrite_u1k"], obj=lab)
    assert f"{said}pwrite_u1k, " in done.stdout


def test_a_defect_of_a_step_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    result = step("--above", "1", figure=ValueError("a defect"))
    assert "ValueError: a defect" in result.output + capfd.readouterr().err


