# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program asks of a kernel, call by call: numbers that are known, and figures that cases
have too."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tailwalk.cases import Filesystem, find_cases
from tailwalk.compare.program import ComparedProgram, compare_program, nodes_of, parts
from tailwalk.programs.plan import ExecPlan
from tailwalk.rigs.exact import measure
from tailwalk.rigs.exec import execute
from tailwalk.rigs.plan import Plan
from tailwalk.rigs.programs import Asked, program_record
from tailwalk.rigs.running import Gathered
from tailwalk.runs.program import CallRow

pytestmark = pytest.mark.guest

SOURCE = Path(__file__).parent / "calls.c"
KERNELS = ("debian:6.12", "debian:6.18", "debian:7.3", "src:6.18")
KNOWN = {
    ("getppid", "", None): 101, ("pwrite64", "ext4", 1024): 102, ("pread64", "ext4", 1024): 103,
    ("lseek", "ext4", None): 104, ("fstat", "ext4", None): 105, ("fdatasync", "ext4", None): 106,
    ("pwritev", "ext4", None): 107, ("preadv", "ext4", None): 108, ("fcntl", "", None): 109,
    ("access", "", None): 110, ("ftruncate", "ext4", None): 11, ("getuid", "", None): 112,
    ("rt_sigprocmask", "", None): 113, ("umask", "", None): 114, ("madvise", "", None): 115,
    ("write", "pipe", 128): 116, ("read", "pipe", 128): 116, ("sendto", "socket", 2048): 117,
    ("recvfrom", "socket", 2048): 117, ("dup", "", None): 18, ("close", "", None): 18,
    ("write", "ext4", 1 << 20): 10,
}
USER = 8
"""Instructions in user mode that a case's call has round it."""
BY_STATE = 6
"""Instructions that depend on the state of the file: ext4_nonda_switch asks how full the file
system is, atime_needs_update in which order the file was last written and read."""


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calls") / "calls"
    header = Path(__file__).parents[2] / "src/tailwalk/region"
    subprocess.run(["cc", "-static", "-O1", "-w", f"-I{header}", "-o", path, SOURCE], check=True)
    return path


@pytest.fixture
def count(bench, kernel, program: Path) -> Callable[..., object]:
    def count(spec: str, *arguments: str):
        return execute(kernel(spec), ExecPlan(program=program, arguments=arguments),
                       bench=bench).counted

    return count


def rows(counted) -> dict[tuple[str, str, int | None], CallRow]:
    return {(row.call, row.file, row.size): row for row in counted.calls if row.kind == "call"}


@pytest.mark.parametrize("spec", KERNELS)
def test_calls_are_as_many_as_were_made_and_cost_what_cases_do(count, bench, kernel,
                                                               spec: str) -> None:
    counted = count(spec)
    found = rows(counted)
    assert {name: found[name].count for name in KNOWN} == KNOWN
    assert counted.unattributed <= counted.totals.kernel / 1000
    cases = {"pwrite_u1k": ("pwrite64", "ext4", 1024), "pread_u1k": ("pread64", "ext4", 1024)}
    for figure in measure([kernel(spec)], Plan(cases=find_cases(list(cases))),
                          bench=bench)[0].run.figures:
        each = found[cases[figure.case.name]].median
        assert abs(each + USER - figure.main.value) <= BY_STATE, figure.case.name


@pytest.mark.parametrize("spec", ["debian:6.1", "debian:6.12", "debian:6.18", "debian:7.3"])
def test_calls_of_a_program_of_32_bits_have_names(bench, kernel, tmp_path: Path,
                                                  spec: str) -> None:
    made, source = tmp_path / "compat", Path(__file__).with_name("compat.s")
    subprocess.run(["as", "--32", "-o", tmp_path / "compat.o", source], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-o", made, tmp_path / "compat.o"], check=True)
    plan = ExecPlan(program=Path("/bin/sh"), arguments=["-c", "./compat"], files=[made])
    [found] = program_record([[execute(kernel(spec), plan, bench=bench)]]).kernels
    calls = {(row.call, row.file): row for row in found.calls}
    assert {key: row.count for key, row in calls.items() if key[0].endswith(" (32-bit)")} == {
        ("getpid (32-bit)", ""): 70, ("creat (32-bit)", "ext4"): 1,
        ("write (32-bit)", "ext4"): 60, ("exit (32-bit)", ""): 1}
    assert (found.status, found.wrote) == (0, 60 * 6)
    assert "other entry" not in {row.call for row in found.calls}
    assert found.unattributed <= found.kernel / 1000


def compared(bench, kernel, program: Path, argument: str, *specs: str,
             filesystem: Filesystem | None = None) -> ComparedProgram:
    plan = ExecPlan(program=program, arguments=[argument], filesystem=filesystem or Filesystem())
    return compare_program(program_record([[execute(kernel(spec), plan, bench=bench)]
                                           for spec in specs]))


def test_the_first_write_to_a_folio_that_was_read_in_is_dearer(bench, kernel, program) -> None:
    found = compared(bench, kernel, program, "touch", "debian:6.12", "debian:6.18")
    call = next(call for call in found.calls if call.row.call == "pwrite64")
    assert (call.row.file, call.row.size, call.verdicts) == ("ext4", 4096, ["regressed"])
    each = call.each
    assert 3 < each[1] / each[0] < 8
    nodes = nodes_of(found, [call], [0, 1])
    below = {node.name: node.inclusive for node in nodes}
    assert below["create_empty_buffers"][1] > 0.5 * call.change(1)


def below(compared: ComparedProgram, call: str) -> dict[str, tuple[float, float]]:
    """Instructions that each call of a name takes in a function with all it calls, on both."""
    [found] = [one for one in compared.calls if one.row.call == call]
    sums: dict[str, tuple[float, float]] = {}
    for node in nodes_of(compared, [found], [0, 1]):
        before = sums.get(node.name, (0, 0))
        sums[node.name] = tuple(one + count / found.row.count for one, count in zip(
            before, node.inclusive, strict=True))
    return sums


def test_a_subtree_of_small_functions_is_one_row(bench, kernel, program) -> None:
    """Whether privileges have to be removed: of a file with checksums 6.12 makes no direct
    writes."""
    for options, direct in (("nodatasum", True), ("", False)):
        found = compared(bench, kernel, program, "direct", "debian:6.1", "debian:6.12",
                         filesystem=Filesystem(kind="btrfs", mount_options=options))
        assert found.calls and "regressed" in next(
            call.verdicts for call in found.calls if call.row.call == "pwrite64")
        sums = below(found, "pwrite64")
        assert sums["file_remove_privs"][0] < 50
        assert ("btrfs_buffered_write" not in sums) == direct
        if direct:
            assert 450 < sums["file_remove_privs"][1] < 550
        for one in found.program.kernels:
            assert one.undisked == "" and one.disk.written >= 4 << 20


def test_a_sync_after_an_overwrite_walks_the_whole_ring(bench, kernel, program) -> None:
    found = compared(bench, kernel, program, "sync", "src:6.18", "src:6.18+tail")
    verdicts = {call.row.call: call.verdicts for call in found.calls}
    assert (verdicts["pwrite64"], verdicts["fdatasync"]) == (["improved"], ["unchanged"])
    sums = below(found, "fdatasync")
    for function in ("ext4_bio_write_folio", "ext4_finish_bio", "mpage_process_page_bufs"):
        assert sums[function][0] == sums[function][1] > 15_000
    found = compared(bench, kernel, program, "sync", "debian:6.12", "debian:6.18")
    each = {call.row.call: call.each for call in found.calls}
    assert all(5 < each[call][1] / each[call][0] < 10 for call in ("pwrite64", "fdatasync"))
    sums = below(found, "fdatasync")
    assert sums["ext4_finish_bio"][1] > 10 * sums["ext4_finish_bio"][0]


def test_a_kernel_that_waits_for_writeback_in_a_write_is_seen_to(bench, kernel, program) -> None:
    found = compared(bench, kernel, program, "extend", "debian:6.12", "debian:6.18",
                     filesystem=Filesystem(kind="xfs"))
    waits, does_not = (one.switches for one in found.program.kernels)
    assert waits > 500 > 10 * does_not
    call = next(call for call in found.calls if call.row.call == "pwrite64")
    assert call.verdicts == ["improved"]
    largest = parts(nodes_of(found, [call], [0, 1]))[0]
    assert largest.path[-1] == "filemap_write_and_wait_range"
    assert largest.change < 0.8 * call.change(1) < 0
    threads = {call.row.call: call.instructions for call in found.calls
               if call.row.kind == "thread"}
    assert threads["xfs"][0] > 100 * threads["xfs"][1]


def test_counts_repeat_to_the_instruction(count) -> None:
    first, second = (count("debian:6.18") for _ in range(2))
    assert first.calls == second.calls
    assert first.totals == second.totals


def test_a_region_is_counted_alone(count) -> None:
    counted = count("debian:6.12", "40")
    found = rows(counted)
    assert {name: row.count for name, row in found.items()} == {("pwrite64", "ext4", 1024): 40}
    assert sum(times for _, times in counted.regions.values) == 40
    value, times = max(counted.regions.values, key=lambda pair: pair[1])
    assert times > 30
    each = found["pwrite64", "ext4", 1024].median
    assert each < value < each + 20
    assert counted.totals.user < 40 * 20


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
@pytest.mark.parametrize("spec", KERNELS)
def test_the_disk_is_asked_for_what_the_kernel_says(bench, kernel, program, spec: str,
                                                    kind: str) -> None:
    output = Gathered()
    [found] = program_record([[execute(
        kernel(spec), ExecPlan(program=program, arguments=["disk"],
                               filesystem=Filesystem(kind=kind)),
        bench=bench, sink=output.take)]]).kernels
    assert found.wrote == (4 << 20) + 16 * 8192 + 1000
    assert 20 <= found.disk.flushes <= 24
    assert found.amplification > 1
    written, read = map(int, output.stdout.split())
    if spec.startswith("debian"):
        # It counts sectors of 512 bytes, and tells whole KiB.
        assert abs(found.disk.written - 1024 * written) <= 512
        assert abs(found.disk.read - 1024 * read) <= 512
    else:
        assert (written, read) == (0, 0)  # CONFIG_VM_EVENT_COUNTERS is off
        assert found.disk.read >= 4 << 20
    calls = {(row.call, row.kind): row for row in found.calls}
    assert calls["fsync", "call"].disk.written >= 4 << 20
    assert calls["fdatasync", "call"].disk.written >= 16 * 8192
    assert calls["fdatasync", "call"].disk.flushes + sum(
        row.disk.flushes for row in found.calls if row.disk and row.kind == "thread") >= 16
    assert calls["pread64", "call"].disk.read >= 4 << 20


@pytest.mark.parametrize("spec", ["debian:6.12", "debian:7.3", "src:6.18"])
def test_two_cpus_are_counted_side_by_side(bench, kernel, program, spec: str) -> None:
    plan = ExecPlan(program=program, arguments=["two"])
    asked = Asked(plan=plan, cpus=2, repeat=2).check()
    several = replace(bench, machine=asked.machine(bench.machine))
    record = program_record([[execute(kernel(spec), plan, bench=several) for _ in range(2)]])
    [found] = record.kernels
    assert (record.exact, found.cpus, found.status, found.tasks) == (False, 2, 0, 2)
    assert record.conditions.machine["cpus"] == "2"
    calls = {(row.call, row.file): row for row in found.calls if row.kind == "call"}
    for name, count in {("getppid", ""): 3000, ("getuid", ""): 500, ("pwrite64", "ext4"): 800,
                        ("fdatasync", "ext4"): 2, ("wait4", ""): 1}.items():
        assert calls[name].count == count
    getppid = calls["getppid", ""]
    # What it takes does not depend on other CPUs. On its way out a call may let another task run,
    # and how often one asks for that depends on the machine's time.
    assert getppid.median == getppid.high
    assert 3000 * getppid.median <= getppid.instructions < 1.1 * 3000 * getppid.median
    low, high = found.spread
    assert low <= found.kernel + found.others <= high
    assert "idle" in {row.call for row in found.calls}
    assert found.unattributed <= found.kernel / 1000
    assert found.disk.written > 0 and found.wrote == 800 * 1024


def test_memory_beyond_what_devices_leave_is_read_too(bench, kernel, program) -> None:
    """The kernel takes memory from the top: registers and requests lie beyond the hole."""
    large = replace(bench, machine=replace(bench.machine, memory=4096))
    [found] = program_record([[execute(kernel("debian:6.12"), ExecPlan(
        program=program, arguments=["disk"]), bench=large)]]).kernels
    assert found.undisked == "" and found.disk.flushes >= 20
    assert found.disk.written > found.wrote == (4 << 20) + 16 * 8192 + 1000
    assert {row.size for row in found.calls if row.call in ("write", "pwrite64", "pread64")
            and row.file == "ext4"} == {8192, 1 << 20}
