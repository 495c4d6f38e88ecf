# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay random sequences on a kernel until all are done, or one shows something else than the
model expects."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence as Sequences
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

from tailwalk.cases import KIB, PAGE, Filesystem, show_size
from tailwalk.conformance.compare import FirstDifference, first_difference
from tailwalk.conformance.wire import COUNTED, Seen, decode, replay_lines
from tailwalk.errors import GuestError, ModelError, TailwalkError, UsageError
from tailwalk.kernels import Kernel
from tailwalk.model.designs import Design
from tailwalk.model.expected import Expected, expect
from tailwalk.model.sequence import Sequence, random_sequence
from tailwalk.model.words import MODES, Mode
from tailwalk.model.writeback import Whole
from tailwalk.progress import SILENT, Progress
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import as_finished
from tailwalk.rigs.job import prologue
from tailwalk.vm.filesystem import RAM_DISK
from tailwalk.vm.state import Booted

FRAME_SECONDS = 120.0

_MOUNT_OPTIONS: dict[Mode, str] = {
    "ordered": "data=ordered",
    "nodelalloc": "data=ordered,nodelalloc",
    "writeback": "data=writeback,nodelalloc",
    "journal": "data=journal",
}

# A guest is gone on from its state in less time than it takes for so many.
_BATCH = 250


@dataclass(frozen=True)
class Shape:
    """The mode of the file system, its block size, and the blocks of a sequence's file."""

    mode: Mode
    block_size: int
    blocks: int

    @property
    def filesystem(self) -> Filesystem:
        """What its sequences run on."""
        # No commit by the clock: it would write back what is ordered before it.
        return Filesystem(block_size=self.block_size,
                          mount_options=f"{_MOUNT_OPTIONS[self.mode]},commit=3600")


SHAPES = tuple(
    Shape(mode, block_size, blocks)
    for mode in MODES
    for block_size, blocks in ((KIB, 4), (KIB, 16), (4 * KIB, 1), (4 * KIB, 4), (4 * KIB, 8))
    # data=journal has no large folios up to v7.3 (ext4_should_enable_large_folio()).
    if mode != "journal" or blocks * block_size == PAGE)
"""Files of one page and of several, with blocks as large as a page and smaller."""


@dataclass(frozen=True, kw_only=True)
class ReplayGoal:
    """What is replayed.

    Attributes:
        sequences: how many in all.
        seed: the least; a seed has its shape, and those of other shapes than `shapes` are left
            out.
        shapes: some of SHAPES.
    """

    sequences: int
    seed: int = 1
    shapes: tuple[Shape, ...] = SHAPES

    def check(self) -> ReplayGoal:
        """Itself; raises UsageError naming the value that makes no sense."""
        if self.sequences < 1:
            raise UsageError(f"--sequences {self.sequences}: give at least 1.")
        if self.seed < 0:
            raise UsageError(f"--first {self.seed}: it cannot be negative.")
        if not self.shapes:
            raise UsageError("no sequence has such a mode and block size: there are "
                             + ", ".join(sorted({f"{shape.mode} with {show_size(shape.block_size)}"
                                                 for shape in SHAPES})) + ".")
        return self

    def numbered(self) -> Iterator[Numbered]:
        """The sequences."""
        possible = (Numbered(seed, SHAPES[seed % len(SHAPES)])
                    for seed in itertools.count(self.seed))
        return itertools.islice((one for one in possible if one.shape in self.shapes),
                                self.sequences)

    def batches(self) -> Iterator[list[Numbered]]:
        """What each guest is given: sequences on one file system."""
        groups: dict[Filesystem, list[Numbered]] = {}
        for one in self.numbered():
            groups.setdefault(one.shape.filesystem, []).append(one)
        # Taking turns, so that a difference in one mode is not found last.
        parts = [[group[at:at + _BATCH] for at in range(0, len(group), _BATCH)]
                 for group in groups.values()]
        for turn in itertools.zip_longest(*parts):
            yield from (batch for batch in turn if batch)


@dataclass(frozen=True)
class Numbered:
    """A sequence by its seed."""

    seed: int
    shape: Shape

    def sequence(self) -> Sequence:
        """What it stands for."""
        shape = self.shape
        return random_sequence(self.seed, mode=shape.mode, block_size=shape.block_size,
                               blocks=shape.blocks)


@dataclass(frozen=True)
class Disagreement:
    """A sequence that shows something else on the kernel than in the model.

    Attributes:
        seed: of the random sequence that it was found in.
        sequence: what is left of that, without the steps that it does not take.
        expected, seen: after each step of `sequence`.
        difference: the first thing that differs.
    """

    seed: int
    sequence: Sequence
    expected: list[Expected]
    seen: list[Seen]
    difference: FirstDifference


@dataclass
class Replayed:
    """What was compared.

    Attributes:
        large: steps after which one folio of several pages held the file for certain.
        counted: does the kernel show the pages that are not uptodate?
        modes: sequences by mode and block size.
        actions: steps by name.
    """

    large: int = 0
    counted: bool = True
    actions: Counter[str] = field(default_factory=Counter)
    modes: Counter[tuple[str, int]] = field(default_factory=Counter)

    @property
    def sequences(self) -> int:
        """Replayed in all."""
        return self.modes.total()

    @property
    def steps(self) -> int:
        """Made in all."""
        return self.actions.total()

    def add(self, sequence: Sequence, expected: list[Expected], seen: list[Seen]) -> None:
        """Count one sequence more."""
        if len(sequence.layout) * sequence.block_size > PAGE:
            self.large += sum(bool(one.folio) for one in expected)
        self.counted &= all(one.pages[0] & COUNTED for one in seen)
        self.actions.update(step.do for step in sequence.steps)
        self.modes[sequence.mode, sequence.block_size] += 1


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What a replay did and found."""

    kernel: Kernel
    release: str
    design: Design
    tally: Replayed
    seconds: float
    finding: Disagreement | None


class Replayer:
    """A kernel that is ready to replay sequences."""

    def __init__(self, kernel: Kernel, design: Design, *, bench: Bench) -> None:
        self.kernel = kernel
        self.design = design
        self._bench = bench

    def boot(self) -> Booted:
        """The kernel's saved state."""
        return self._bench.boot(self.kernel, SHAPES[0].filesystem)

    def see(self, filesystem: Filesystem, sequences: Sequences[Sequence]) -> list[list[Seen]]:
        """What the kernel shows of sequences on one file system, in one guest.

        Raises GuestError.
        """
        job = (prologue(filesystem, self._bench.cache) + replay_lines(sequences, RAM_DISK)
               + b"end\n")
        with self._bench.guest(self.kernel, self.boot(), job) as guest:
            guest.start_job(FRAME_SECONDS)
            frames = list(guest.frames(FRAME_SECONDS))
        if len(frames) != len(sequences):
            raise GuestError(f"the probe answered {len(frames)} of {len(sequences)} sequences.")
        return [decode(frame, sequence)
                for frame, sequence in zip(frames, sequences, strict=True)]

    def find(self, filesystem: Filesystem, numbered: Sequences[tuple[int, Sequence]],
             tally: Replayed) -> Disagreement | None:
        """The first of the sequences, given with their seeds, that shows a difference."""
        shown = self.see(filesystem, [sequence for _, sequence in numbered])
        for (seed, sequence), seen in zip(numbered, shown, strict=True):
            expected = expect(sequence, self.design)
            tally.add(sequence, expected, seen)
            difference = first_difference(sequence, expected, seen)
            if difference is not None:
                return Disagreement(seed, sequence, expected, seen, difference)
        return None

    def shrink(self, finding: Disagreement) -> Disagreement:
        """The same without steps that the difference does not need."""
        of = finding.sequence
        filesystem = Shape(of.mode, of.block_size, len(of.layout)).filesystem
        while True:
            count = finding.difference.step + 1
            steps = finding.sequence.steps[:count]
            finding = replace(finding, sequence=replace(of, steps=steps),
                              expected=finding.expected[:count], seen=finding.seen[:count])
            shorter = [replace(of, steps=steps[:i] + steps[i + 1:]) for i in range(count - 1)]
            possible = [(finding.seed, one) for one in shorter if _is_possible(one)]
            less = self.find(filesystem, possible, Replayed()) if possible else None
            if less is None:
                return finding
            finding = less


def _is_possible(sequence: Sequence) -> bool:
    try:
        sequence.check()
    except ModelError:
        return False
    return True


def replayable(design: Design) -> Design:
    """Itself; raises UsageError for a design that is wrong in writeback alone: what a replay
    expects has writeback in one step, and none of the walks that such a design gets wrong."""
    if design.wrong and design.writeback is not Whole:
        raise UsageError(
            f"{design.name} is wrong in writeback alone, and a replay cannot show that: it holds "
            "the results of calls and the flags of folios against the model, whose writeback is "
            f"one step. `tailwalk model check {design.name}` shows it.")
    return design


def replay(kernel: Kernel, design: Design, goal: ReplayGoal, *, bench: Bench | None = None,
           workers: int | None = None, progress: Progress = SILENT) -> Replay:
    """Replay the goal's sequences on the kernel, in guests side by side, and compare.

    `workers` is the number of guests (default: one for each core). Raises UsageError,
    ToolError, KernelError or GuestError.
    """
    goal.check()
    replayer = Replayer(kernel, replayable(design), bench=bench or Bench.prepare(progress=progress))
    release = replayer.boot().said.release
    begin = time.monotonic()
    tallies: list[Replayed] = []

    def work(batch: list[Numbered]) -> Disagreement | None:
        tally = Replayed()
        tallies.append(tally)
        return replayer.find(batch[0].shape.filesystem,
                             [(one.seed, one.sequence()) for one in batch], tally)

    finding = None
    batches = list(goal.batches())
    with (progress.task(f"replay on {kernel.spec}", goal.sequences) as task,
          closing(as_finished([partial(work, batch) for batch in batches],
                              workers=workers)) as finished):
        for number, outcome in finished:
            if isinstance(outcome, TailwalkError):
                raise outcome
            if outcome is not None:
                finding = outcome
                break
            task.advance(len(batches[number]))
    if finding is not None:
        finding = replayer.shrink(finding)
    return Replay(kernel=kernel, release=release, design=design, tally=_total(tallies),
                  seconds=time.monotonic() - begin, finding=finding)


def _total(tallies: list[Replayed]) -> Replayed:
    return Replayed(large=sum(one.large for one in tallies),
                    counted=all(one.counted for one in tallies),
                    actions=sum((one.actions for one in tallies), Counter()),
                    modes=sum((one.modes for one in tallies), Counter()))
