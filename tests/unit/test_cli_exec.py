# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk exec` on the command line: what is said of a program that a made-up guest ran."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from golden_files import check_golden
from made_exec import ENDED, ON, ExecLab, made_exec_lab
from made_programs import NEW, OLD, made_program
from results import error

from tailwalk.cli import group
from tailwalk.programs.plan import MadeFile
from tailwalk.rigs.exec import GivenUpError
from tailwalk.runs.execution import Instructions
from tailwalk.runs.program import read_program_record
from tailwalk.runs.record import encode


def invoke(lab: ExecLab, *words: str) -> Result:
    return CliRunner().invoke(group, ["exec", *words], obj=lab)


def execute(*options: str, **ended: object) -> tuple[ExecLab, Result]:
    lab = made_exec_lab(**ended)
    return lab, invoke(lab, *options, "debian:6.18", "--", "./program", "--fast")


def test_output_is_the_programs_and_the_counts_go_to_standard_error() -> None:
    lab, done = execute("--make", "data:1MiB:4KiB", "--memory", "512")
    assert (done.exit_code, done.stdout) == (0, "its output\n")
    assert done.stderr.startswith("its complaint\nWhat ./program asks of the kernel")
    assert "\npwrite64 ext4 to 1KiB    300" in done.stderr
    assert "\ntailwalk: 4,000 instructions: 1,000 of the program" in done.stderr
    assert "3,000 of the kernel on its behalf (75.0%)" in done.stderr
    assert "70 of the kernel's own threads meanwhile; 1 task, 2 context switches" in done.stderr
    assert "exit status 0 on debian:6.18 (6.18.15+deb13-cloud-amd64), ext4" in done.stderr
    [(specs, asked)] = lab.asked_for
    assert (specs, asked.plan.program, list(asked.plan.arguments), asked.memory, asked.repeat) == (
        ["debian:6.18"], Path("program"), ["--fast"], 512, 1)
    assert asked.plan.made == [MadeFile("data", 1 << 20, 4096)]


@pytest.mark.parametrize(("ended", "status", "said"), [
    ({"status": 3}, 3, "exit status 3 on"),
    ({"status": None, "signal": 11}, 139, "ended by SIGSEGV on"),
    ({"status": None, "signal": 40}, 168, "ended by signal 40 on"),
    ({"instructions": Instructions(user=0, kernel=0, others=0), "tasks": 2, "switches": 1}, 0,
     "on its behalf (0.0%)"),
])
def test_the_status_is_the_programs(ended: dict[str, object], status: int, said: str) -> None:
    _, done = execute(**ended)
    assert done.exit_code == status
    assert said in done.stderr


def test_the_record_is_kept(tmp_path: Path) -> None:
    execute("--json", str(tmp_path / "record.json"))
    record = read_program_record(tmp_path / "record.json")
    assert record.command == ["./program", "--fast"]
    [kernel] = record.kernels
    assert (kernel.spec, kernel.status, kernel.user, kernel.calls) == (
        "debian:6.18", 0, 1000, NEW.calls)


def test_several_kernels_are_set_side_by_side() -> None:
    done = invoke(made_exec_lab(), "debian:6.12", "debian:6.18", "--", "./program", "--fast")
    assert done.exit_code == 0
    check_golden("program-exec.table", done.stdout)
    assert "debian:6.12:\nits output\nits complaint\n" in done.stderr


def test_what_regressed_is_the_exit_status_where_that_is_asked_for() -> None:
    words = ("--fail-on", "regressed", "debian:6.12", "debian:6.18", "--", "./program")
    assert invoke(made_exec_lab(), *words).exit_code == 1
    assert invoke(made_exec_lab(), "--threshold", "9000", *words).exit_code == 1  # damon is new
    same = ("--fail-on", "regressed", "debian:6.12", "debian:6.12", "--", "./program")
    assert invoke(made_exec_lab(), *same).exit_code == 0
    assert "nothing regresses without another" in str(error(invoke(
        made_exec_lab(), "--fail-on", "regressed", "debian:6.12", "--", "./program")))


def test_records_are_shown_again_side_by_side(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.json") for number in range(2)]
    for path, spec in zip(paths, ON, strict=True):
        invoke(made_exec_lab(), "--json", path, spec, "--", "./program", "--fast")
    done = invoke(made_exec_lab(), *paths)
    check_golden("program-exec.table", done.stdout)
    assert invoke(made_exec_lab(), "--fail-on", "regressed", *paths).exit_code == 1
    tree = invoke(made_exec_lab(), "--call", "pwrite64", "--tree", *paths).stdout
    check_golden("program-tree.table", tree)
    functions = invoke(made_exec_lab(), "--call", "pwrite64", "--functions", *paths).stdout
    check_golden("program-functions.table", functions)
    check_golden("program-functions-one.table", invoke(
        made_exec_lab(), "--functions", "--all", paths[1]).stdout)
    folded = invoke(made_exec_lab(), "--folded", *paths).stdout
    assert "entry;ext4_file_write_iter;block_write 120000 2790000\n" in folded
    invoke(made_exec_lab(), "--svg", str(tmp_path / "graph.svg"), *paths)
    assert "Where all calls of ./program execute instructions" in (
        tmp_path / "graph.svg").read_text()
    assert "makes no such call" in str(error(invoke(
        made_exec_lab(), "--call", "mount", "--tree", *paths)))
    assert "--functions and --tree each say" in str(error(invoke(
        made_exec_lab(), "--functions", "--tree", *paths)))


def test_records_of_different_programs_do_not_compare(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.json") for number in range(2)]
    for path, argument in zip(paths, ("--fast", "--slow"), strict=True):
        program = made_program(OLD if argument == "--fast" else NEW)
        Path(path).write_bytes(encode(msgspec.structs.replace(
            program, command=["./program", argument])))
    assert "the command of ./program on debian:6.18 differs" in str(error(invoke(
        made_exec_lab(), *paths)))


def test_repetitions_are_run_and_said() -> None:
    lab = made_exec_lab()
    done = invoke(lab, "--repeat", "3", "debian:6.12", "debian:6.18", "--", "./program")
    assert lab.asked_for[0][1].repeat == 3
    assert "the median of 3 runs, all equal" in " ".join(done.stdout.split())


def test_kernels_are_told_from_the_program() -> None:
    assert "no program is named" in str(error(invoke(made_exec_lab(), "debian:6.12")))
    assert "program" in str(error(invoke(made_exec_lab(), "./program", "debian:6.12")))


@pytest.mark.parametrize("made", ["data", "data:1MiB:4KiB:9"])
def test_a_file_to_make_has_a_name_and_a_size(made: str) -> None:
    _, done = execute("--make", made)
    assert f"--make {made}: write NAME:SIZE" in str(error(done))


def test_what_it_came_to_is_shown_where_it_was_given_up() -> None:
    for late, status in (("interrupted", 130), ("late", 1)):
        lab = ExecLab(run=lambda *_: pytest.fail("measured"), ended=ENDED, late=late)
        done = invoke(lab, "debian:6.18", "--", "./program")
        assert done.exit_code == status
        assert done.stdout == "its output\n"
        assert "4,000 instructions: 1,000 of the program" in done.stderr
        assert isinstance(done.exception, SystemExit if status == 130 else GivenUpError)


def test_what_is_round_a_program_is_taken_as_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"line\n")
    lab = made_exec_lab()
    done = CliRunner().invoke(group, [
        "exec", "--packages", "sqlite3,dash", "--env", "A=b=c", "--env", "D=", "--chdir", "/tmp",
        "--stdin", "-", "--user", "1:2", "--disk", "1GiB", "--memory", "2048", "debian:6.18", "--",
        "./it"], obj=lab, input=b"given\n")
    assert done.exit_code == 0, done.output
    [(_, asked)] = lab.asked_for
    plan = asked.plan
    assert (plan.packages, plan.environment, plan.directory, plan.input, plan.user, plan.disk,
            asked.memory) == (("sqlite3", "dash"), {"A": "b=c", "D": ""}, "/tmp", b"given\n", "1:2",
                        1 << 30, 2048)
    assert plan.program == Path("/tmp/it")  # in the root, from where it begins
    invoke(lab, "--root", "/r", "--stdin", str(tmp_path / "input"), "debian:6.18", "--", "it")
    assert [getattr(lab.asked_for[1][1].plan, name) for name in ("root", "input", "program")] == [
        Path("/r"), b"line\n", Path("it")]
    for words, said in ((("--env", "A"), "--env A: write NAME=VALUE"),
                        (("--stdin", "/none"), "--stdin /none: it cannot be read")):
        assert said in str(error(invoke(lab, *words, "debian:6.18", "--", "it")))
