# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of a page that shows a program: its calls, what differs, and in which functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from tailwalk.cases import show_size
from tailwalk.compare.program import ComparedCall, ComparedProgram, compare_program, of_kernel
from tailwalk.report.commands import program_commands
from tailwalk.report.grid import Fact, Said
from tailwalk.report.profile_tree import flame_legend, flame_svg, tree_rows
from tailwalk.report.program import (
    calls_grid,
    change_sentences,
    functions_shown,
    program_facts,
    program_forest,
    program_labels,
    program_shown,
)
from tailwalk.report.program_disk import disk_lines
from tailwalk.report.section import Section, Source, inlined
from tailwalk.report.why import count_cells
from tailwalk.report.words import show_figure
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.runs.program import Program, ProgramOnKernel
from tailwalk.runs.record import KernelRecord
from tailwalk.words import listed

_CALLS = 40
_FUNCTIONS = 14
_FRAMES = 400  # of each side: a program has thousands, and a page is small


def program_section(compared: ComparedProgram) -> Section:
    """A program's calls on its kernels, what differs, and the functions on the first kernel and
    that one of the others that differs most from it."""
    program = compared.program
    totals = [of_kernel(kernel) for kernel in program.kernels]
    most = max(range(1, len(totals)), key=lambda at: abs(totals[at] - totals[0]), default=0)
    shown = compare_program(replace(program, kernels=[
        program.kernels[at] for at in sorted({0, most})]))
    said = [list(change_sentences(compared, at)) for at in range(1, len(totals))]
    functions = _functions(shown, [call for call in shown.calls if call.row.kind != "driver"])
    return _section(
        compared, "Which calls", said[0][0] if said else (
            f"{program_labels(program)[0]}: the kernel executes {show_figure(totals[0])} "
            f"instructions for {program.command[0]}."),
        kind="program", commands=program_commands(program, "compare" if most else "exec"),
        content={
            "caption": program_shown(compared).title, "unit": "", "functions": functions,
            "grid": calls_grid(compared, _CALLS).seen_in("page"),
            "says": [*disk_lines(program.kernels, program_labels(program)),
                     *(line for number, lines in enumerate(said)
                       for line in (lines if number else lines[1:]))]})


def functions_section(compared: ComparedProgram, calls: Sequence[ComparedCall], *,
                      raw: bool = False) -> Section:
    """In which functions some of a program's calls execute, on one kernel or two."""
    content = _functions(compared, calls, raw=raw)
    top = content["grid"].rows[0].cells[0].text
    return _section(
        compared, "Which functions", f"{content['caption']}: most of it in {top}.", kind="why",
        content=content, commands=program_commands(
            compared.program, "why", calls=sorted({call.row.call for call in calls})
            if len(calls) < len(compared.calls) - 1 else ()))


def _functions(compared: ComparedProgram, calls: Sequence[ComparedCall], *,
               raw: bool = False) -> dict[str, Any]:
    """What the template sets: table, flame graph and tree of some calls, on one kernel or two."""
    shown = functions_shown(compared, calls, raw=raw, shown=_FUNCTIONS)
    forest = program_forest(compared, calls, raw=raw)
    headings, rows = tree_rows(forest)
    return {
        "caption": shown.title, "grid": shown.grid.seen_in("page"), "unit": forest.unit,
        "paired": [], "says": [part.text for part in shown.parts
                               if isinstance(part, Said) and part.text],
        "title": forest.title, "legend": flame_legend(forest),
        "flame": inlined(flame_svg(forest, alone=False, most=_FRAMES), "flame"),
        "headings": headings,
        "paths": [(depth, name, count_cells(counts)) for depth, name, counts in rows]}


def _section(compared: ComparedProgram, title: str, sentence: str, *, kind: str, content: Any,
             commands: list[str]) -> Section:
    return section_of(compared.program, title, sentence, kind=kind, content=content,
                      commands=commands, conditions=program_facts(compared))


def section_of(program: Program, title: str, sentence: str, *, kind: str, content: Any,
               commands: list[str], conditions: Sequence[Fact]) -> Section:
    """A section of a program's record."""
    system = program.conditions.filesystem
    return Section(
        kind=kind, title=title, sentence=sentence, metric=INSTRUCTIONS, content=content,
        particulars={"program": " ".join(program.command), "kind": system.kind,
                     "blocks": f"{show_size(system.block_size)} blocks",
                     "options": system.mount_options or "default options",
                     "kernels": listed([kernel.spec for kernel in program.kernels])},
        conditions=conditions, commands=commands,
        sources=[program_source(program, kernel) for kernel in program.kernels])


def program_source(program: Program, kernel: ProgramOnKernel) -> Source:
    """What a program's counts on a kernel come from."""
    return Source(
        kind="program", id=kernel.inputs[:12], created=program.created, inputs=kernel.inputs,
        conditions=program.conditions, kernel=KernelRecord(
            spec=kernel.spec, release=kernel.release, digest=kernel.digest,
            provenance=kernel.provenance))
