# SPDX-License-Identifier: GPL-2.0-or-later
"""Is this machine affected? The figures over the fills, the verdict, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from tailwalk.cases import PAGE, show_size
from tailwalk.compare.growth import (
    TELLING,
    Growth,
    GrowthStep,
    State,
    growth,
    keeps_buffer_heads,
    worst,
    written_folio,
)
from tailwalk.report.release_words import remedy_words, standing_words
from tailwalk.report.table import ASCII, UNICODE, Signs, footer, new_table
from tailwalk.report.words import (
    UNIT_TITLES,
    case_labels,
    conditions,
    show_figure,
    show_folio_size,
    show_interval,
    show_ratio,
)
from tailwalk.runs import Figure, Run
from tailwalk.runs.notes import grouped_notes
from tailwalk.series.releases import standing

_STYLES = {"affected": "red", "not affected": "green", "unclear": "yellow"}

# Of others it is not known here whether they do.
_WITHOUT_BUFFER_HEADS = ("xfs", "btrfs", "tmpfs", "ramfs", "f2fs", "nfs", "nfs4")

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


def growth_table(run: Run, console: Console) -> RenderableType:
    """The run's cases over their fills, with a verdict on the machine.

    Raises UsageError as `growth`.
    """
    signs = ASCII if console.options.ascii_only else UNICODE
    grown = growth(run)
    table = new_table(signs)
    table.add_column("case", overflow="fold")
    fills = list(dict.fromkeys(figure.case.fill for one in grown for figure in _figures(one)))
    for fill in sorted(fills):
        table.add_column(f"fill {show_size(fill)}", justify="right", no_wrap=True)
    for label, one in zip(case_labels([one.base.case for one in grown]), grown, strict=True):
        table.add_row(label, _cell(one.base), *(_step_cell(step, signs) for step in one.steps))
    head, *reasons = verdict(run, grown, times=signs.times)
    style = _STYLES[_overall(grown)]
    return Group(
        Text(f"{UNIT_TITLES[run.unit]}, {run.kernel.spec} ({run.kernel.release})", style="bold"),
        table, "",
        Text(head, style=f"bold {style}"),
        *(Text(reason) for reason in reasons), "",
        footer(conditions(run.rig, run.conditions, [figure.case for figure in run.figures]),
               [("folios", _folios(grown))],
               [("note", note) for note in _notes(run)]),
    )


def _figures(one: Growth) -> list[Figure]:
    return [one.base, *(step.figure for step in one.steps)]


def _cell(figure: Figure) -> Text:
    text = Text(show_figure(round(figure.main.value)))
    if figure.main.interval is not None:
        low, high = figure.main.interval
        text.append(f"\n[{show_figure(round(low))}, {show_figure(round(high))}]", style="dim")
    return text


def _step_cell(step: GrowthStep, signs: Signs) -> Text:
    text = Text(show_figure(round(step.figure.main.value)))
    text.append(f"  {show_ratio(step.ratio, times=signs.times)}", style=_STYLES[step.state])
    if step.interval is not None:
        text.append(f"\n{show_interval(step.interval)}", style="dim")
    return text


def _deciding(grown: Sequence[Growth]) -> Growth:
    """The growth that the verdict rests on: of the smallest write nearest to the folio's start,
    where the walk behind the written range is longest."""
    return min(grown, key=lambda one: (one.base.case.offset, one.base.case.length))


def _further(grown: Sequence[Growth]) -> list[Growth]:
    """The growths of the same write further into the folio."""
    one = _deciding(grown)
    return [other for other in grown if other is not one
            and other.base.case.length == one.base.case.length
            and other.base.case.offset > one.base.case.offset]


def _overall(grown: Sequence[Growth]) -> State:
    """The state of the machine: an affected or unclear one further into the folio counts."""
    one = _deciding(grown)
    return one.state if one.state != "not affected" else worst(
        [other.state for other in _further(grown)])


def verdict(run: Run, grown: Sequence[Growth], *, times: str) -> list[str]:
    """The verdict on the machine, then what it rests on and what to do, a sentence or two each."""
    one, overall = _deciding(grown), _overall(grown)
    what = f"an overwrite of {show_size(one.base.case.length)}" + (
        "" if one.at_start else f" at offset {show_size(one.base.case.offset)}")
    top = max(one.steps, key=lambda step: step.ratio)
    if one.state == "affected":
        small = written_folio(one.base)
        head = (f"This machine is affected: {what} costs up to "
                f"{show_ratio(top.ratio, times=times)} as much in a large folio as in "
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
    return [head, *_reasons(run, one), *_ahead(grown, times=times), *_by_table(run, one),
            *_left(run, grown)]


def _reasons(run: Run, one: Growth) -> list[str]:
    """What the measurement itself tells of the reason."""
    filesystem = run.conditions.filesystem
    if one.state == "affected":
        laws = [f"{step.per_buffer:.1f} ns at {show_size(written_folio(step.figure))}"
                for step in one.steps if step.per_buffer is not None]
        return [f"Each buffer head of the folio ({show_size(filesystem.block_size)} each) adds "
                f"{', '.join(laws)}."] if laws else []
    if one.state == "unclear":
        return []
    if not keeps_buffer_heads(filesystem):
        return ([f"{filesystem.kind} keeps no ring of buffer heads over a folio."]
                if filesystem.kind in _WITHOUT_BUFFER_HEADS else [])
    if _in_single_pages(one):
        return [f"The file is cached in single pages: {filesystem.kind} made no large folios for "
                "it."]
    if not one.at_start:
        return []
    if any(step.figure.written is None for step in one.steps):
        return ["Either this kernel has upstream's fix, or it makes no large folios for "
                f"{filesystem.kind}: run as root to see which."]
    return ["The folios are large, and the walks over their buffer heads stop behind the written "
            "range: this kernel has upstream's fix."]


def _in_single_pages(one: Growth) -> bool:
    return all(step.figure.written == 0 for step in one.steps)


def _by_table(run: Run, one: Growth) -> list[str]:
    """What the table of releases says of the kernel, whether the measurement agrees, and where the
    fix is."""
    if not keeps_buffer_heads(run.conditions.filesystem):
        return []
    said = standing(run.kernel.release)
    words = [standing_words(said)]
    if one.state == "affected":
        if one.at_start and said.state in ("not affected", "fixed"):
            words.append(_DEAR_AFTER_ALL)
        elif one.at_start:
            words[0] += f" {remedy_words(said)}"
        words.append(_FIX if one.at_start else _EITHER)
    elif (one.state == "not affected" and said.state in ("affected", "half")
          and not _in_single_pages(one)):
        words.append(_CHEAP_AFTER_ALL)
    return words


def _ahead(grown: Sequence[Growth], *, times: str) -> list[str]:
    """What writes further into the folio cost, where that is more."""
    dear = [step for other in _further(grown) for step in other.steps if step.state == "affected"]
    if not dear:
        return []
    top = max(dear, key=lambda step: step.ratio)
    return [f"At offset {show_size(top.figure.case.offset)} it costs "
            f"{show_ratio(top.ratio, times=times)} as much."]


def _left(run: Run, grown: Sequence[Growth]) -> list[str]:
    """What the fix does not mend, where the kernel makes large folios."""
    if not keeps_buffer_heads(run.conditions.filesystem) or not _deciding(grown).at_start:
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
