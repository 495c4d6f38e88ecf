# SPDX-License-Identifier: GPL-2.0-or-later
"""Is this machine affected? The figures over the fills, the verdict, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from tailwalk.cases import PAGE, show_size
from tailwalk.compare.growth import TELLING, Affection, Growth, affection, growth, written_folio
from tailwalk.filesystems import keeps_buffer_heads
from tailwalk.report.grid import BLANK, Cell, Column, Grid, GridRow, Over, Said, Shown
from tailwalk.report.release_words import remedy_words, standing_words
from tailwalk.report.words import (
    case_labels,
    conditions,
    show_figure,
    show_folio_size,
    show_interval,
    show_ratio,
)
from tailwalk.runs import Figure, Run
from tailwalk.runs.record import grouped_notes
from tailwalk.series.releases import standing

_FIX = ("Upstream's fix lets both walks over the buffer heads of a folio that is uptodate stop "
        "behind the written range. For a kernel of yours the series `tail` is that fix as patches "
        "(tailwalk series show tail). XFS keeps no buffer heads for file data and is not affected.")
_EITHER = ("Such a write pays for the buffer heads before it and, without upstream's fix, for "
           "those after it. The fix (or the series `tail`) spares the latter; the series `span` "
           "(v6.16 to v7.3) spares both. A measurement at --offset 0 tells whether this kernel "
           "has the fix.")
_LEAVES = ("What the fix leaves: the walks still begin at the folio's first buffer head, so that "
           "a write near the end of a large folio stays dear (the series `span`, v6.16 to v7.3, "
           "lets them begin at the write); and fdatasync and msync walk over all buffer heads of "
           "a folio that they write back.")
_DEAR_AFTER_ALL = ("The measurement says otherwise, and it decides: this kernel is not what its "
                   "name says, or something else makes the call dear.")
_CHEAP_AFTER_ALL = ("The measurement says otherwise, and it decides: a distribution may have taken "
                    "the fix into this kernel.")


def growth_shown(run: Run) -> Shown:
    """The run's cases over their fills, with a verdict on the machine.

    Raises UsageError as `growth`.
    """
    grown = growth(run)
    fills = sorted({figure.case.fill for one in grown for figure in _figures(one)})
    columns = [Column("case", "name", wraps="words")]
    for number, fill in enumerate(fills):
        over = Over(label=f"fill {show_size(fill)}")
        columns.append(Column("figure", of=over))
        if number:
            columns.append(Column("ratio", "ratio", of=over))
    rows = []
    for label, one in zip(case_labels([one.base.case for one in grown]), grown, strict=True):
        interval = one.base.main.interval
        found = {one.base.case.fill: [
            Cell(show_figure(round(one.base.main.value)), key=repr(one.base.main.value),
                 under="" if interval is None else (
                f"[{', '.join(show_figure(round(end)) for end in interval)}]")), Cell("")]}
        for step in one.steps:
            found[step.figure.case.fill] = [
                Cell(show_figure(round(step.figure.main.value)),
                     key=repr(step.figure.main.value)),
                Cell(show_ratio(step.ratio), step.state, key=repr(step.ratio),
                     under="" if step.interval is None else show_interval(step.interval))]
        parts = [found.get(fill, [Cell(""), Cell("")]) for fill in fills]
        rows.append(GridRow([Cell(label), parts[0][0], *chain.from_iterable(parts[1:])]))
    head, *reasons = verdict(run, grown)
    decided = affection(grown)
    style = f"strong, {decided.state if decided else 'unclear'}"
    return Shown(
        title=f"{run.metric.title}, {run.kernel.spec} ({run.kernel.release})",
        parts=[Grid(columns=columns, rows=rows), BLANK,
               Said(head, style), *map(Said, reasons)],
        facts=[*conditions(run.rig, run.conditions, [figure.case for figure in run.figures]),
               ("folios", _folios(grown)), *_unfilled(run),
               *(("note", note) for note in _notes(run))])


def _unfilled(run: Run) -> list[tuple[str, str]]:
    """The figures of the cases that no fill changes."""
    figures = [figure for figure in run.figures if not figure.case.cached]
    labels = case_labels([figure.case for figure in figures])
    return [(label, f"{show_figure(round(figure.main.value))} {run.unit}, whatever the fill")
            for label, figure in zip(labels, figures, strict=True)]


def _figures(one: Growth) -> list[Figure]:
    return [one.base, *(step.figure for step in one.steps)]


def verdict(run: Run, grown: Sequence[Growth]) -> list[str]:
    """The verdict on the machine, then what it rests on and what to do, a sentence or two each."""
    found = affection(grown)
    if found is None:
        return ["Unclear: an overwrite tells whether a machine is affected, and no case here is "
                "one. Measure pwrite_u1k."]
    one, overall = found.deciding, found.state
    what = f"an overwrite of {show_size(one.base.case.length)}" + (
        "" if one.at_start else f" at offset {show_size(one.base.case.offset)}")
    top = max(one.steps, key=lambda step: step.ratio)
    if one.state == "affected":
        small = written_folio(one.base)
        head = (f"This machine is affected: {what} costs up to "
                f"{show_ratio(top.ratio)} as much in a large folio as in "
                f"{'a page' if small == PAGE else f'one of {show_size(small)}'}.")
    elif one.state == "unclear" and not one.telling:
        head = (f"Unclear: whether {what} costs more in a large folio cannot be told from these "
                f"fills. Measure with --fill {show_size(PAGE)} and a --fill of "
                f"{show_size(TELLING)} or more.")
    elif one.state == "unclear":
        head = (f"Unclear: whether {what} costs more in a large folio is lost in the noise. "
                "Measure again while the machine has less to do, or with more --rounds and "
                "--seconds.")
    elif overall == "affected":
        head = (f"This machine is not affected at a folio's start, but further in: {what} costs "
                "much the same at the start of a folio of any size.")
    elif overall == "unclear":
        head = (f"This machine is not affected at a folio's start: {what} costs much the same "
                "there in a folio of any size. Whether it costs more further in is lost in the "
                "noise: measure again while the machine has less to do.")
    elif one.at_start:
        head = (f"This machine is not affected: {what} costs much the same in a folio of any "
                "size.")
    else:
        head = (f"This machine is not affected there: {what} costs much the same in a folio of "
                "any size.")
    return [head, _rate(one), *_reasons(run, found), *_ahead(found), *_by_table(run, found),
            *_left(run, grown, found)]


def _rate(one: Growth) -> str:
    """What the figure means for the writes of a second."""
    base = one.base.main.value
    if one.state != "affected":
        return (f"It takes {show_figure(round(base))} ns: at most {_a_second(base)} a second on "
                "one CPU.")
    dear = max((step.figure.main.value for step in one.steps), default=base)
    return (f"It takes up to {show_figure(round(dear))} ns in place of {show_figure(round(base))}: "
            f"at most {_a_second(dear)} a second on one CPU in place of {_a_second(base)}.")


def _a_second(nanoseconds: float) -> str:
    """How many fit into a second, in three digits."""
    number = 1e9 / nanoseconds
    digits = 10 ** max(len(str(int(number))) - 3, 0)
    return show_figure(int(number / digits) * digits)


def _reasons(run: Run, found: Affection) -> list[str]:
    """What the measurement itself tells of the reason."""
    one, filesystem = found.deciding, run.conditions.filesystem
    if one.state == "affected":
        laws = [f"{step.per_buffer:.1f} ns at {show_size(written_folio(step.figure))}"
                for step in one.steps if step.per_buffer is not None]
        return [f"Each buffer head of the folio ({show_size(filesystem.block_size)} each) adds "
                f"{', '.join(laws)}."] if laws else []
    if one.state == "unclear":
        return []
    if not keeps_buffer_heads(filesystem.kind):
        return ([f"{filesystem.kind} keeps no ring of buffer heads over a folio."]
                if keeps_buffer_heads(filesystem.kind) is False else [])
    if found.in_single_pages:
        return [f"The file is cached in single pages: {filesystem.kind} made no large folios for "
                "it."]
    if not one.at_start:
        return []
    if any(step.figure.written is None for step in one.steps):
        return ["Either this kernel has upstream's fix, or it makes no large folios for "
                f"{filesystem.kind}: run as root to see which."]
    return ["The folios are large, and the walks over their buffer heads stop behind the written "
            "range: this kernel has upstream's fix."]


def _by_table(run: Run, found: Affection) -> list[str]:
    """What the table of releases says of the kernel, whether the measurement agrees, and where the
    fix is."""
    if not keeps_buffer_heads(run.conditions.filesystem.kind):
        return []
    one, said = found.deciding, standing(run.kernel.release)
    words = [standing_words(said)]
    if one.state == "affected":
        if one.at_start and said.state in ("not affected", "fixed"):
            words.append(_DEAR_AFTER_ALL)
        elif one.at_start:
            words[0] += f" {remedy_words(said)}"
        words.append(_FIX if one.at_start else _EITHER)
    elif (one.state == "not affected" and said.state in ("affected", "half")
          and not found.in_single_pages):
        words.append(_CHEAP_AFTER_ALL)
    return words


def _ahead(found: Affection) -> list[str]:
    """What writes further into the folio cost, where that is more."""
    dear = [step for other in found.further for step in other.steps if step.state == "affected"]
    if not dear:
        return []
    top = max(dear, key=lambda step: step.ratio)
    return [f"At offset {show_size(top.figure.case.offset)} it costs "
            f"{show_ratio(top.ratio)} as much."]


def _left(run: Run, grown: Sequence[Growth], found: Affection) -> list[str]:
    """What the fix does not mend, where the kernel makes large folios."""
    if not keeps_buffer_heads(run.conditions.filesystem.kind) or not found.deciding.at_start:
        return []
    dear = any(one.state == "affected" for one in grown)
    state = standing(run.kernel.release).state
    return [_LEAVES] if dear or state not in ("not affected", None) else []


def _folios(grown: Sequence[Growth]) -> str:
    """Which folio each fill made, or must have made at most."""
    said: dict[int, dict[str, None]] = {}
    for figure in (figure for one in grown for figure in _figures(one)):
        made = (show_folio_size(figure.written) if figure.written is not None
                else f"unknown, at most {show_size(written_folio(figure))}")
        said.setdefault(figure.case.fill, {})[made] = None
    return "; ".join(f"fill {show_size(fill)}: {' or '.join(made)}"
                     for fill, made in sorted(said.items()))


def _notes(run: Run) -> list[str]:
    """Every note once; what is said of all cases without their names."""
    everywhere = [note for note in run.figures[0].notes
                  if all(note in figure.notes for figure in run.figures)]
    shown = [note for note in grouped_notes(run)
             if not any(note.endswith(f": {common}") for common in everywhere)]
    return everywhere + shown
