# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs on several CPUs: what is refused, and how counts that are not exact are told."""

from __future__ import annotations

import platform
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from made_exec import ExecLab, made_exec_lab
from made_programs import OLD, made_on_kernel, made_on_several_cpus, made_program, made_row
from rich.console import Console

from tailwalk.cli import group
from tailwalk.compare.program import compare_program, spinning
from tailwalk.errors import KernelError, UsageError
from tailwalk.kernels import Kernel
from tailwalk.programs.plan import ExecPlan
from tailwalk.report.commands import program_commands
from tailwalk.report.program import program_shown
from tailwalk.report.terminal import terminal
from tailwalk.rigs.exec import require_cpus
from tailwalk.rigs.programs import Asked
from tailwalk.runs.program import Program, ProgramOnKernel, joined
from tailwalk.vm.qemu import Machine, kernel_command_line, machine_arguments

PLAN = ExecPlan(program=Path("/bin/true"))


def invoke(lab: ExecLab, *words: str) -> Result:
    return CliRunner().invoke(group, ["exec", *words, "debian:6.12", "--", "./program"], obj=lab)


def text(program: Program) -> str:
    console = Console(width=80, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(terminal(program_shown(compare_program(program)), console))
    return " ".join(captured.get().split())


def test_a_machine_of_several_cpus_runs_in_real_time() -> None:
    machine = Asked(plan=PLAN, cpus=3, repeat=5, memory=512).check().machine(Machine())
    assert (machine.engine, machine.cpus, machine.memory) == ("tcg", 3, 512)
    arguments = " ".join(machine_arguments(machine))
    assert "-accel tcg,thread=multi" in arguments and "-smp 3,sockets=3" in arguments
    assert "-icount" not in arguments
    assert "acpi=off" not in kernel_command_line(machine).split()
    assert "acpi=off" in kernel_command_line(Machine()).split()
    assert Asked(plan=PLAN).machine(Machine()) == Machine()


@pytest.mark.parametrize(("words", "said"), [
    (("--cpus", "0"), "--cpus 0: a guest has 1 to 16"),
    (("--cpus", "-2"), "--cpus -2: a guest has 1 to 16"),
    (("--cpus", "17"), "--cpus 17: a guest has 1 to 16"),
    (("--cpus", "2", "--repeat", "1"), "--repeat 1: with --cpus 2 a run is one of many")])
def test_what_cannot_be_is_refused(words: tuple[str, ...], said: str) -> None:
    lab = made_exec_lab()
    done = invoke(lab, *words)
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
    assert not lab.asked_for


def test_a_machine_that_orders_memory_otherwise_is_refused(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(UsageError, match=r"--cpus 2: QEMU lets several CPUs .* and it is aarch64"):
        Asked(plan=PLAN, cpus=2, repeat=5).check()
    assert Asked(plan=PLAN).check().cpus == 1


def test_runs_on_several_cpus_are_repeated_unless_it_is_said_how_often() -> None:
    lab = made_exec_lab()
    for words in ((), ("--cpus", "2"), ("--cpus", "2", "--repeat", "3")):
        invoke(lab, *words)
    assert [(asked.cpus, asked.repeat) for _, asked in lab.asked_for] == [(1, 1), (2, 5), (2, 3)]


def test_a_kernel_for_one_cpu_is_refused() -> None:
    def kernel(banner: str) -> Kernel:
        return Kernel(spec="src:6.18", release="6.18.15", image=Path("vmlinux"), digest="d",
                      provenance={"banner": banner})

    several = Machine(engine="tcg", cpus=2)
    require_cpus(kernel("Linux version 6.18.15 (a@b) (gcc) #1 SMP PREEMPT"), several)
    require_cpus(kernel("Linux version 6.18.15 (a@b) (gcc) #1 PREEMPT"), Machine())
    with pytest.raises(KernelError, match=r"src:6.18 was built for one CPU \(CONFIG_SMP is off\)"):
        require_cpus(kernel("Linux version 6.18.15 (a@b) (gcc) #1 PREEMPT"), several)


def test_counts_that_are_not_exact_say_so_with_their_spread() -> None:
    rows = [made_row("pwrite64", 10, {"entry": 8000, "entry>osq_lock": 2000},
                     spread=(9000, 12_000)),
            made_row("idle", 0, {"do_idle": 4000}, kind="thread", program=False,
                     spread=(100, 9000))]
    kernel = made_on_kernel("debian:6.12", rows, spread=(13_000, 21_000), cpus=2, repetitions=5)
    assert spinning(kernel) == 2000
    said = text(made_on_several_cpus(kernel))
    for part in ("executed instructions (not exact)", "[9,000, 12,000]", "[13,000, 21,000]",
                 "cpus 2", "not exact with several CPUs every run has other counts",
                 "waiting 2,000 instructions, in the rows"):
        assert part in said
    assert "only one CPU" not in said
    assert "only one CPU executed anything on debian:6.12" in text(made_on_several_cpus(
        msgspec.structs.replace(kernel, cpus=1)))
    assert "not exact" not in text(made_program(kernel))


def test_verdicts_respect_the_spread_and_idle_cpus_have_none() -> None:
    def kernel(spec: str, count: int, idle: int, spread: tuple[int, int]) -> ProgramOnKernel:
        return made_on_kernel(spec, [
            made_row("pwrite64", 10, {"entry": count}, spread=(count - 10, count + 10)),
            made_row("idle", 0, {"do_idle": idle}, kind="thread", program=False,
                     spread=(idle, idle))], spread=spread, cpus=2)

    old, new = (kernel("debian:6.12", 1000, 10, (900, 2000)),
                kernel("debian:6.18", 1500, 900, (1800, 3000)))
    compared = compare_program(made_on_several_cpus(old, new))
    assert compared.verdicts == ["within noise"]
    assert {call.row.call: call.verdicts for call in compared.calls} == {
        "pwrite64": ["regressed"], "idle": [None]}
    assert "[990, 1,010]" not in text(made_on_several_cpus(old, new))  # of one call they are
    assert "[99, 101]" in text(made_on_several_cpus(old, new))
    new = msgspec.structs.replace(new, spread=(2001, 3000))
    apart = compare_program(made_on_several_cpus(old, new))
    assert apart.verdicts == ["regressed"]


def test_exact_counts_and_others_do_not_compare() -> None:
    exact = made_program(OLD)
    several = made_on_several_cpus(msgspec.structs.replace(OLD, spec="debian:6.18"))
    with pytest.raises(UsageError, match=r"debian:6.18 are not exact \(--cpus\) and those on "
                                         "debian:6.12 are. Run the program on all kernels"):
        joined([exact, several])
    assert len(joined([several, several]).kernels) == 2


def test_the_command_that_runs_it_again_has_the_cpus() -> None:
    kernel = msgspec.structs.replace(OLD, repetitions=5)
    assert "--cpus 2 --repeat 5" in program_commands(made_on_several_cpus(kernel), "exec")[0]
    assert "--cpus" not in program_commands(made_program(kernel), "exec")[0]
