# SPDX-License-Identifier: GPL-2.0-or-later
"""What the plugin `calls` wrote of a program, as rows with names."""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from tailwalk.errors import GuestError, KernelError
from tailwalk.files import file_in_memory
from tailwalk.framing import Frame, FrameType, read_output
from tailwalk.kernels import Kernel
from tailwalk.kernels.symbols import UNKNOWN
from tailwalk.programs.plan import text_of
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.labels import PAGE_FAULT, Labels, kept_labels
from tailwalk.rigs.recording import watched
from tailwalk.runs.program import CallRow, FunctionCount, Kind, Repetitions, Requests
from tailwalk.vm.filesystem import RAM_DISK
from tailwalk.vm.guest import Guest, Job
from tailwalk.vm.memory import Saved
from tailwalk.vm.state import Booted

_TOTALS = struct.Struct("<11Q")
_ROW = struct.Struct("<4BI4Q6Q")
_VALUE = struct.Struct("<2Q")
_STEP = struct.Struct("<2IQ")
_NODE = struct.Struct("<2I")

_REGION = 7
_COMPAT_CALL = 9
_KINDS: dict[int, Kind] = {1: "call", 2: "exception", 3: "interrupt", 4: "beginning", 5: "thread",
                           6: "driver", 8: "other", _COMPAT_CALL: "call"}
"""As in plugins/calls/rows.h."""

_HIGH = 0.9

WRITES = ("write", "pwrite64", "writev", "pwritev", "pwritev2", "copy_file_range")
"""Calls that give the number of bytes that they wrote to a file, which is of the kind that they
come to first."""


class Totals(NamedTuple):
    """As in plugins/calls/tasks.h."""

    user: int
    kernel: int
    others: int
    driver: int
    probe: int
    unknown: int
    tasks: int
    switches: int
    unread: int = 0
    disk: int = 1
    cpus: int = 1


@dataclass(frozen=True, kw_only=True)
class CountedProgram:
    """What was executed from the program's begin to its end, and the names of all functions of the
    kernel."""

    totals: Totals
    calls: Sequence[CallRow]
    regions: Repetitions | None
    symbols: frozenset[str] = frozenset()

    @property
    def unattributed(self) -> int:
        """Instructions that no row or no function is known of."""
        return self.totals.unknown + sum(
            function.instructions for row in self.calls for function in row.functions
            if function.function == UNKNOWN.name)


@contextmanager
def counting_calls(bench: Bench, kernel: Kernel, booted: Booted,
                   job: Job, *, plugin: Path, state: Saved | None = None,
                   between: tuple[str, str] = ("", "")) -> (
        Generator[tuple[Guest, Callable[[], CountedProgram]]]):
    """A guest whose program the `plugin` counts, and what reads the counts when it has ended. It
    goes on as `watched`; `between` are the calls after and before which is counted, where such are
    named, or texts on standard output (`ExecPlan`).

    Raises UsageError for a call that the kernel has not, and as `watched`, `kept_labels` and
    `read_counts`.
    """
    labels = kept_labels(bench, kernel, booted)
    texts = [text_of(name) for name in between]
    numbers = ":".join(str(labels.call(name) if text is None else 0)
                       for name, text in zip(between, texts, strict=True))
    writers = ["write", "writev"] if any(text is not None for text in texts) else ["", ""]
    sought = ":".join([*(str(labels.call(name)) for name in writers),
                       *(f".{(text or b'').hex()}" for text in texts)])
    table = file_in_memory("the functions of a kernel")
    with os.fdopen(table, "wb") as stream:
        stream.write(labels.table)
        stream.flush()
        with watched(bench, kernel, booted, job, state=state, inherited=[table], plugins=[
                (plugin, f",table={table}{labels.arguments},between={numbers}"
                              f",memory={bench.machine.memory_bytes}"
                              f",disk={Path(RAM_DISK).name},texts={sought}")]) as (
                guest, outputs):
            yield guest, lambda: replace(
                read_counts(outputs()[0], labels, kernel.spec), symbols=labels.names)


def read_counts(output: bytes, labels: Labels, kernel: str) -> CountedProgram:
    """What the plugin counted; `kernel` names the kernel in errors.

    Raises GuestError where the result is torn or does not add up, KernelError for a kernel that
    changes tasks in an unknown way.
    """
    frames = list(read_output(output))
    found = [frame for frame in frames if frame.type is FrameType.TASKS]
    if not found:
        raise GuestError("the plugin has not counted to the program's end: the result is torn. "
                         "Run it again.")
    totals = Totals(*found[-1].unpack(FrameType.TASKS, _TOTALS))
    if not totals.switches:
        raise KernelError(f"the plugin saw no context switch on {kernel}: this kernel changes "
                          "tasks in a way that it does not know, so that instructions cannot be "
                          "told apart.")
    nodes: list[tuple[int, int]] = []
    calls, regions = [], None
    for frame in frames:
        if frame.type is FrameType.NODES:
            nodes = list(_NODE.iter_unpack(frame.payload))
        elif frame.type is FrameType.ROW:
            kind, values = frame.payload[0], _values(frame)
            if kind == _REGION:
                regions = Repetitions(values=sorted(values))
            else:
                calls.append(_call(frame, values, nodes, labels))
    shares = ["driver" if row.kind == "driver" else "kernel" if row.program else "others"
              for row in calls]
    sums = [sum(row.instructions for row, share in zip(calls, shares, strict=True)
                if share == wanted) for wanted in ("kernel", "others", "driver")]
    if sums != [totals.kernel, totals.others, totals.driver]:
        raise GuestError(f"the books do not balance on {kernel}: the program's calls, other "
                         f"threads and the disk's driver add up to {sums}, and the plugin counted "
                         f"{[totals.kernel, totals.others, totals.driver]}.")
    return CountedProgram(totals=totals, regions=regions, calls=sorted(
        calls, key=lambda row: (-row.instructions, row.name)))


def _values(frame: Frame) -> list[tuple[int, int]]:
    number = _ROW.unpack_from(frame.payload)[7]
    return list(_VALUE.iter_unpack(frame.payload[_ROW.size:_ROW.size + number * _VALUE.size]))


def _call(frame: Frame, values: Sequence[tuple[int, int]], nodes: Sequence[tuple[int, int]],
          labels: Labels) -> CallRow:
    kind, file, size, program, number, count, instructions, _, steps, *asked, result = (
        _ROW.unpack_from(frame.payload))
    name = _KINDS[kind]
    begin = len(frame.payload) - steps * _STEP.size
    functions, tree = _tree(_STEP.iter_unpack(frame.payload[begin:]), nodes, labels.functions)
    call = _name(name, number, labels)
    # In a page fault that is of no file memory is: the function that takes it may be inlined.
    nothing = "anonymous" if call == PAGE_FAULT else ""
    return CallRow(
        kind=name, call=f"{call} (32-bit)" if kind == _COMPAT_CALL else call,
        file=(labels.files[file] if file < len(labels.files) else "") or nothing,
        size=None if not size else 0 if size == 1 else 1 << size - 2,
        program=bool(program), count=count, instructions=instructions,
        median=_quantile(values, 0.5), high=_quantile(values, _HIGH), spread=None,
        functions=functions, tree=tree,
        disk=Requests(**dict(zip(Requests.__struct_fields__, asked, strict=True))) if any(
            asked) else None,
        wrote=result if name == "call" and call in WRITES else None)


def _name(kind: Kind, number: int, labels: Labels) -> str:
    if kind == "call":
        return labels.calls[number]
    if kind in ("exception", "interrupt", "other"):
        return labels.entries[number]
    if kind == "thread":
        return labels.threads[number]
    return "disk's driver" if kind == "driver" else "beginning of a task"


def _quantile(values: Iterable[tuple[int, int]], share: float) -> int | None:
    ordered = sorted(values)
    left = share * sum(times for _, times in ordered)
    for value, times in ordered:
        left -= times
        if left <= 0:
            return value
    return None


def _tree(steps: Iterable[tuple[int, int, int]], nodes: Sequence[tuple[int, int]],
          names: Sequence[str]) -> tuple[list[FunctionCount], list[tuple[int, int, int, int]]]:
    """The functions, and the paths to them."""
    counts = {node: (entered, count) for node, entered, count in steps}
    used: set[int] = set()
    for node in counts:
        while node not in used:
            used.add(node)
            node = nodes[node][0]
    if 0 not in counts:
        used.discard(0)
    own: Counter[int] = Counter()
    for node in used:
        own[nodes[node][1]] += counts.get(node, (0, 0))[1]
    ordered = sorted(own, key=lambda function: (-own[function], names[function]))
    place = {function: at for at, function in enumerate(ordered)}
    tree: list[tuple[int, int, int, int]] = []
    at: dict[int, int] = {}
    for node in sorted(used):
        parent, function = nodes[node]
        at[node] = len(tree)
        tree.append((place[function], at[parent] if node and parent and parent in at else -1,
                     *counts.get(node, (0, 0))))
    return [FunctionCount(function=names[function], instructions=own[function])
            for function in ordered], tree
