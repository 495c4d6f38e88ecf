# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs on kernels: from specs and records to one record of all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from tailwalk.compare.steps import LeftOut
from tailwalk.errors import TailwalkError, UsageError
from tailwalk.lab.lab import Lab
from tailwalk.lab.records import is_spec, read_program
from tailwalk.lab.releases import OF_ONE_KERNEL, left_out
from tailwalk.lab.sought import is_interrupt
from tailwalk.rigs.cores import collected
from tailwalk.rigs.programs import Asked
from tailwalk.rigs.running import Sink
from tailwalk.runs.program import Program, joined


def specs_of(arguments: Sequence[str]) -> list[str]:
    """The specs among some arguments, each once; raises SpecError for what is no argument."""
    return list(dict.fromkeys(filter(is_spec, arguments)))


def program_on(lab: Lab, arguments: Sequence[str], asked: Asked | None, *,
               sinks: Sequence[Sink | None] = ()) -> Program:
    """The program on the kernel of each argument, in order: on a spec's it is run, as it is asked
    for, or was with identical inputs; any other is a record that is read, and before anything is
    run. There is a sink for each spec (`specs_of`), or none.

    Raises UsageError for a spec without a program, and for records of different programs,
    RecordError, and what resolving and running raise.
    """
    specs = specs_of(arguments)
    found = {name: read_program(name, progress=lab.progress) for name in arguments
             if name not in specs}
    if found:
        joined(list(found.values()))
    if specs:
        if asked is None:
            raise UsageError(f"{specs[0]} is a kernel, and the program that it is to run is not "
                             "named, which a record does not hold: name it last, as it was run "
                             "before, as in -- ./program --its-option")
        ran = collected(lab.execute_each([(spec, spec) for spec in specs], asked, sinks=sinks))
        if kept := [spec for spec in specs if not ran[spec].runs]:
            lab.progress.note(f"{', '.join(kept)}: run before with identical inputs, whose record "
                              "is taken (--fresh runs it again)")
        found |= {spec: one.program for spec, one in ran.items()}
    return joined([found[name] for name in arguments])


def follow_program(lab: Lab, specs: Sequence[str], asked: Asked) -> tuple[Program, list[LeftOut]]:
    """The program on the kernel of each spec, run, or taken, once each. A kernel that cannot be
    had, or on which it cannot be run, is left out.

    Raises its error where that leaves none, what says something of all kernels, and GivenUpError
    where Ctrl-C came.
    """
    ran: dict[str, Program] = {}
    failed: dict[str, TailwalkError] = {}
    specs = list(dict.fromkeys(specs))
    with closing(lab.execute_each([(spec, spec) for spec in specs], asked)) as finished:
        for spec, outcome in finished:
            if not isinstance(outcome, TailwalkError):
                ran[spec] = outcome.program
            elif isinstance(outcome, OF_ONE_KERNEL) and not is_interrupt(outcome):
                failed[spec] = outcome
                lab.progress.note(f"{spec} is left out: {outcome}")
            else:
                raise outcome
    if not ran:
        raise next(iter(failed.values()))
    return joined([ran[spec] for spec in specs if spec in ran]), left_out(specs, failed)
