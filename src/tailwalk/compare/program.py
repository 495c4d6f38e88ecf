# SPDX-License-Identifier: GPL-2.0-or-later
"""A program on several kernels: which of its calls became dearer, and which functions and which
parts of the call tree carry that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tailwalk.cases import show_size
from tailwalk.compare.comparison import Acceptance, Verdict
from tailwalk.compare.threshold import Threshold, thresholds_for
from tailwalk.kernels.symbols import unpacked_names
from tailwalk.profile.pairing import PairedNode, Paths, paired_paths
from tailwalk.runs.program import CallRow, Program, ProgramOnKernel
from tailwalk.runs.record import KernelRecord

MATTERS = Fraction(1, 100)
"""A row that is less of what the kernel executes, on every kernel, is not judged."""

# The driver is the machine's; where a clock's interrupts land is chance.
_UNJUDGED = ("driver", "interrupt")

IDLE = "idle"
"""The row of CPUs that have nothing to do."""

SPINNING = frozenset((
    "native_queued_spin_lock_slowpath", "queued_read_lock_slowpath", "queued_write_lock_slowpath",
    "osq_lock", "mutex_spin_on_owner", "rwsem_spin_on_owner", "smp_call_function_many_cond",
    "csd_lock_wait", "multi_cpu_stop"))
"""Functions in which a CPU waits for another by looking again and again."""

# A part of the call tree carries what the one above it differs by if it has this share of that,
# and is named if it has this share of all changes.
_CARRIES = 0.25
# What one kernel executes no more of than this share of the other's is new, or gone, as a whole.
_HARDLY = 0.1
_NAMED = 0.08


KERNEL = "kernel"
"""What a file of accepted differences calls all that the kernel executes."""

ACCEPTED = "accepted"
"""The verdict on a regression that is."""


def call_label(row: CallRow) -> str:
    """What a row is of, in few words."""
    size = [] if row.size is None else [f"to {show_size(row.size)}" if row.size else "of 0"]
    where = [] if row.program or row.kind == "thread" else ["in a kernel thread"]
    return " ".join([row.call, *filter(None, [row.file]), *size, *where])


@dataclass(frozen=True)
class ComparedCall:
    """A kind of call on each kernel; None where that kernel has none.

    `verdicts` are for the kernels after the first; None where it is too little to be judged.
    """

    rows: Sequence[CallRow | None]
    verdicts: Sequence[Verdict | None]

    @property
    def row(self) -> CallRow:
        """The first there is, for what names it."""
        return next(row for row in self.rows if row is not None)

    @property
    def instructions(self) -> list[int]:
        """In all, on each kernel."""
        return [row.instructions if row else 0 for row in self.rows]

    @property
    def each(self) -> list[float | None]:
        """Of one call on each kernel, the mean; in all, where calls are not counted."""
        return [None if row is None else row.instructions / (row.count or 1) for row in self.rows]

    def change(self, column: int) -> int:
        """By how many instructions in all it is dearer than on the first kernel."""
        return self.instructions[column] - self.instructions[0]


@dataclass(frozen=True, kw_only=True)
class AcceptedCall:
    """A regression that an entry of a file of accepted differences is of: as `Accepted` is for
    cases, but for the label of a call, or `KERNEL`."""

    call: str
    kernel: int
    ratio: float | None
    most: float
    reason: str
    until: str
    entry: int
    state: Acceptance


@dataclass(frozen=True)
class ComparedProgram:
    """A program on several kernels, the calls that differ most first; `verdicts` of what the
    kernel executed in all, for the kernels after the first. `accepted`: the regressions that a file
    of accepted differences speaks of; `notes`: what else there is to say of that."""

    program: Program
    thresholds: Sequence[Threshold]
    calls: Sequence[ComparedCall]
    verdicts: Sequence[Verdict]
    accepted: Sequence[AcceptedCall] = ()
    notes: Sequence[str] = ()

    def acceptance(self, call: ComparedCall | None, column: int) -> AcceptedCall | None:
        """What such a file says of a call on a kernel, or of all that the kernel executes."""
        label = KERNEL if call is None else call_label(call.row)
        return next((one for one in self.accepted
                     if (one.call, one.kernel) == (label, column)), None)

    def verdict(self, call: ComparedCall | None, column: int) -> str:
        """Of a call on a kernel after the first, or of all that the kernel executes; `ACCEPTED`
        where that is so, and nothing where it is too little to be judged."""
        found = self.acceptance(call, column)
        return ACCEPTED if found is not None and found.state == "accepted" else (
            self.verdicts if call is None else call.verdicts)[column - 1] or ""

    def regressed(self) -> bool:
        """Did anything that matters become dearer on any kernel, and is not accepted?"""
        return any(self.verdict(call, column) == "regressed" for call in (None, *self.calls)
                   for column in range(1, len(self.program.kernels)))


def compare_program(program: Program, *, threshold: float | None = None) -> ComparedProgram:
    """The program on its first kernel beside the others; `threshold` as for `compare`."""
    kernels = program.kernels
    thresholds = thresholds_for([(_known(kernels[0]), _known(other)) for other in kernels[1:]],
                                threshold)
    by_name = [{row.name: row for row in kernel.calls} for kernel in kernels]
    names = dict.fromkeys(name for rows in by_name for name in rows)
    totals = [of_kernel(kernel) for kernel in kernels]

    def judged(rows: Sequence[CallRow | None], column: int) -> Verdict | None:
        one, other = rows[0], rows[column + 1]
        share = max(Fraction(row.instructions, total or 1) if row else Fraction(0)
                    for row, total in zip(rows, totals, strict=True))
        if share < MATTERS or any(row and (row.kind in _UNJUDGED or row.call == IDLE)
                                   for row in rows):
            return None
        spreads = [(row.spread or (row.instructions,) * 2) if row else (0, 0)
                   for row in (one, other)]
        return _verdict((one.instructions if one else 0, other.instructions if other else 0),
                        spreads, thresholds[column])

    calls = [ComparedCall(rows, [judged(rows, column) for column in range(len(thresholds))])
             for rows in ([rows.get(name) for rows in by_name] for name in names)]
    calls.sort(key=lambda call: (-max(abs(call.change(column)) for column in range(len(kernels))),
                                 -max(call.instructions), call.row.name))
    return ComparedProgram(program, thresholds, calls, [
        _verdict((totals[0], totals[at]),
                 [kernel.spread or (total,) * 2 for kernel, total in (
                     (kernels[0], totals[0]), (kernels[at], totals[at]))], limit)
        for at, limit in enumerate(thresholds, 1)])


def of_kernel(kernel: ProgramOnKernel) -> int:
    """All that the kernel executed, for the program and in its own threads."""
    return kernel.kernel + kernel.others


def spinning(kernel: ProgramOnKernel) -> int:
    """Instructions by which CPUs waited for each other, which are in the rows."""
    return sum(function.instructions for row in kernel.calls for function in row.functions
               if function.function in SPINNING)


def _known(kernel: ProgramOnKernel) -> KernelRecord:
    return KernelRecord(spec=kernel.spec, release=kernel.release, digest=kernel.digest,
                        provenance=kernel.provenance)


def _verdict(counts: tuple[int, int], spreads: Sequence[tuple[int, int]],
             threshold: Threshold) -> Verdict:
    one, other = counts
    if abs(other - one) <= threshold.limit * one:
        return "unchanged"
    (low, high), (other_low, other_high) = spreads
    if other_low <= high and low <= other_high:
        return "within noise"
    return "regressed" if other > one else "improved"


def paths_of(kernel: ProgramOnKernel, rows: Sequence[CallRow | None]) -> Paths:
    """The call paths of some of a kernel's calls, one beside the other."""
    tree: list[tuple[str, int, int, int]] = []
    for row in filter(None, rows):
        base = len(tree)
        tree += [(row.functions[function].function, parent + base if parent >= 0 else -1,
                  entered, count) for function, parent, entered, count in row.tree]
    return Paths(tree, unpacked_names(kernel.symbols))


def nodes_of(compared: ComparedProgram, calls: Sequence[ComparedCall], columns: Sequence[int], *,
             raw: bool = False) -> list[PairedNode]:
    """The call tree of some calls on the kernels of some columns."""
    kernels = compared.program.kernels
    return paired_paths([paths_of(kernels[column], [call.rows[column] for call in calls])
                         for column in columns], raw=raw)


@dataclass(frozen=True)
class ChangedPath:
    """A part of the call tree, and by how many instructions it differs: all of it but for the
    parts below it that are named too.

    Attributes:
        path: the functions from the one that is reached this way alone to the one in which, with
            all that it calls, the change is.
        change: the difference.
    """

    path: tuple[str, ...]
    change: int

    @property
    def name(self) -> str:
        """The two ends of the path."""
        return self.path[-1] if len(self.path) == 1 else f"{self.path[0]} > {self.path[-1]}"


def parts(nodes: Sequence[PairedNode]) -> list[ChangedPath]:
    """Which parts of the tree carry the difference of its two sides, the largest first.

    From the top down: to the few below a node that carry what it differs by, and where it is
    spread over many, or is new or gone as a whole, no further. So a change that is spread over ten
    small functions is that of the one which they are below.
    """
    own = [node.counts[1] - node.counts[0] for node in nodes]
    net, gross = own[:], [abs(change) for change in own]
    children: dict[int, list[int]] = {}
    for at in range(len(nodes) - 1, -1, -1):
        parent = nodes[at].parent
        children.setdefault(parent, []).append(at)
        if parent >= 0:
            net[parent] += net[at]
            gross[parent] += gross[at]
    moved = [max(abs(change), both / 2) for change, both in zip(net, gross, strict=True)]
    tops = children.get(-1, [])
    whole = max(abs(sum(net[at] for at in tops)), sum(gross[at] for at in tops) / 2)
    found: dict[tuple[str, ...], int] = {}

    def look(path: tuple[str, ...], below: Sequence[int], change: int, least: float) -> None:
        carriers = [child for child in below
                    if moved[child] >= max(_CARRIES * least, _NAMED * whole, 1)]
        left = change - sum(net[child] for child in carriers)
        if path and abs(left) >= max(_NAMED * whole, 1):
            found[path] = found.get(path, 0) + left
        for child in carriers:
            above = path if len(carriers) == 1 else ()
            fewer, more = sorted(nodes[child].inclusive)
            further = () if fewer <= _HARDLY * more else children.get(child, ())
            look((*above, nodes[child].name), further, net[child], moved[child])

    look((), tops, 0, 0)
    return sorted((ChangedPath(path, change) for path, change in found.items()),
                  key=lambda part: (-abs(part.change), part.path))
