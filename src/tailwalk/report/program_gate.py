# SPDX-License-Identifier: GPL-2.0-or-later
"""A program on several kernels, as pipelines see it."""

from __future__ import annotations

from collections.abc import Iterator

from tailwalk.compare.program import (
    ComparedCall,
    ComparedProgram,
    call_label,
    nodes_of,
    of_kernel,
)
from tailwalk.profile.pairing import function_changes
from tailwalk.report.commands import program_commands
from tailwalk.report.gate import OUTCOMES, Gate, Judged
from tailwalk.report.program import accepted_calls, program_facts, program_labels
from tailwalk.report.words import show_figure, show_ratio

_FUNCTIONS = 3


def program_gate(compared: ComparedProgram) -> Gate:
    """Each call that is judged, and all that the kernel executes, on each kernel after the
    first."""
    labels = program_labels(compared.program)
    return Gate(
        baseline=labels[0],
        kernels=[(label, kernel.release) for label, kernel in zip(
            labels, compared.program.kernels, strict=True)][1:],
        judged=[one for column in range(1, len(labels))
                for one in _on(compared, column, labels[column])],
        facts=[fact for fact in program_facts(compared) if fact not in accepted_calls(compared)])


def _on(compared: ComparedProgram, column: int, label: str) -> Iterator[Judged]:
    kernels = [compared.program.kernels[at] for at in (0, column)]
    yield _judged(compared, column, label, counts=[of_kernel(kernel) for kernel in kernels])
    for call in compared.calls:
        if compared.verdict(call, column):
            yield _judged(compared, column, label, call=call,
                          counts=[call.instructions[at] for at in (0, column)])


def _judged(compared: ComparedProgram, column: int, label: str, *, counts: list[int],
            call: ComparedCall | None = None) -> Judged:
    before, after = counts
    verdict = compared.verdict(call, column)
    ratio = after / before if before else None
    shown = "" if ratio is None else f" ({show_ratio(ratio)})"
    functions = [] if call is None else [
        found for found in function_changes(nodes_of(compared, [call], [0, column]))
        if found[1]][:_FUNCTIONS]
    [command] = program_commands(compared.program, "why", columns=(0, column),
                                 calls=[call.row.call] if call else ())
    return Judged(
        name="the kernel in all" if call is None else call_label(call.row),
        case="kernel" if call is None else call.row.call,
        family="program" if call is None else call.row.kind,
        measured="all that the kernel executes for the program, and in its own threads"
        if call is None else f"{call_label(call.row)}, all calls of the program",
        metric="instructions", kernel=label, ratio=ratio, functions=functions,
        accepted=compared.acceptance(call, column), outcome=OUTCOMES.get(verdict, "passed"),
        command=command,
        said=f"{verdict}: {show_figure(after)} instructions, against {show_figure(before)} on "
             f"{program_labels(compared.program)[0]}{shown}")
