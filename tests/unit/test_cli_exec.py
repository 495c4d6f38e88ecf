# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk exec` on the command line: what is said of a program that a made-up guest ran."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from made_lab import MadeLab
from made_runs import made_case, made_figure, made_run
from results import error

from tailwalk.cli import group
from tailwalk.rigs.exec import ExecPlan, Executed, MadeFile
from tailwalk.runs.execution import Execution, Instructions

RUN = made_run("debian:6.18", [made_figure(made_case(), 2000)])
ENDED = Execution(
    tailwalk="0.1.0", created="2026-07-01T12:00:00Z", kernel=RUN.kernel, conditions=RUN.conditions,
    command=["./program", "--fast"], program="ab" * 32, files=[], status=0, signal=None,
    instructions=Instructions(user=1000, kernel=3000, others=70), tasks=1, switches=2,
    inputs="0" * 64)


@dataclass(frozen=True, kw_only=True)
class ExecLab(MadeLab):
    """A lab in which every program ends like `ended`."""

    ended: Execution
    plans: list[tuple[str, ExecPlan, int]] = field(default_factory=list)

    def execute(self, spec: str, plan: ExecPlan, *, memory: int = 1024) -> Executed:
        self.plans.append((spec, plan, memory))
        return Executed(self.ended, b"its output\n", b"its complaint\n")


def execute(*options: str, **ended: object) -> tuple[ExecLab, Result]:
    lab = ExecLab(run=lambda *_: pytest.fail("measured"),
                  ended=msgspec.structs.replace(ENDED, **ended))
    return lab, CliRunner().invoke(
        group, ["exec", *options, "debian:6.18", "--", "./program", "--fast"], obj=lab)


def test_output_is_the_programs_and_the_counts_go_to_standard_error() -> None:
    lab, done = execute("--make", "data:1MiB:4KiB", "--memory", "512")
    assert (done.exit_code, done.stdout) == (0, "its output\n")
    assert done.stderr.startswith("its complaint\ntailwalk: 4,000 instructions: 1,000 of the prog")
    assert "3,000 of the kernel on its behalf (75.0%)" in done.stderr
    assert "70 of the kernel's own threads meanwhile; 1 task, 2 context switches" in done.stderr
    assert "exit status 0 on debian:6.18 (6.18.15+deb13-cloud-amd64), ext4" in done.stderr
    [(spec, plan, memory)] = lab.plans
    assert (spec, plan.program, plan.arguments, memory) == (
        "debian:6.18", Path("program"), ("--fast",), 512)
    assert plan.made == [MadeFile("data", 1 << 20, 4096)]


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
    execute("-o", str(tmp_path / "record.json"))
    assert msgspec.json.decode((tmp_path / "record.json").read_bytes(), type=Execution) == ENDED


@pytest.mark.parametrize("made", ["data", "data:1MiB:4KiB:9"])
def test_a_file_to_make_has_a_name_and_a_size(made: str) -> None:
    _, done = execute("--make", made)
    assert f"--make {made}: write NAME:SIZE" in str(error(done))
