# SPDX-License-Identifier: GPL-2.0-or-later
"""A track: a line a kernel, a column a case, and its steps as sentences."""

from __future__ import annotations

from tailwalk.compare.steps import Track, TrackStep
from tailwalk.compare.threshold import show_thresholds
from tailwalk.report.grid import BLANK, Cell, Column, Fact, Grid, GridRow, Said, Shown
from tailwalk.report.words import (
    case_labels,
    conditions,
    short_names,
    short_release,
    show_figure,
    show_folio_size,
    show_ratio,
)
from tailwalk.runs.metrics import METRICS


def track_shown(track: Track) -> Shown:
    """The track; a figure that is a step from the one above is marked as dearer or cheaper."""
    steps = {(step.row, step.after): step for step in track.steps}
    rows = [GridRow([Cell(label, key=label),
                     *(_cell(track, number, column, steps.get((number, column)))
                       for number in range(len(track.rows))),
                     Cell(_folio(track, column))])
            for column, label in enumerate(track_labels(track))]
    columns = [Column("kernel", "name"),
               *(Column(label, wraps="fold", breaks=True)
                 for label in case_labels([row.parameters for row in track.rows])),
               Column("folio", only="terminal")]
    return Shown(
        title=METRICS[track.metric].title,
        parts=[Grid(columns=columns, rows=rows, brief=True), BLANK,
               Said(track_sentence(track), "strong"),
               *(Said(f"{sentence}.") for sentence in step_sentences(track))],
        facts=[*(("left out", f"{one.spec}: {one.reason}") for one in track.left_out),
               *track_conditions(track)])


def _cell(track: Track, row: int, column: int, step: TrackStep | None) -> Cell:
    figure = track.rows[row].figures[column]
    if not track.rows[row].steady[column]:
        return Cell(show_figure(figure), "doubtful", key=repr(figure), under="unsteady")
    if step is None:
        return Cell(show_figure(figure), key=repr(figure))
    return Cell(show_figure(figure), "dearer" if step.ratio > 1 else "cheaper", key=repr(figure),
                under=show_ratio(step.ratio))


def _folio(track: Track, column: int) -> str:
    orders = {row.written[column] for row in track.rows}
    return " or ".join("?" if order is None else show_folio_size(order)
                       for order in sorted(orders, key=lambda order: order or 0))


def track_conditions(track: Track) -> list[Fact]:
    """What a reader has to know to repeat or doubt the figures."""
    return [*conditions(track.rig, track.conditions, [row.parameters for row in track.rows]),
            ("steps", what_is_a_step(track)), *(("note", note) for note in track.notes)]


def track_labels(track: Track) -> list[str]:
    """Each kernel's version number, or what `short_names` calls it where another has that number
    too."""
    versions = [short_release(kernel.release) for kernel in track.kernels]
    others = short_names([(kernel.spec, kernel.release) for kernel in track.kernels])
    return [version if versions.count(version) == 1 else other
            for version, other in zip(versions, others, strict=True)]


def step_sentences(track: Track) -> list[str]:
    """A sentence for each pair of kernels between which there are steps."""
    pairs: dict[tuple[int, int], list[TrackStep]] = {}
    for step in track.steps:
        pairs.setdefault((step.before, step.after), []).append(step)
    return [_sentence(track, steps) for steps in pairs.values()]


def _sentence(track: Track, steps: list[TrackStep]) -> str:
    labels = track_labels(track)
    cases = case_labels([row.parameters for row in track.rows])
    before, after = steps[0].before, steps[0].after
    moved = ", ".join(
        f"{cases[step.row]} {show_figure(track.rows[step.row].figures[before])} to "
        f"{show_figure(track.rows[step.row].figures[after])} "
        f"({show_ratio(step.ratio)})" for step in steps)
    missing = sum(before < one.after <= after for one in track.left_out)
    gap = f" ({missing} between not measured)" if missing else ""
    return f"between {labels[before]} and {labels[after]}{gap}: {moved}"


def what_is_a_step(track: Track) -> str:
    """By how much a figure has to differ from the one before."""
    named = [(kernel.spec, kernel.threshold) for kernel in track.kernels
             if kernel.threshold is not None]
    by = show_thresholds(named) if named else f"{track.threshold:g}%"
    return f"where a figure differs from the one before by more than {by}"


def track_sentence(track: Track) -> str:
    """The whole track in one sentence."""
    labels = track_labels(track)
    span = labels[0] if len(labels) == 1 else (
        f"{len(labels)} kernels from {labels[0]} to {labels[-1]}")
    unsteady = sum(not steady for row in track.rows for steady in row.steady)
    doubt = (f" {unsteady} figure{'s' if unsteady > 1 else ''} cannot be judged." if unsteady
             else "")
    if not track.steps:
        judged = any(sum(row.steady) > 1 for row in track.rows) or len(track.kernels) == 1
        return f"No step over {span}.{doubt}" if judged else (
            f"Nothing can be said of steps over {span}.{doubt}")
    worst = max(track.steps, key=lambda step: step.ratio)
    count = len({(step.before, step.after) for step in track.steps})
    places = "1 place" if count == 1 else f"{count} places"
    head = f"Steps in {places} over {span}"
    if worst.ratio <= 1:
        return f"{head}, all of them downward.{doubt}"
    case = case_labels([row.parameters for row in track.rows])[worst.row]
    return (f"{head}; the largest upward is {case} at {labels[worst.after]} "
            f"({show_ratio(worst.ratio)} of {labels[worst.before]}).{doubt}")
