# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison as the gate of a pipeline: what CI services read, and the exit status."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from golden_files import check_golden
from hypothesis import given
from hypothesis import strategies as st
from made_lab import MadeLab
from made_runs import made_case, made_figure, made_run, made_seed_runs
from msgspec.structs import replace

from tailwalk.cases import find_cases
from tailwalk.cli import group
from tailwalk.compare import compare
from tailwalk.compare.accepted import AcceptedDifference, AcceptFile, accept
from tailwalk.errors import RecordError, UsageError
from tailwalk.report.annotations import github
from tailwalk.report.gate import Gate, comparison_gate
from tailwalk.report.junit import junit
from tailwalk.report.sarif import sarif
from tailwalk.runs import Run, write_run
from tailwalk.runs.amount import amount_of
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.runs.record import Missing

Invoke = Callable[..., Result]
ACCEPTED = """\
# What is known to cost more on 6.18.
[[accepted]]
case = "pwrite_*"
kernel = "debian:6.18"
ratio = 5.1
reason = "large folios of ext4; repaired in 7.3: 99%, <all>"
until = 2999-12-31

[[accepted]]
case = "write_u1k"
ratio = 4
reason = "as above"
until = 2999-12-31

[[accepted]]
case = "writev_u1k"
ratio = 2
reason = "as above"
until = 2020-12-31

[[accepted]]
case = "writev_u10k"
ratio = 1.5
reason = "what was not repaired"
until = 2999-12-31
"""
HEADLINE = ("debian:6.12", "debian:6.18", "debian:7.3")


def headline() -> list[Run]:
    """The seed suite, and a figure that must not be relied on."""
    *runs, last = made_seed_runs(*HEADLINE)
    return [*runs, replace(last, figures=[
        *last.figures[:5], made_figure(made_case("writev_u10k"), 17443, steady=False)])]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run `tailwalk compare` on the headline's records, with `ACCEPTED` as accepted.toml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("accepted.toml").write_text(ACCEPTED)
    for number, run in enumerate(headline()):
        write_run(run, Path(f"run{number}.json"))

    def call(*arguments: str, runs: int = 3) -> Result:
        return CliRunner().invoke(group, [
            "compare", *(f"run{number}.json" for number in range(runs)), *arguments])

    return call


def test_a_median_is_marked_as_one() -> None:
    """In every format, as the note on it says."""
    varying = amount_of(INSTRUCTIONS, [*[2200] * 30, *[2300] * 40, *[2400] * 30], varies=True)
    old, new = made_seed_runs(*HEADLINE[:2])
    first, *others = old.figures
    runs = [replace(old, figures=[replace(first, metrics={INSTRUCTIONS.name: varying}), *others]),
            new]
    gate = comparison_gate(compare(runs, bad=1), runs)
    assert gate.judged[0].said.endswith("against ~2,300 on debian:6.12 (4.85×)")
    for text in (junit(gate).decode(), sarif(gate).decode(), "\n".join(github(gate))):
        assert "against ~2,300 on debian:6.12" in text and text.count("against ~") <= 4


@pytest.mark.parametrize("form", ["table", "mail", "markdown", "csv", "json"])
def test_what_is_accepted_is_shown_everywhere(invoke: Invoke, form: str) -> None:
    said = invoke("--accept", "accepted.toml", "--format", form)
    assert said.exit_code == 0
    check_golden(f"gate.{form}", said.stdout)


def test_a_page_shows_what_is_accepted(invoke: Invoke) -> None:
    assert invoke("--accept", "accepted.toml", "--html", "page.html").exit_code == 0
    page = Path("page.html").read_text()
    assert ">accepted<" in page
    assert "repaired in 7.3: 99%, &lt;all&gt;" in page and "2999-12-31" in page


def test_the_files_of_ci_services(invoke: Invoke) -> None:
    done = invoke("--accept", "accepted.toml", "--junit", "gate.xml", "--sarif", "gate.sarif",
                  "--annotations", "github")
    assert done.exit_code == 0
    check_golden("gate.xml", Path("gate.xml").read_text())
    check_golden("gate.sarif", Path("gate.sarif").read_text())
    check_golden("gate.github", done.stderr)


def test_annotations_leave_standard_output_alone(invoke: Invoke) -> None:
    plain = invoke("--format", "json").stdout
    assert invoke("--format", "json", "--annotations", "github").stdout == plain


def test_the_status_goes_by_what_is_not_accepted(invoke: Invoke) -> None:
    def status(text: str) -> int:
        Path("accepted.toml").write_text(text)
        return invoke("--accept", "accepted.toml", "--fail-on", "regressed", runs=2).exit_code

    every = ACCEPTED.split("\n\n")[0].replace("pwrite_*", "*")
    assert status(ACCEPTED) == status(every.replace("2999", "2020")) == 1
    assert status(every.replace("5.1", "5")) == 1
    assert status(every) == 0


def test_what_cannot_be_judged_is_not_accepted(invoke: Invoke) -> None:
    Path("accepted.toml").write_text(ACCEPTED.split("\n\n")[0].replace("pwrite_*", "*"))
    done = invoke("--accept", "accepted.toml", "--fail-on", "regressed")
    assert isinstance(done.exception, RecordError)
    assert "1 figure cannot be judged" in str(done.exception)


def test_a_wrong_file_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "accepted.toml"
    file.write_text(ACCEPTED.replace("until", "untill"))
    lab = MadeLab(run=lambda spec, _: made_run(spec, []))
    done = CliRunner().invoke(group, ["compare", "debian:6.12", "debian:6.18", "--accept",
                                      str(file)], obj=lab)
    assert isinstance(done.exception, UsageError)
    assert "entry 1: Object contains unknown field `untill`" in str(done.exception)
    assert not lab.asked


@pytest.mark.parametrize("option", ["--junit", "--sarif", "-o", "--html"])
@pytest.mark.parametrize(("place", "said"), [
    ("accepted.toml", "accepted.toml is read here"), (".", "is a directory"),
    ("nowhere/x", "there is no directory")])
def test_places_that_are_no_output(invoke: Invoke, option: str, place: str, said: str) -> None:
    done = invoke("--accept", "accepted.toml", option, place)
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)


def gate_of(runs: list[Run]) -> Gate:
    return comparison_gate(compare(runs), runs)


def made_gate(reason: str, spec: str = "debian:6.18") -> tuple[Gate, AcceptFile]:
    """A gate with a regression that is accepted for the reason, and one that is not."""
    case, other = made_case(), made_case("writev_u1k")
    runs = [made_run(name, [made_figure(case, one), made_figure(other, 7000 * one)])
            for name, one in (("debian:6.12", 2000), (spec, 9000))]
    file = AcceptFile(path=Path("accepted.toml"), lines=[3], entries=[AcceptedDifference(
        case="pwrite*", ratio=5, reason=reason, until=date(2026, 12, 31))])
    accepted = accept(compare(runs), file, today=date(2026, 7, 1))
    return comparison_gate(accepted, runs), file


def test_the_words_in_junit() -> None:
    """What services show: a package a kernel, a class a family, and how many came out how."""
    root = ElementTree.fromstring(junit(gate_of(headline())))
    for suite in root:
        tests = suite.findall("testcase")
        for name, part in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[name]) == sum(test.find(part) is not None for test in tests)
        assert int(suite.attrib["tests"]) == len(tests) == 6
        assert {test.attrib["classname"] for test in tests} == {
            f"{suite.attrib['name']}.overwrite"}
    assert [suite.attrib["failures"] for suite in root] == ["5", "0"]
    assert [suite.attrib["errors"] for suite in root] == ["0", "1"]


def test_a_figure_that_is_missing_is_skipped_with_the_reason() -> None:
    case, other = made_case(), made_case("writev_u1k")
    whole = [made_figure(case, 2203), made_figure(other, 7067)]
    runs = [made_run("debian:6.12", whole), made_run("debian:6.18", whole[:1], missing=[
        Missing(case=other, reason="no io_uring\x07")])]
    suite, = ElementTree.fromstring(junit(gate_of(runs)))
    skipped, = suite.iter("skipped")
    assert skipped.attrib["message"] == skipped.text == (
        "no figure on debian:6.18: not measured: no io_uring\\x07")
    assert suite.attrib["skipped"] == "1" and suite.attrib["errors"] == "0"
    assert github(gate_of(runs)) == []


@pytest.mark.parametrize("failing", [(0,), (1,), (0, 1)])
def test_what_failed_is_an_error_and_what_cannot_be_done_is_skipped_on_any_kernel(
        failing: tuple[int, ...]) -> None:
    """Also where no kernel has a figure."""
    cases = find_cases(["pwrite_u1k", "fill_u900m", "pwrite_t1k"])
    runs = [made_run(spec, [made_figure(case, 2203) for case in cases[:1]], missing=[
        Missing(case=cases[1], reason="ENOSPC", failed=number in failing),
        Missing(case=cases[2], reason="no tmpfs")])
        for number, spec in enumerate(("debian:6.12", "debian:6.18"))]
    suite, = root = ElementTree.fromstring(junit(gate_of(runs)))
    assert [test.attrib["name"] for test in suite.iter("testcase")] == [
        "pwrite_u1k", "fill_u900m", "pwrite_t1k"]
    assert [(one.attrib["tests"], one.attrib["failures"], one.attrib["errors"])
            for one in (root, suite)] == [("3", "0", "1")] * 2
    assert suite.attrib["skipped"] == "1"
    error, = suite.iter("error")
    assert error.attrib["type"] == "failed" and "failed: ENOSPC" in error.attrib["message"]
    assert ["no tmpfs" in one.attrib["message"] for one in suite.iter("skipped")] == [True]
    assert [line.partition("::")[2].partition(":")[0] for line in github(gate_of(runs))] == [
        "warning title=fill_u900m on debian%3A6.18"]


def test_no_two_tests_have_one_name() -> None:
    cases = [made_case(), made_case(offset=4096), made_case(fill=4096)]
    runs = [made_run(spec, [made_figure(case, 2203) for case in cases])
            for spec in ("debian:6.12", "debian:6.18", "debian:6.18")]
    tests = ElementTree.fromstring(junit(gate_of(runs))).iter("testcase")
    names = [(test.attrib["classname"], test.attrib["name"]) for test in tests]
    assert len(set(names)) == len(names) == 6


@given(st.text(min_size=1), st.text(min_size=1, max_size=18))
def test_any_text_is_kept_or_escaped(reason: str, spec: str) -> None:
    """XML 1.0 has no place for most control characters and half surrogates; a line of a workflow
    command ends where a line ends."""
    gate, file = made_gate(reason, spec)
    root = ElementTree.fromstring(junit(gate))
    names = [suite.attrib["name"] for suite in root]
    shown = next(test.text or "" for test in root.iter("system-out"))
    if spec.isprintable() and spec.isascii() and not spec.startswith(" "):
        assert names == [gate.kernels[0][0]]
    if reason.isprintable() and reason.isascii():
        assert reason in shown
    log: dict[str, Any] = json.loads(sarif(gate, file))
    accepted = next(one for one in log["runs"][0]["results"] if one["level"] == "note")
    assert shown in accepted["message"]["text"]
    lines = github(gate)
    assert len("\n".join(lines).splitlines()) == 2
    assert all(re.fullmatch(r"::(error|notice) title=[^:,]+::.+", line) for line in lines)


def test_where_a_result_lies() -> None:
    gate, file = made_gate("known")
    error, note = json.loads(sarif(gate, file))["runs"][0]["results"]
    assert (error["level"], note["level"]) == ("error", "note")
    place = [one["locations"][0]["physicalLocation"] for one in (error, note)]
    assert [one["region"]["startLine"] for one in place] == [1, 3]
    assert {one["artifactLocation"]["uri"] for one in place} == {"accepted.toml"}
    assert note["suppressions"][0]["justification"] == "known (until 2026-12-31)"
    alone = json.loads(sarif(gate))["runs"][0]["results"]
    assert all("physicalLocation" not in one["locations"][0] for one in alone)


def test_ten_annotations_are_the_worst() -> None:
    lines = github(gate_of(made_seed_runs("debian:6.12", "debian:6.18")))
    assert [re.findall(r"title=(\S+)", line)[0] for line in lines
            if line.startswith("::error")] == [
        "pwrite_u1k", "write_u1k", "pwrite_u10k", "write_u10k", "writev_u1k"]
