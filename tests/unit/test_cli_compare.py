# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk compare` on records: golden outputs, statuses, files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from golden_files import check_golden
from hypothesis import given
from hypothesis import strategies as st
from made_lab import MadeLab
from made_runs import (
    COUNTS,
    SEED,
    lacking,
    made_case,
    made_figure,
    made_run,
    made_samples,
    made_seed_runs,
    made_timed_figure,
    made_timed_run,
)
from results import output, validate

from tailwalk.cases import KIB
from tailwalk.cli import group
from tailwalk.compare import Comparison, compare, read_comparison
from tailwalk.errors import GuestError, RecordError, SpecError, TailwalkError, UsageError
from tailwalk.report.mail import mail
from tailwalk.runs import Run, write_run
from tailwalk.runs.schema import json_schema

Invoke = Callable[..., Result]
HEADLINE = ("debian:6.12", "debian:6.18", "debian:7.3")


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run `tailwalk compare` on runs, written to files, with more arguments after them."""
    for name in ("NO_COLOR", "FORCE_COLOR", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.chdir(tmp_path)

    def call(runs: list[Run], *arguments: str, columns: int = 80,
             lab: MadeLab | None = None) -> Result:
        monkeypatch.setenv("COLUMNS", str(columns))
        names = [f"run{number}.json" for number in range(len(runs))]
        for name, run in zip(names, runs, strict=True):
            write_run(run, tmp_path / name)
        return CliRunner().invoke(group, ["compare", *names, *arguments], obj=lab)

    return call


def many_runs(number: int) -> list[Run]:
    """The headline's baseline, and kernels whose specs are as long as paths are."""
    figures = [made_figure(case, value)
               for case, value in zip(SEED, COUNTS["debian:6.18"], strict=True)]
    return made_seed_runs("debian:6.12") + [
        made_run(f"image:/srv/kernels/build-{index}/arch/x86/boot/bzImage", figures,
                 release=f"6.18.{index}-rc1-dirty") for index in range(1, number)]


def timed_runs() -> list[Run]:
    """Three kernels of the host rig: a clear regression, and a fix within noise of the old."""
    return [made_timed_run(spec, made_timed_figure(made_case(), made_samples(seed, median)))
            for seed, spec, median in ((1, "debian:6.12", 560), (2, "debian:6.18", 1790),
                                       (3, "src:6.18+tail", 562))]


def unsteady(value: int, percent: int) -> dict[str, Any]:
    """Of a figure: so many of a hundred calls had the value, and each other one its own."""
    others = [(value + 1 + number, 1) for number in range(100 - percent)]
    return {"steady": False, "share": percent / 100, "calls": [(value, percent), *others]}


def doubtful_runs() -> list[Run]:
    """Unsteady figures on either side, one case at two offsets, and notes."""
    cases = [made_case(), made_case("write_u1k"), made_case("write_u1k", offset=512 * KIB)]
    note = "the kernel shows no page flags: folio orders are unknown"
    return [
        made_run("debian:6.12", [
            made_figure(cases[0], 2203, order=0, **unsteady(2203, 43)),
            made_figure(cases[1], 2230, order=0), made_figure(cases[2], 2231, order=0)]),
        made_run("debian:6.18", [
            made_figure(cases[0], 11120), made_figure(cases[1], 11147),
            made_figure(cases[2], 10892, order=None, notes=[note])]),
        made_run("src:6.18+tail", [
            made_figure(cases[0], 1705), made_figure(cases[1], 1731, **unsteady(1731, 30)),
            made_figure(cases[2], 11220)]),
    ]


def lacking_runs(*places: int) -> list[Run]:
    """The headline, of which kernels at some places lack a case each."""
    runs = made_seed_runs(*HEADLINE)
    for place in places:
        runs[place] = lacking(runs[place], "pwritev2: Operation not supported",
                              SEED[2 + place].name)
    return runs


SCENES = {
    "two": made_seed_runs("debian:6.12", "debian:6.18"),
    "headline": made_seed_runs(*HEADLINE),
    "four": made_seed_runs(),
    "nine": many_runs(9),
    "timed": timed_runs(),
    "doubtful": doubtful_runs(),
    "lacking-baseline": lacking_runs(0),
    "lacking-later": lacking_runs(1, 2),
    "equal": made_seed_runs("debian:6.12", "debian:6.12"),
}


@pytest.mark.parametrize("form", ["table", "mail", "markdown"])
@pytest.mark.parametrize("scene", SCENES)
def test_what_readers_see(invoke: Invoke, scene: str, form: str) -> None:
    check_golden(f"compare-{scene}.{form}", output(invoke(SCENES[scene], "--format", form)))


@pytest.mark.parametrize("columns", [60, 120])
def test_the_table_takes_the_terminals_width(invoke: Invoke, columns: int) -> None:
    check_golden(f"compare-headline-{columns}.table",
                 output(invoke(SCENES["headline"], columns=columns)))


@pytest.mark.parametrize("form", ["csv", "json"])
def test_what_programs_read(invoke: Invoke, form: str) -> None:
    check_golden(f"compare-headline.{form}",
                 output(invoke(made_seed_runs(*HEADLINE), "--format", form)))
    check_golden(f"compare-lacking-later.{form}",
                 output(invoke(SCENES["lacking-later"], "--format", form)))


def test_a_terminal_without_unicode_gets_ascii(
        invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C")
    text = output(invoke(many_runs(3)))
    assert text.isascii()
    check_golden("compare-ascii.table", text)


def test_colour_only_where_it_is_wanted(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = made_seed_runs(*HEADLINE)
    plain = output(invoke(runs))
    assert "\x1b" not in plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    coloured = output(invoke(runs))
    assert "\x1b[31mregressed\x1b[0m" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in output(invoke(runs))


@pytest.mark.parametrize("columns", [20, 40, 60, 79, 80, 100, 200])
@pytest.mark.parametrize("number", [
    2, 3, 9, *(pytest.param(number, marks=pytest.mark.slow) for number in (4, 5))])
def test_tables_keep_to_the_terminal(invoke: Invoke, columns: int, number: int) -> None:
    text = output(invoke(many_runs(number), columns=columns))
    assert max(map(len, text.splitlines())) <= columns


def test_tables_lose_no_figure_down_to_sixty_columns(invoke: Invoke) -> None:
    for columns in (60, 80, 100, 140):
        text = output(invoke(made_seed_runs(), columns=columns))
        for values in COUNTS.values():
            for value in values:
                assert f"{value:,}" in text
        assert "99.2%" in text
        assert "regressed" in text


@given(st.integers(2, 12), st.integers(1, 10**12), st.integers(1, 80), st.booleans())
def test_mail_is_ascii_under_72_columns(
        number: int, value: int, length: int, many_parameters: bool) -> None:
    cases = [made_case("writev_u10k")]
    if many_parameters:
        cases.append(made_case("writev_u10k", offset=513 * KIB, fill=1000 * KIB,
                               file_size=1025 * KIB))
    runs = [made_run(f"image:/{'ü' * length}/{index}",
                     [made_figure(case, value * (index + 1)) for case in cases])
            for index in range(number)]
    lines = mail(compare(runs)).splitlines()
    assert all(line.isascii() for line in lines)
    assert max(map(len, lines)) < 72
    for index in range(number):
        assert any(f"{value * (index + 1):,}" in line for line in lines)


def test_no_columns_mean_an_unknown_width(invoke: Invoke) -> None:
    runs = made_seed_runs("debian:6.12", "debian:6.18")
    assert output(invoke(runs, columns=0)) == output(invoke(runs, columns=80))


def test_csv_holds_every_figure_once(invoke: Invoke) -> None:
    rows = list(csv.DictReader(io.StringIO(output(invoke(made_seed_runs(), "--format", "csv")))))
    found = {(row["kernel"], row["case"]): int(row["figure"]) for row in rows}
    assert len(rows) == len(found) == 24
    assert found == {(spec, case.name): value for spec, values in COUNTS.items()
                     for case, value in zip(SEED, values, strict=True)}
    last = rows[-1]
    assert (last["verdict"], last["recovery"]) == ("improved", "no regression")


def test_json_is_what_the_schema_says(invoke: Invoke, tmp_path: Path) -> None:
    schema = json_schema(Comparison)
    for runs in (made_seed_runs(), timed_runs(), doubtful_runs()):
        path = tmp_path / "out.json"
        table = output(invoke(runs, "-o", str(path)))
        assert table.startswith(("Instructions per call\n", "Nanoseconds per call\n"))
        document = json.loads(path.read_bytes())
        validate(document, schema)
        assert document["schema"] == "tailwalk.comparison/3"
        assert document["baseline"] == runs[0].kernel.spec
        assert [kernel["spec"] for kernel in document["kernels"]] == [
            run.kernel.spec for run in runs]
        for row in document["rows"]:
            for name in ("figures", "reasons", "ratios", "verdicts", "recovery", "steady",
                         "shares", "varies", "written", "evidence"):
                assert len(row[name]) == len(runs)
        assert read_comparison(path).rows[0].case == document["rows"][0]["case"]


def test_a_json_file_that_cannot_be_written_leaves_nothing_behind(
        invoke: Invoke, tmp_path: Path) -> None:
    result = invoke(made_seed_runs("debian:6.12", "debian:6.18"), "-o", "/dev/full")
    assert isinstance(result.exception, RecordError)
    assert "cannot write /dev/full: No space left" in str(result.exception)
    assert result.stdout.startswith("Instructions per call")  # which is not lost with the file
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run0.json", "run1.json"]


@pytest.mark.parametrize("option", ["--fill", "--fs-block-size"])
@pytest.mark.parametrize("command", ["run", "sweep", "why", "bisect step", "model predict"])
def test_sizes_of_nothing_are_named(command: str, option: str) -> None:
    if command == "sweep":
        option = option.replace("fill", "fills")
    result = CliRunner().invoke(group, [*command.split(), option, "0", *(
        [] if command == "model predict" else ["debian:6.18"]), *(
        ["--above", "9"] if command == "bisect step" else [])])
    assert result.exit_code in (1, 255)
    said = str(result.exception) + result.output
    assert f"{option.replace('fills', 'fill')} 0" in said
    assert "Traceback" not in said


def test_a_place_that_only_a_sweep_has() -> None:
    result = CliRunner().invoke(group, ["run", "debian:6.18", "--offset", "random"])
    assert "'random' is no place in a folio: take first, quarter" in str(result.exception)
    assert "tailwalk sweep" in str(result.exception)


@pytest.mark.parametrize("command", [
    "run debian:6.18 -o", "host -o", "verify debian:6.18 -o", "why debian:6.18 -o",
    "sweep debian:6.18 --svg", "track debian:6.18 debian:7.3 --svg"])
@pytest.mark.parametrize(("place", "said"), [(".", "is a directory"),
                                             ("nowhere/x", "there is no directory")])
def test_output_is_refused_before_anything_is_measured(
        command: str, place: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # so that nothing can be
    result = CliRunner().invoke(group, [*command.split(), place])
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


def test_fail_on_regressed(invoke: Invoke) -> None:
    regressed = invoke(made_seed_runs(*HEADLINE), "--fail-on", "regressed")
    assert regressed.exit_code == 1
    assert regressed.stdout.startswith("Instructions per call")
    fine = invoke(made_seed_runs("debian:6.12", "src:6.18+tail"), "--fail-on", "regressed")
    assert fine.exit_code == 0
    lenient = invoke(made_seed_runs("debian:6.12", "debian:7.3"), "--fail-on", "regressed",
                     "--threshold", "4")
    assert lenient.exit_code == 0
    strict = invoke(made_seed_runs("debian:6.12", "debian:7.3"), "--fail-on", "regressed",
                    "--threshold", "1")
    assert strict.exit_code == 1


def test_a_gate_does_not_pass_what_cannot_be_judged(invoke: Invoke) -> None:
    case = made_case()
    doubtful = [made_run("debian:6.12", [made_figure(case, 2200)]),
                made_run("debian:6.18", [made_figure(case, 11000, steady=False)])]
    done = invoke(doubtful, "--fail-on", "regressed")
    assert done.exit_code != 0
    assert "No case can be said to have regressed against debian:6.12; 1 figure cannot" in " ".join(
        done.stdout.split())
    assert isinstance(done.exception, RecordError)
    assert "1 figure cannot be judged" in str(done.exception)
    assert invoke(doubtful).exit_code == 0


def test_a_gate_passes_over_what_a_kernel_cannot_do_and_says_so(invoke: Invoke) -> None:
    fine = made_seed_runs("debian:6.12", "src:6.18+tail")
    for place in (0, 1):
        runs = list(fine)
        runs[place] = lacking(fine[place], "it is not there")
        done = invoke(runs, "--fail-on", "regressed")
        assert done.exit_code == 0
        assert "--fail-on regressed: 1 verdict is missing for lack of a figure" in done.stderr
    broken = [fine[0], lacking(fine[1], "it gave 1, and not 2", failed=True)]
    for arguments in ([], ["--fail-on", "regressed"]):
        done = invoke(broken, *arguments)
        assert isinstance(done.exception, GuestError) and "failed: writev_u10k" in str(
            done.exception)
        assert done.stdout.startswith("Instructions per call")
    worse = [lacking(run, "it is not there") for run in made_seed_runs(*HEADLINE)]
    assert invoke(worse, "--fail-on", "regressed").exit_code == 1


def test_every_column_that_regressed_is_named(invoke: Invoke) -> None:
    case, other = made_case(), made_case("writev_u1k")
    made = [made_run(spec, [made_figure(case, one), made_figure(other, two)])
            for spec, one, two in (("debian:6.12", 2200, 7000), ("debian:6.18", 11000, 7000),
                                   ("debian:6.19", 2200, 35000), ("debian:7.3", 2210, 7000))]
    said = " ".join(output(invoke(made, "--regressed", "1")).split())
    assert ("debian:6.18 regressed in 1 of 2 cases against debian:6.12, most in pwrite_u1k "
            "(5.00×); debian:6.19 recovers all of it and is dearer in 1 of 2 cases, most in "
            "writev_u1k (5.00×); debian:7.3 recovers 99.9% of it.") in said
    said = " ".join(output(invoke(made, "--regressed", "3")).split())
    assert "debian:7.3 regressed in no case" in said
    assert "debian:6.18 regressed in 1 of 2 cases" in said


def test_bad_by_number_and_by_name(invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    for bad in ("2", "run2.json"):
        output(invoke(made_seed_runs(), "--regressed", bad, "-o", str(path)))
        comparison = read_comparison(path)
        assert comparison.bad == 2
        assert comparison.rows[0].recovery == [None, None, None, "no regression"]


@pytest.mark.parametrize(("arguments", "kind", "said"), [
    (["--regressed", "0"], UsageError, "--regressed 0 names no column"),
    (["--regressed", "2"], UsageError, "those are 1 run1.json"),
    (["--regressed", "-1"], UsageError, "--regressed -1"),
    (["--regressed", "²"], UsageError, "--regressed ²"),
    (["--regressed", "debian:6.99"], UsageError, "--regressed debian:6.99"),
    (["--regressed", "run0.json"], UsageError,
     "--regressed run0.json names no column after the baseline"),
    (["run1.json", "--regressed", "run1.json"], UsageError,
     "names 2 columns: give a number; the columns after the baseline are 1 run1.json, 2 run1.json"),
    (["--threshold", "-3"], UsageError, "-3.0 percent"),
    (["-o", "nowhere/out.json"], UsageError, "no directory"),
    (["-o", "."], UsageError, ". is a directory"),
    (["-o", "./run1.json"], UsageError, "run1.json is read here"),
    (["--html", "run0.json"], UsageError, "run0.json is read here"),
    (["--case", "pwrite_u1k", "--fill", "2MiB"], UsageError,
     "--case, --fill: nothing is measured, since only records are named"),
    ([""], SpecError, "it is empty"),
    (["missing.json"], RecordError, "cannot read missing.json"),
    (["/"], RecordError, "cannot read /"),
    (["debain:6.18"], SpecError, "debain:6.18"),
    (["run1"], SpecError, "run1"),
    (["debug:6.18"], UsageError, "debug:6.18 checks itself at every step"),
])
def test_wrong_arguments_are_named(
        invoke: Invoke, arguments: list[str], kind: type[TailwalkError], said: str) -> None:
    result = invoke(made_seed_runs("debian:6.12", "debian:6.18"), *arguments)
    assert isinstance(result.exception, kind)
    assert said in str(result.exception)
    assert result.stdout == ""


def test_one_argument_is_not_enough(invoke: Invoke) -> None:
    result = invoke(made_seed_runs("debian:6.12"))
    assert isinstance(result.exception, UsageError)
    assert "run0.json" in str(result.exception)


class TestSpecsBesideRecords:
    """Specs are measured as the records beside them were, unless options say how."""

    @pytest.fixture
    def lab(self) -> MadeLab:
        """Every spec measures as 2,000 instructions a call."""
        return MadeLab(run=lambda spec, plan: made_run(
            spec, [made_figure(case, 2000) for case in plan.cases], filesystem=plan.filesystem))

    def test_the_records_say_how(self, invoke: Invoke, lab: MadeLab) -> None:
        cases = [made_case(fill=4 * KIB)]
        runs = [made_run("debian:6.12", [made_figure(case, 2203) for case in cases])]
        output(invoke(runs, "debian:6.18", "debian:7.3", "debian:6.18", lab=lab))
        (specs, plan, fresh), = lab.asked
        assert specs == ("debian:6.18", "debian:7.3")
        assert list(plan.cases) == cases
        assert not fresh

    def test_options_say_how(self, invoke: Invoke, lab: MadeLab) -> None:
        runs = [made_run("debian:6.12", [made_figure(made_case(fill=4 * KIB), 2203)])]
        result = invoke(runs, "debian:6.18", "--case", "pwrite_u1k", "--fill", "2MiB", "--fresh",
                        lab=lab)
        assert "fill is 4096 and 2097152" in str(result.exception)
        assert lab.asked[0][2]

    def test_specs_alone_take_the_options(self, invoke: Invoke, lab: MadeLab) -> None:
        text = output(invoke([], "debian:6.12", "debian:6.18", lab=lab))
        assert [case.name for case in lab.asked[0][1].cases] == [case.name for case in SEED]
        assert "No case regressed" in text

    def test_nothing_is_measured_before_all_is_read(
            self, invoke: Invoke, lab: MadeLab) -> None:
        result = invoke([], "debian:6.12", "missing.json", lab=lab)
        assert isinstance(result.exception, RecordError)
        assert not lab.asked
