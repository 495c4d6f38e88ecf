# SPDX-License-Identifier: GPL-2.0-or-later
"""The CPU of the exact rig's guests, and the code that kernels choose by it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tailwalk.cases import Filesystem, find_cases
from tailwalk.errors import UsageError
from tailwalk.kernels import Kernel
from tailwalk.kernels.modules import load_order
from tailwalk.lab.lab import Lab
from tailwalk.machines import GUEST
from tailwalk.programs.plan import ExecPlan
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.exact import measure
from tailwalk.rigs.exec import execute
from tailwalk.rigs.plan import Plan
from tailwalk.rigs.running import Gathered
from tailwalk.runs import write_run
from tailwalk.runs.record import grouped_notes

pytestmark = pytest.mark.guest

KERNELS = ("debian:6.1", "debian:6.12", "debian:6.18", "debian:7.3")
OLD_CPU = "qemu64,-cx16"
SEED = Plan(cases=find_cases(["seed"]))
PROGRAM = """
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	char line[8192];
	FILE *info = fopen("/proc/cpuinfo", "r");

	(void)argv;
	while (fgets(line, sizeof(line), info))
		if (strncmp(line, "flags", 5) == 0)
			fputs(line, stdout);
	for (int i = 0; argc > 1 && i < 200; i++) { /* names written to directories: metadata */
		snprintf(line, sizeof(line), "file%d", i);
		close(open(line, O_CREAT | O_WRONLY, 0600));
		unlink(line);
	}
	return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("program")
    (folder / "names.c").write_text(PROGRAM)
    subprocess.run(["cc", "-O2", "-static", "-o", "names", "names.c"], cwd=folder, check=True)
    return folder / "names"


def with_cpu(bench: Bench, cpu: str) -> Bench:
    return replace(bench, machine=replace(bench.machine, cpu=cpu))


@pytest.mark.parametrize("spec", KERNELS)
def test_the_six_cases_do_not_depend_on_it(spec: str, kernel: Callable[[str], Kernel],
                                           bench: Bench) -> None:
    [now] = measure([kernel(spec)], SEED, bench=bench)
    [then] = measure([kernel(spec)], SEED, bench=with_cpu(bench, OLD_CPU))
    assert [figure.main.value for figure in now.run.figures] == [
        figure.main.value for figure in then.run.figures]
    assert now.run.conditions.machine["cpu features"] == GUEST.cpu
    assert now.run.conditions.machine["cpu"] == "x86-64-v3 without CX16"


@pytest.mark.parametrize(("spec", "code", "old"), [
    ("debian:6.1", "crc32c-intel", "crc32c-generic"),
    ("debian:6.12", "crc32c-intel", "crc32c-generic"),
    ("debian:6.18", "the kernel's library, by instructions of the CPU",
     "the kernel's library, for any CPU"),
    ("debian:7.3", "the kernel's library, by instructions of the CPU",
     "the kernel's library, for any CPU"),
])
def test_metadata_is_summed_by_the_cpus_instruction(
        spec: str, code: str, old: str, kernel: Callable[[str], Kernel], bench: Bench,
        program: Path) -> None:
    """What a record says of the code is what the code costs: a second way of looking."""
    said, cost = {}, {}
    for cpu in (GUEST.cpu, OLD_CPU):
        there = with_cpu(bench, cpu)
        counted = [execute(kernel(spec), ExecPlan(program=program, arguments=names), bench=there)
                   for names in ((), ("names",))]
        said[cpu] = counted[0].execution.kernel.provenance["checksum crc32c"]
        before, after = (one.execution.instructions.kernel for one in counted)
        cost[cpu] = after - before
    assert said == {GUEST.cpu: code, OLD_CPU: old}
    assert cost[OLD_CPU] > 1.3 * cost[GUEST.cpu]


def test_the_guest_has_every_feature(kernel: Callable[[str], Kernel], bench: Bench,
                                     program: Path) -> None:
    said = Gathered()
    execute(kernel("debian:6.12"), ExecPlan(program=program), bench=bench, sink=said.take)
    flags = set(said.stdout.decode().split(":")[1].split())
    wanted = {part[1:].replace(".", "_") for part in GUEST.cpu.split(",") if part[0] == "+"}
    assert wanted <= flags
    assert not {"cx16", "erms", "fsrm"} & flags


def test_a_guest_without_the_module_says_that_it_sums_in_software(
        kernel: Callable[[str], Kernel], bench: Bench, tmp_path: Path) -> None:
    real = kernel("debian:6.12")
    assert real.modules is not None
    modules = tmp_path / "modules"
    for module in load_order(real, ["brd", "ext4"]):
        if module.name != "crc32c_intel":
            (modules / f"{module.name}.ko").parent.mkdir(parents=True, exist_ok=True)
            (modules / f"{module.name}.ko").write_bytes(module.content)
    shutil.copy(real.modules / "modules.builtin", modules)
    lacking = replace(real, modules=modules, digest="without crc32c_intel")
    [found] = measure([lacking], SEED, bench=bench)
    assert found.run.kernel.provenance["checksum crc32c"] == "crc32c-generic"
    assert grouped_notes(found.run) == [
        "crc32c is computed in software by crc32c-generic, though the CPU has an instruction for "
        "it (SSE4.2): what writes metadata is dearer here than on a server"]


def test_a_record_of_another_cpu_is_refused_before_a_kernel_is_fetched(
        kernel: Callable[[str], Kernel], bench: Bench, tmp_path: Path) -> None:
    [old] = measure([kernel("debian:6.12")], SEED, bench=with_cpu(bench, OLD_CPU))
    write_run(old.run, tmp_path / "old.json")
    with pytest.raises(UsageError, match=r"\(not measured yet\) cannot be compared .*: cpu is "):
        Lab().runs([str(tmp_path / "old.json"), "debian:2.6"])


@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_other_file_systems_sum_by_it_too(kind: str, kernel: Callable[[str], Kernel],
                                          bench: Bench) -> None:
    plan = replace(SEED, filesystem=Filesystem(kind=kind))
    [found] = measure([kernel("debian:6.12")], plan, bench=bench)
    assert found.run.kernel.provenance["checksum crc32c"] == "crc32c-intel"
    assert grouped_notes(found.run) == []
