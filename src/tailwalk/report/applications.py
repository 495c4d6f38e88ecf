# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of an upgrade: what the kernels execute for each of them in all, and in which calls
that moved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tailwalk.compare.applications import Application
from tailwalk.compare.program import of_kernel
from tailwalk.report.commands import program_commands
from tailwalk.report.figures import Figures, narrow
from tailwalk.report.grid import BLANK, Cell, Column, Fact, Grid, GridRow, Over, Said
from tailwalk.report.heat import weighted
from tailwalk.report.program import calls_grid, change_sentences, program_facts, program_labels
from tailwalk.report.program_section import program_source
from tailwalk.report.section import Section
from tailwalk.report.words import show_figure, show_ratio
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.words import listed

_CALLS = 6  # of a program, on a page
_SHARED = ("machine", "file system", "verdicts", "disk's driver", "note")


def applications_grid(applications: Sequence[Application], kernels: Sequence[str]) -> Grid:
    """A line a program: what the kernel executes for it in all, user mode left out, and the ratio
    to the first of the `kernels`."""
    columns = [Column("program", "name")]
    for number, label in enumerate(kernels):
        over = Over(label=label)
        columns += [Column("instructions", of=over),
                    *([Column("ratio", "ratio", of=over)] if number else [])]
    return Grid(columns=columns, rows=[
        GridRow([Cell(one.name, key=one.name, under=_ended(one)), *_cells(one)])
        for one in applications])


def _ended(one: Application) -> str:
    """How the program failed, where it did."""
    kernels = one.compared.program.kernels
    ends = {f"signal {kernel.signal}" if kernel.signal is not None else
            f"exit status {kernel.status}" for kernel in kernels
            if kernel.signal is not None or kernel.status}
    return f"it failed: {listed(sorted(ends))}" if ends else ""


def _totals(one: Application) -> list[float | None]:
    """What each kernel executes; None where that is not known."""
    kernels = one.compared.program.kernels
    return [None if place is None else of_kernel(kernels[place]) for place in one.columns]


def _ratios(one: Application) -> list[float | None]:
    totals = _totals(one)
    return [total / totals[0] if total is not None and totals[0] else None for total in totals]


def _cells(one: Application) -> Iterator[Cell]:
    found = zip(one.columns, _totals(one), _ratios(one), strict=True)
    for number, (place, total, ratio) in enumerate(found):
        yield Cell("-", "missing") if total is None else Cell(
            show_figure(round(total)), key=str(total))
        if number:
            yield Cell("" if place is None else show_ratio(ratio),
                       (place and one.compared.verdict(None, place)) or "missing",
                       key="" if ratio is None else repr(ratio))


def applications_parts(applications: Sequence[Application],
                       kernels: Sequence[str]) -> list[Grid | Said]:
    """The programs as a terminal has them: the table, and of each what moved on the new kernel."""
    if not applications:
        return []
    return [Said("Applications: instructions that the kernel executes for all of a program"),
            applications_grid(applications, kernels), BLANK,
            *(Said(f"{one.name}: on {kernels[1]} "
                   f"{next(change_sentences(one.compared, 1)).partition(': ')[2]}")
              for one in applications), BLANK]


def applications_sentence(applications: Sequence[Application], kernels: Sequence[str]) -> str:
    """How many of the programs cost more and less on the new kernel, in one sentence."""
    dearer = [one for one in applications if one.compared.verdicts[0] == "regressed"]
    cheaper = [one for one in applications if one.compared.verdicts[0] == "improved"]
    of = f"of {len(applications)} program{'' if len(applications) == 1 else 's'}"
    if not dearer:
        more = f"For none {of} the kernel executes more on {kernels[1]} than on {kernels[0]}"
    else:
        worst = max(dearer, key=lambda one: _ratios(one)[1] or math.inf)
        more = (f"For {len(dearer)} {of} the kernel executes more on {kernels[1]} than on "
                f"{kernels[0]}, {'most ' if len(dearer) > 1 else ''}for {worst.name} "
                f"({show_ratio(_ratios(worst)[1])})")
    return f"{more}; less for {len(cheaper) or 'none'}."


def applications_section(applications: Sequence[Application],
                         kernels: Sequence[str]) -> Section:
    """The programs as a part of a page: the table, then the calls of each."""
    programs = [one.compared.program for one in applications]
    table = weighted(applications_grid(applications, kernels))
    return Section(
        kind="applications", title="Applications", metric=INSTRUCTIONS,
        sentence=applications_sentence(applications, kernels),
        particulars={"programs": listed([one.name for one in applications])},
        content={
            "figures": Figures(
                caption="Instructions that the kernel executes for all of a program, its own in "
                        "user mode left out", grid=table, narrow=narrow(table), chart=None),
            "programs": [(one.name, {
                "caption": "The calls that differ most", "unit": "",
                "grid": calls_grid(one.compared, _CALLS).seen_in("page")},
                list(_sentences(one))) for one in applications]},
        conditions=[_conditions(one) for one in applications],
        commands=[line for program in programs for line in program_commands(program, "exec")],
        sources=[program_source(program, kernel) for program in programs
                 for kernel in program.kernels])


def _sentences(one: Application) -> Iterator[str]:
    """What moved on the new kernel, and in which functions; of later ones only what."""
    yield from change_sentences(one.compared, 1)
    for column in range(2, len(one.compared.program.kernels)):
        yield next(change_sentences(one.compared, column))


def _conditions(one: Application) -> Fact:
    labels = program_labels(one.compared.program)
    ended = [f"{name}: {text.rpartition('; ')[2]}" for name, text in program_facts(one.compared)
             if name in labels]
    return one.name, "; ".join([*ended, *(
        text for name, text in program_facts(one.compared) if name in _SHARED)])
