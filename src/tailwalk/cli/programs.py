# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs under the commands that take them in the place of cases: they are run or read, what they
write is passed on, and what they asked of the kernels is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from types import TracebackType
from typing import TYPE_CHECKING

import click

from tailwalk.cli.passed import HeldOutput, Passed
from tailwalk.cli.program_view import View, require_calls
from tailwalk.cli.streams import complain
from tailwalk.report.execution_lines import execution_lines
from tailwalk.runs.record import encode

if TYPE_CHECKING:
    from tailwalk.cli.gate import Gating
    from tailwalk.cli.outputs import Outputs
    from tailwalk.compare.steps import LeftOut
    from tailwalk.lab.lab import Lab
    from tailwalk.report.grid import Shown
    from tailwalk.rigs.exec import Executed
    from tailwalk.rigs.programs import Asked
    from tailwalk.rigs.running import Sink
    from tailwalk.runs.program import Program

_INTERRUPTED = 130


class Passing:
    """What a program writes on several kernels: the first's is passed on as it comes, `aside` to
    standard error under its spec, and the others' when `show` is called. To be used as a context
    manager."""

    def __init__(self, specs: Sequence[str], *, aside: bool = True) -> None:
        self._specs = specs
        self._passed = Passed(aside=aside, title=f"{specs[0]}:" if aside and specs else "")
        self._held = [HeldOutput() for _ in specs[1:]]

    @property
    def sinks(self) -> list[Sink | None]:
        """For each kernel."""
        sinks: list[Sink | None] = [self._passed.take, *(one.take for one in self._held)]
        return sinks[:len(self._specs)]

    def show(self) -> None:
        """Pass on what is held."""
        for spec, one in zip(self._specs[1:], self._held, strict=True):
            one.show(f"{spec}:")

    def __enter__(self) -> Passing:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._passed.close()


@contextmanager
def giving_up() -> Iterator[None]:
    """Say of a program that was given up what it had come to, and end with the status of Ctrl-C
    where that came."""
    from tailwalk.rigs.exec import GivenUpError

    try:
        yield
    except GivenUpError as late:
        tell(late.executed)
        if late.interrupted:
            click.get_current_context().exit(_INTERRUPTED)
        raise


def tell(executed: Executed) -> None:
    """Say what a program came to."""
    for line in (*executed.notes, *execution_lines(executed.execution)):
        complain(line)


def taken(lab: Lab, arguments: Sequence[str], asked: Asked | None) -> Program:
    """The program on the kernel of each argument; raises as `program_on`."""
    from tailwalk.lab.programs import program_on, specs_of

    specs = specs_of(arguments)
    with giving_up(), Passing(specs) as passing:
        found = program_on(lab, arguments, asked, sinks=passing.sinks)
    passing.show()
    return found


def show_comparison(program: Program, outputs: Outputs, gating: Gating, *,
                    threshold: float | None) -> None:
    """Write and print a program on several kernels as `tailwalk compare` does, and end with the
    status that is asked for."""
    from tailwalk.compare.program import compare_program
    from tailwalk.report.data import program_csv
    from tailwalk.report.mail import program_mail
    from tailwalk.report.markdown import shown_markdown
    from tailwalk.report.program import program_shown
    from tailwalk.report.program_gate import program_gate
    from tailwalk.report.program_section import program_section

    compared = gating.applied_to(compare_program(program, threshold=threshold))
    gate = cache(lambda: program_gate(compared))
    forms: dict[str, Callable[[], str]] = {
        "csv": partial(program_csv, compared), "mail": partial(program_mail, compared),
        "markdown": lambda: shown_markdown(program_shown(compared, shown=None))}
    outputs.put(lambda: program_shown(compared), record=lambda: encode(program),
                sections=lambda: [program_section(compared)], **gating.files(gate), **forms)
    gating.tell(gate, regressed=compared.regressed())


def show_functions(program: Program, view: View, outputs: Outputs) -> None:
    """Write and print in which functions a program's calls execute, as `tailwalk why` does."""
    from tailwalk.compare.program import compare_program
    from tailwalk.report.program_section import functions_section

    compared = compare_program(program)

    def shown() -> Shown | str:
        return view.of(compared)

    outputs.save("output", lambda: encode(program))
    outputs.put(shown, svg=lambda: view.graph(compared), json=lambda: encode(program),
                sections=lambda: [functions_section(compared, view.chosen(compared),
                                                    raw=view.raw)])


def show_track(program: Program, left_out: Sequence[LeftOut], outputs: Outputs, *,
               only: Sequence[str], threshold: float | None) -> None:
    """Write and print a program over kernels, as `tailwalk track` does."""
    from tailwalk.compare.program import compare_program
    from tailwalk.compare.program_steps import track_program
    from tailwalk.report.data import program_csv
    from tailwalk.report.program_track import (
        program_track_section,
        program_track_shown,
        program_track_svg,
    )

    require_calls(program, only)
    found = track_program(program, only=only, threshold=threshold, left_out=left_out)
    outputs.put(lambda: program_track_shown(found), record=lambda: encode(program),
                svg=lambda: program_track_svg(found),
                sections=lambda: [program_track_section(found)],
                csv=lambda: program_csv(compare_program(program, threshold=threshold)))
