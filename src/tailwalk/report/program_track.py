# SPDX-License-Identifier: GPL-2.0-or-later
"""A program over kernels: a line a kernel, a column a kind of call, and its steps; as a chart and
as a part of a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from tailwalk.compare.program import ComparedCall, call_label, compare_program
from tailwalk.compare.program_steps import Name, ProgramStep, ProgramTrack
from tailwalk.compare.threshold import show_thresholds
from tailwalk.report.chart import MARKS
from tailwalk.report.commands import program_commands
from tailwalk.report.grid import BLANK, Cell, Column, Fact, Grid, GridRow, Said, Shown
from tailwalk.report.program import program_facts
from tailwalk.report.program_section import section_of
from tailwalk.report.section import Section, inlined
from tailwalk.report.track import ChartLine, lines_svg, places_in, release_labels, span_of
from tailwalk.report.words import show_figure, show_ratio

_COLUMNS = 4  # calls, for which a terminal has room
_LINES = len(MARKS) - 1  # calls in a chart, which can be told apart
_ALL = "the kernel in all"


def program_track_shown(track: ProgramTrack, *, shown: int | None = _COLUMNS) -> Shown:
    """The track; a figure that is a step from the one above is marked as dearer or cheaper."""
    return Shown(
        title=f"What {track.program.command[0]} asks of each kernel: instructions in all, and of "
              "one call",
        parts=[_grid(track, shown), BLANK, Said(program_track_sentence(track), "strong"),
               *(Said(_sentence(track, steps)) for steps in _by_kernel(track))],
        facts=_facts(track))


def program_track_sentence(track: ProgramTrack) -> str:
    """The whole track in one sentence."""
    labels = _labels(track)
    span = span_of(labels)
    if not track.steps:
        return f"No step over {span}."
    worst = max(track.steps, key=lambda step: (math.isfinite(step.ratio), step.ratio))
    where = places_in(span, len({step.after for step in track.steps}))
    if not math.isfinite(worst.ratio):
        return f"{_name(track, worst.name)} is new on {labels[worst.after]}; steps {where}."
    if worst.ratio <= 1:
        return f"Steps {where}, all that are not of new calls downward."
    return (f"{_name(track, worst.name)} takes {_ratio(worst)} on {labels[worst.after]} what it "
            f"took on {labels[worst.after - 1]}; steps {where}.")


def program_track_svg(track: ProgramTrack, *, alone: bool = True) -> str:
    """The chart of what the kernel executes in all, and of one call of each kind."""
    lines = [ChartLine(_ALL, track.totals, [f"{total:,} instructions" for total in track.totals])]
    lines += [ChartLine(call_label(call.row), call.each,
                        ["" if value is None else f"{show_figure(round(value))} instructions"
                         for value in call.each]) for call in track.calls[:_LINES]]
    return lines_svg(_labels(track), lines, title="Instructions by kernel, log scale", alone=alone)


def program_track_section(track: ProgramTrack) -> Section:
    """The track, as a part of a page."""
    return section_of(
        track.program, "Over releases", program_track_sentence(track), kind="track",
        commands=program_commands(track.program, "track"), conditions=_facts(track), content={
            "caption": "Instructions in all, and the mean of one call, by kernel", "heat": None,
            "svg": inlined(program_track_svg(track, alone=False), "track-chart"),
            "grid": _grid(track, _LINES).seen_in("page"),
            "steps": steps_by_size(track),
            "left_out": [(one.spec, one.reason) for one in track.left_out]})


def _labels(track: ProgramTrack) -> list[str]:
    return release_labels([(kernel.spec, kernel.release) for kernel in track.program.kernels])


def _grid(track: ProgramTrack, shown: int | None) -> Grid:
    calls = track.calls[:shown]
    columns = [Column("kernel", "name"), *(
        Column(name, wraps="words") for name in (_ALL, *(call_label(call.row) for call in calls)))]
    return Grid(columns=columns, brief=True, rows=[
        GridRow([Cell(label, key=label), _cell(track, None, column, track.totals[column]),
                 *(_cell(track, call.row.name, column, call.each[column]) for call in calls)])
        for column, label in enumerate(_labels(track))])


def _cell(track: ProgramTrack, name: Name, column: int, value: float | None) -> Cell:
    if value is None:
        return Cell("-", "missing", said="not made there")
    step, figure = track.step(name, column), show_figure(round(value))
    if step is None:
        return Cell(figure, key=repr(value))
    return Cell(figure, "dearer" if step.ratio > 1 else "cheaper", key=repr(value),
                under=_ratio(step))


def steps_by_size(track: ProgramTrack) -> list[tuple[str, str]]:
    """A sentence for each kernel at which there are steps, that of the largest step first; in it
    all that the kernel executes, then the calls, the largest step first. Each with the command that
    gives the functions of the call that moved most."""
    found = sorted((sorted(steps, key=lambda step: (step.name is not None, -_size(step)))
                    for steps in _by_kernel(track)),
                   key=lambda steps: max(map(_size, steps)), reverse=True)
    return [(_sentence(track, steps), _why(track, steps)) for steps in found]


def _by_kernel(track: ProgramTrack) -> list[list[ProgramStep]]:
    """The steps at each kernel that has any."""
    return [list(steps) for _, steps in groupby(track.steps, key=lambda step: step.after)]


def _size(step: ProgramStep) -> float:
    """How large a step is, up or down: of a new call, or one that is gone, larger than any."""
    return abs(math.log(step.ratio)) if 0 < step.ratio < math.inf else math.inf


def _why(track: ProgramTrack, steps: Sequence[ProgramStep]) -> str:
    """The command of the call that moved by the most instructions; where none did by itself, of
    all."""
    after = steps[0].after
    calls = [call for call in track.calls if any(step.name == call.row.name for step in steps)]
    most = max(calls, default=None, key=lambda call: abs(
        call.instructions[after] - call.instructions[after - 1]))
    command, = program_commands(track.program, "why", columns=(after - 1, after),
                                calls=() if most is None else (most.row.call,))
    return command


def _sentence(track: ProgramTrack, steps: Sequence[ProgramStep]) -> str:
    labels, after = _labels(track), steps[0].after
    missing = sum(one.after == after for one in track.left_out)
    gap = f" ({missing} between not run)" if missing else ""
    moved = ", ".join(f"{_name(track, step.name)} {_change(track, step)}" for step in steps)
    return f"Between {labels[after - 1]} and {labels[after]}{gap}: {moved}."


def _change(track: ProgramTrack, step: ProgramStep) -> str:
    """By what a step is one: of one call, or in all where it is made more or less often."""
    values: Sequence[float | None] = track.totals
    often = ""
    if step.name is not None:
        call = next(call for call in track.calls if call.row.name == step.name)
        counts = {row.count for at in (step.after - 1, step.after) if (row := call.rows[at])}
        values, often = (call.each, "") if len(counts) == 1 else (call.instructions, " in all")
    before, after = ("nothing" if not value else show_figure(round(value))
                     for value in (values[step.after - 1], values[step.after]))
    return f"{before} to {after}{often} ({_ratio(step)})"


def _ratio(step: ProgramStep) -> str:
    """The times of all its instructions."""
    return show_ratio(step.ratio) if math.isfinite(step.ratio) else "new"


def _name(track: ProgramTrack, name: Name) -> str:
    def is_it(call: ComparedCall) -> bool:
        return call.row.name == name

    return _ALL if name is None else call_label(next(filter(is_it, track.calls)).row)


def _facts(track: ProgramTrack) -> list[Fact]:
    named = list(zip([kernel.spec for kernel in track.program.kernels[1:]], track.thresholds,
                     strict=True))
    about = [fact for fact in program_facts(compare_program(track.program))
             if fact[0] != "verdicts"]
    return [*(("left out", f"{one.spec}: {one.reason}") for one in track.left_out), *about,
            *([("steps", "where a call, or all together, executes more or less than on the kernel "
                f"before by more than {show_thresholds(named)}, and is a hundredth of all")]
              if named else [])]
