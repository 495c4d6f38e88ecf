# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs on kernels, made up for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from made_runs import made_run
from msgspec.structs import replace

from tailwalk.kernels.symbols import packed_names
from tailwalk.runs.program import CallRow, FunctionCount, Kind, Program, ProgramOnKernel

Paths = Mapping[str, int]
"""Instructions by call path: functions separated by `>`, callers before callees."""


def made_row(call: str, count: int, paths: Paths, *, file: str = "", size: int | None = None,
             kind: Kind = "call", program: bool = True,
             spread: tuple[int, int] | None = None) -> CallRow:
    own: Counter[str] = Counter()
    for path, instructions in paths.items():
        own[path.split(">")[-1]] += instructions
    names = [name for name, _ in sorted(own.items(), key=lambda item: (-item[1], item[0]))]
    at = {path: number for number, path in enumerate(paths)}
    total = sum(paths.values())
    each = total // count if count else None
    return CallRow(
        kind=kind, call=call, file=file, size=size, program=program, count=count,
        instructions=total, median=each, high=each, spread=spread,
        functions=[FunctionCount(function=name, instructions=own[name]) for name in names],
        tree=[(names.index(path.split(">")[-1]), at.get(path.rpartition(">")[0], -1), max(count, 1),
               instructions) for path, instructions in paths.items()])


def made_on_kernel(spec: str, rows: Sequence[CallRow], *, user: int = 1000, release: str = "",
                   symbols: Sequence[str] = (), **changed: object) -> ProgramOnKernel:
    driver = sum(row.instructions for row in rows if row.kind == "driver")
    others = sum(row.instructions for row in rows if row.kind != "driver" and not row.program)
    names = {function.function for row in rows for function in row.functions}
    return ProgramOnKernel(**{
        "spec": spec, "release": release or spec.partition(":")[2],
        "digest": f"{release}{spec}", "provenance": {}, "repetitions": 1, "user": user,
        "driver": driver, "others": others,
        "kernel": sum(row.instructions for row in rows) - driver - others, "unattributed": 0,
        "tasks": 1, "switches": 2, "status": 0, "signal": None, "calls": list(rows),
        "regions": None, "symbols": packed_names(frozenset({*names, *symbols})),
        "inputs": "0" * 64, **changed})


def made_program(*kernels: ProgramOnKernel) -> Program:
    return Program(
        tailwalk="0.1.0", created="2026-07-01T12:00:00Z", command=["./program", "--fast"],
        program="ab" * 32, files=[], kernels=list(kernels),
        conditions=made_run("debian:6.18", []).conditions)


def made_on_several_cpus(*kernels: ProgramOnKernel) -> Program:
    """Of counts that are not exact: two runs or more on two CPUs, alike unless a spread says
    otherwise."""
    program = made_program(*(replace(
        kernel, repetitions=max(kernel.repetitions, 2),
        spread=kernel.spread or (kernel.kernel + kernel.others,) * 2,
        calls=[replace(row, spread=row.spread or (row.instructions,) * 2)
               for row in kernel.calls]) for kernel in kernels))
    return replace(program, exact=False, conditions=replace(
        program.conditions, machine={**program.conditions.machine, "cpus": "2"}))


OLD = made_on_kernel("debian:6.12", release="6.12.95+deb13-cloud-amd64", rows=[
    made_row("pwrite64", 300, {"entry": 30_000, "entry>ext4_file_write_iter": 500_000,
                               "entry>ext4_file_write_iter>block_write": 120_000},
             file="ext4", size=1024),
    made_row("fdatasync", 20, {"entry": 2000, "entry>ext4_sync_file": 180_000}, file="ext4"),
    made_row("getppid", 300, {"entry": 94_800}),
    made_row("page fault", 40, {"asm_exc_page_fault": 48_000}, file="anonymous", kind="exception"),
    made_row("jbd2", 0, {"kjournald2": 65_000}, kind="thread", program=False),
    made_row("disk's driver", 0, {"brd_submit_bio": 400_000}, kind="driver"),
])
NEW = made_on_kernel("debian:6.18", release="6.18.15+deb13-cloud-amd64", rows=[
    made_row("pwrite64", 300, {"entry": 30_000, "entry>ext4_file_write_iter": 510_000,
                               "entry>ext4_file_write_iter>block_write": 2_790_000},
             file="ext4", size=1024),
    made_row("fdatasync", 20, {"entry": 2000, "entry>ext4_sync_file": 110_000}, file="ext4"),
    made_row("getppid", 300, {"entry": 87_300}),
    made_row("page fault", 41, {"asm_exc_page_fault": 50_000}, file="anonymous", kind="exception"),
    made_row("jbd2", 0, {"kjournald2": 66_000}, kind="thread", program=False),
    made_row("damon", 0, {"kdamond_fn": 150_000}, kind="thread", program=False),
    made_row("disk's driver", 0, {"brd_submit_bio": 600_000}, kind="driver"),
])
