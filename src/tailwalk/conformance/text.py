# SPDX-License-Identifier: GPL-2.0-or-later
"""A replay as plain text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from tailwalk.cases import show_size
from tailwalk.conformance.compare import flags_text, show_segments
from tailwalk.conformance.replay import Disagreement, Replay
from tailwalk.conformance.wire import SHOWN, Seen
from tailwalk.model.expected import Expected
from tailwalk.model.sequence import Action, Sequence, Step
from tailwalk.model.words import UNITS


def tell_replay(done: Replay) -> Iterator[str]:
    """What was replayed, and what was found."""
    tally = done.tally
    yield f"{done.kernel.spec} ({done.release})"
    yield f"against the model with {done.design.name}: {done.design.summary}"
    yield ""
    yield f"{'mode':<11}{'blocks':>7}{'sequences':>12}"
    for (mode, block_size), count in sorted(tally.modes.items()):
        yield f"{mode:<11}{show_size(block_size):>7}{count:>12,}"
    yield ""
    yield f"steps      {tally.steps:,}: " + ", ".join(
        f"{name} {count:,}" for name, count in tally.actions.most_common())
    yield f"folios     certain to be one of several pages after {tally.large:,} steps"
    if not tally.counted:
        yield "unseen     folios that are not uptodate (the kernel is built without cachestat)"
    yield ""
    if done.finding is None:
        yield (f"no difference in {tally.sequences:,} sequences: results, sizes, contents, data "
               "and holes, flags of the folio")
        return
    yield from _tell_finding(done, done.finding)


def _tell_finding(done: Replay, finding: Disagreement) -> Iterator[str]:
    sequence, found = finding.sequence, finding.difference
    yield (f"DIFFERENT in sequence {finding.seed}: {sequence.mode}, blocks of "
           f"{show_size(sequence.block_size)}, at first {' '.join(sequence.layout)}")
    for number, step in enumerate(sequence.steps[:found.step + 1]):
        yield f"  {number + 1}. {tell_step(step)}"
        yield f"       model:  {_tell_expected(finding.expected[number])}"
        yield f"       kernel: {_tell_seen(sequence, finding.seen[number])}"
    yield f"     so: {found.what}: model {found.model}; kernel {found.kernel}"
    design = "" if done.design.name == "full" else f" --design {done.design.name}"
    yield (f"replay: tailwalk model replay {done.kernel.spec}{design} --sequences 1 "
           f"--first {finding.seed}")


_TOLD: dict[Action, str] = {
    "write": "write {0.length} bytes {0.value:#04x} at {0.offset}",
    "store": "store {0.length} bytes {0.value:#04x} at {0.offset}",
    "punch": "punch {0.length} bytes at {0.offset}",
    "truncate": "truncate to {0.offset}",
}


def tell_step(step: Step) -> str:
    """A step in words."""
    short = "" if step.readable is None else f", of which memory holds {step.readable}"
    return _TOLD.get(step.do, step.do).format(step) + short


def _tell_expected(model: Expected) -> str:
    folio = "any folios" if model.folio is None else flags_text(model.folio)
    return (f"{model.result}; size {model.size}; {folio}; {model.segments or '-'}; "
            f"{_runs([f'{value:02x}' for value in model.contents])}")


def _tell_seen(sequence: Sequence, kernel: Seen) -> str:
    pages = [flags_text(page) for page in kernel.pages]
    folio = pages[0] if len(set(pages)) == 1 else ", ".join(pages)
    blocks = -(-kernel.size // sequence.block_size)
    units = [f"{first:02x}" if first == other else f"{first:02x}/{other:02x}"
             for first, other in kernel.units[:kernel.size // sequence.unit]]
    cached = [unit if kernel.blocks[at // UNITS] & SHOWN else "?" for at, unit in enumerate(units)]
    return (f"{kernel.result}; size {kernel.size}; {folio}; "
            f"{show_segments(kernel)[:blocks] or '-'}; {_runs(cached)}")


def _runs(values: list[str]) -> str:
    """Values of half blocks, those that are the same together: `ee*4 00` (a ? is not cached)."""
    runs = ((value, len(list(same))) for value, same in groupby(values))
    return " ".join(f"{value}*{count}" if count > 1 else value for value, count in runs) or "empty"
