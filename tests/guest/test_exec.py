# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of a user's in a guest: output, status, and counts that follow from what they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from processes import await_guest, gone, guests
from tailwalk.cases import KIB, MIB, Filesystem
from tailwalk.cli import group
from tailwalk.errors import GuestError, UsageError
from tailwalk.programs.plan import ExecPlan, MadeFile
from tailwalk.rigs.exec import GivenUpError, execute
from tailwalk.rigs.running import Gathered
from tailwalk.runs.execution import Execution
from tailwalk.runs.program import read_program_record

pytestmark = pytest.mark.guest

SOURCE = Path(__file__).parent / "programs.c"


@dataclass
class Ran:
    """A program that ran: its record, and what it wrote."""

    execution: Execution
    stdout: bytes
    stderr: bytes
    notes: Sequence[str]


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("programs") / "program"
    subprocess.run(["cc", "-static", "-O1", "-w", "-pthread", "-o", path, SOURCE], check=True)
    return path


@pytest.fixture
def run(bench, kernel, program: Path) -> Run:
    def run(*arguments: str, spec: str = "debian:6.18", **changed) -> Ran:
        plan = ExecPlan(**{"program": program, "arguments": arguments, **changed})
        said = Gathered()
        try:
            done = execute(kernel(spec), plan, bench=bench, sink=said.take)
        except GivenUpError as late:
            late.stdout = said.stdout
            raise
        return Ran(done.execution, said.stdout, said.stderr, done.notes)

    return run


def test_returns_output_and_status(run: Run, program: Path) -> None:
    done = run("say", "two words", "", "ü\n")
    assert done.stdout.decode() == f"[{program}][say][two words][][ü\n]\n/mnt\n"
    assert done.stderr == b"to standard error\n"
    assert (done.execution.status, done.execution.signal) == (0, None)
    assert run("status", "42").execution.status == 42
    done = run("signal", str(int(signal.SIGSEGV)))
    assert (done.execution.status, done.execution.signal) == (None, signal.SIGSEGV)


def test_user_instructions_are_the_programs(run: Run) -> None:
    few, many = (run("spin", str(rounds)).execution.instructions for rounds in (10**6, 3 * 10**6))
    # The digits of the number are read by the same instructions, and start-up, which may be the
    # larger part of a count and is another in every C library, is in both.
    assert many.user - few.user == 2 * 2 * 10**6


def test_a_system_call_costs_the_kernel_the_same_each_time(run: Run) -> None:
    """The kernel's part of getppid(2), from two runs whose lengths differ: with -icount, timer
    ticks come by the instruction."""
    costs = []
    for spec in ("debian:6.12", "debian:6.18"):
        counts = [run("getppid", str(calls), spec=spec).execution.instructions
                  for calls in (10_000, 20_000)]
        costs.append((counts[1].kernel - counts[0].kernel) / 10_000)
    assert all(50 < cost < 400 for cost in costs)


def test_counts_repeat_to_the_instruction(run: Run) -> None:
    for arguments in (("forks", "20"), ("threads", "300000"), ("sync", "5")):
        first, second = (run(*arguments).execution for _ in range(2))
        assert first.instructions == second.instructions
        assert (first.tasks, first.switches) == (second.tasks, second.switches)
        assert first.inputs == second.inputs


def test_threads_and_children_belong_to_the_program(run: Run) -> None:
    short, long = (run("threads", rounds).execution for rounds in ("1000000", "2000000"))
    assert short.tasks == long.tasks == 5
    grown = long.instructions.user - short.instructions.user
    assert grown == pytest.approx(8 * 10**6, abs=10_000)  # who waits for whom is not the same
    few, many = (run("forks", str(children)).execution for children in (10, 30))
    assert (few.tasks, many.tasks) == (11, 31)
    grown = many.instructions.user - few.instructions.user
    assert 20 * 200_000 <= grown < 20 * 201_000


def test_the_kernels_own_threads_do_not(run: Run) -> None:
    idle = run("spin", "1000").execution.instructions
    synced = run("sync", "20").execution.instructions
    assert synced.others > idle.others + 100_000  # the journal's commits
    assert synced.user - idle.user < 20_000


def test_an_orphan_is_not_waited_for(run: Run) -> None:
    assert run("orphan").execution.status == 0


def test_carries_and_makes_files(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "my file"
    path.write_bytes(b"its content" * 10_000)
    assert run("show", "my file", files=[path]).stdout.startswith(b"110000 its content")
    done = run("show", "data", made=[MadeFile("data", 3 * MIB, 64 * KIB)])
    assert done.stdout.startswith(b"3145728 ")
    assert done.execution.files == ["data 3MiB filled by 64KiB"]


def test_a_file_may_go_away_while_the_program_runs(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"its content")
    run("show", "file", files=[path])  # from here on there is a saved state

    def remove() -> None:
        await_guest()
        path.unlink()

    remover = threading.Thread(target=remove)
    remover.start()
    done = run("show", "file", files=[path])
    remover.join()
    assert done.stdout.startswith(b"11 its content")
    assert done.execution.files == ["file 11B"]


def test_much_output_comes_while_it_is_written_and_is_never_held(
        bench, kernel, program: Path) -> None:
    """100 MB, in pieces, of which the first comes long before the last."""
    pieces: list[int] = []

    def take(stream: int, content: bytes) -> None:
        assert stream == 1
        assert content.count(b"x") == len(content)
        pieces.append(len(content))

    plan = ExecPlan(program=program, arguments=("flood", "1600"))
    first = execute(kernel("debian:6.18"), plan, bench=bench, sink=take).execution
    assert sum(pieces) == 100 * MIB
    assert max(pieces) <= MIB
    # Who takes it late, or not at all, changes no count.
    again = execute(kernel("debian:6.18"), plan, bench=bench,
                    sink=lambda *_: time.sleep(0.01)).execution
    silent = execute(kernel("debian:6.18"), plan, bench=bench).execution
    assert first.instructions == again.instructions == silent.instructions
    assert first.switches == again.switches == silent.switches


def test_output_comes_before_the_program_ends(bench, kernel, program: Path) -> None:
    came: list[tuple[float, bytes]] = []
    plan = ExecPlan(program=program, arguments=("slow", "5"))
    execute(kernel("debian:6.18"), plan, bench=bench,
            sink=lambda _, content: came.append((time.monotonic(), content)))
    assert b"".join(content for _, content in came) == b"0\n1\n2\n3\n4\n"
    assert len(came) == 5


@pytest.mark.parametrize(("filesystem", "spec"), [
    (Filesystem(block_size=KIB), "debian:6.18"), (Filesystem(kind="xfs"), "debian:6.12")])
def test_other_file_systems(run: Run, filesystem: Filesystem, spec: str) -> None:
    done = run("sync", "2", filesystem=filesystem, spec=spec)
    assert done.execution.status == 0
    assert done.execution.conditions.filesystem == filesystem


@pytest.mark.parametrize("asleep", ["", "1"])
def test_a_program_that_does_not_end_is_given_up(run: Run, program: Path, asleep: str) -> None:
    begin = time.monotonic()
    with pytest.raises(GivenUpError) as caught:
        run("endless", asleep, seconds=8)
    assert time.monotonic() - begin < 100
    assert f"{program} was given up after 8 seconds (--timeout)" in str(caught.value)
    executed = caught.value.executed
    assert caught.value.stdout == b"so far\n"
    assert not caught.value.interrupted
    assert executed.execution.signal == signal.SIGKILL
    assert executed.execution.instructions.user > 1000


def test_the_guests_own_start_is_none_of_a_programs_time(run: Run) -> None:
    with pytest.raises(GivenUpError, match=r"given up after 0\.01 seconds"):
        run("endless", "1", seconds=0.01)


def test_the_command_shows_what_a_program_came_to_that_was_given_up(program: Path) -> None:
    done = CliRunner().invoke(group, ["exec", "debian:6.18", "--timeout", "5", "--", str(program),
                                      "endless"], standalone_mode=False)
    assert isinstance(done.exception, GivenUpError)
    assert done.stdout == "so far\n"
    assert "of the program in user mode" in done.stderr


@pytest.mark.parametrize(("how", "said"), [
    ("0", "reset or powered off"), ("1", "halted or powered off"), ("2", "halted or powered off")])
def test_a_program_that_ends_the_guest_ends_the_run_at_once(run: Run, how: str, said: str) -> None:
    with pytest.raises(GuestError, match=said):
        run("reboot", how)  # else after the 600 seconds that it has


def test_words_of_the_probes_are_a_programs_own(run: Run, tmp_path: Path, program: Path) -> None:
    done = run("pretend")
    assert done.stderr == b"cannot run it: Exec format error\n"
    assert done.execution.status == 127
    broken = tmp_path / "broken"
    content = bytearray(program.read_bytes())
    content[0x36] = 64  # e_phentsize, which the kernel looks at
    broken.write_bytes(content)
    with pytest.raises(GuestError, match="the kernel does not run the program: Exec format"):
        run("say", program=broken)


@pytest.mark.parametrize("make", [
    lambda path: path.symlink_to("/dev/zero"), os.mkfifo, Path.mkdir,
    lambda path: (path.touch(), os.truncate(path, 1 << 40))])
def test_refuses_endless_and_huge_input(run: Run, tmp_path: Path,
                                        make: Callable[[Path], object]) -> None:
    path = tmp_path / "input"
    make(path)
    with pytest.raises(UsageError, match=f"cannot read the program {path}"):
        run("say", program=path)
    with pytest.raises(UsageError, match=f"cannot read the file {path}"):
        run("say", files=[path])


def test_files_that_find_no_room_together_are_refused_before_a_guest_begins(
        run: Run, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, 200 * MIB)
    with pytest.raises(UsageError, match="512 MiB"):
        run("say", files=[path], made=[MadeFile(name, 160 * MIB) for name in "ab"])


def test_refuses_what_no_guest_can_run(bench, kernel, tmp_path: Path, program: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/nowhere/sh\n")
    cut = tmp_path / "cut"
    cut.write_bytes(program.read_bytes()[:40])
    for path, complaint in (
            (tmp_path / "none", "cannot read"), (tmp_path, "cannot read"),
            (cut, "no ELF"), (script, "the interpreter '/nowhere/sh', which is not")):
        with pytest.raises(UsageError, match=complaint):
            execute(kernel("debian:6.18"), ExecPlan(program=path), bench=bench)
    good = ExecPlan(program=program)
    for wrong, complaint in (
            (replace(good, arguments=["x"] * 4096), "4096 arguments"),
            (replace(good, arguments=["\0"]), "NUL"), (replace(good, seconds=0), "--timeout 0"),
            (replace(good, seconds=float("nan")), "--timeout nan"),
            (replace(good, seconds=float("inf")), "--timeout inf"),
            (replace(good, made=[MadeFile("a/b", 1)]), "a/b"),
            (replace(good, made=[MadeFile("a", 0)]), "--make a"),
            (replace(good, files=[program, program]), "once"),
            (replace(good, files=[tmp_path / "none"]), "cannot read the file")):
        with pytest.raises(UsageError, match=complaint):
            execute(kernel("debian:6.18"), wrong, bench=bench)


def test_a_file_that_finds_no_room_is_an_error(run: Run) -> None:
    with pytest.raises(GuestError, match="No space left on device"):
        run("say", made=[MadeFile(name, 200 * MIB) for name in "abc"])


def test_the_command_passes_on_output_status_and_counts(program: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    done = CliRunner().invoke(group, ["exec", "debian:6.18", "-o", str(record), "--make",
                                      "data:1MiB", "--", str(program), "say", "--json", "-c"])
    assert done.exit_code == 0
    assert done.stdout.startswith(f"[{program}][say][--json][-c]")
    assert "of the kernel on its behalf" in done.stderr
    read = read_program_record(record)
    assert read.command == [str(program), "say", "--json", "-c"]
    assert f"{read.kernels[0].user:,} of the program" in done.stderr
    done = CliRunner().invoke(group, ["exec", "debian:6.18", "--", str(program), "status", "3"])
    assert done.exit_code == 3
    done = CliRunner().invoke(group, ["exec", "debian:6.18", "--", str(program), "signal", "9"])
    assert done.exit_code == 137


def test_ctrl_c_ends_the_program_with_what_was_counted_so_far(program: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tailwalk", "exec", "debian:6.18", "--", str(program), "endless"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "so far\n"  # while it runs
    found = guests(process.pid)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "of the program in user mode" in errors
    assert "ended by SIGKILL" in errors
    assert "Traceback" not in errors
    assert found and all(map(gone, found))


def test_a_second_ctrl_c_does_not_wait(program: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tailwalk", "exec", "debian:6.18", "--", str(program), "endless"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    found = guests(process.pid)
    for one in found:  # a guest that does not answer any more
        os.kill(one, signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert found and all(map(gone, found))
