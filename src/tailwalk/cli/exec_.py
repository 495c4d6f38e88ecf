# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk exec`: a program on one kernel or several."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailwalk.cli.console import open_lab, show
from tailwalk.cli.options import append_option, dask_option, filesystem_options, number
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.cli.program_options import call_option, program_asked, program_options
from tailwalk.cli.program_view import View
from tailwalk.cli.programs import Passing, giving_up, tell
from tailwalk.compare.threshold import check_threshold
from tailwalk.errors import UsageError
from tailwalk.kernels import parse_spec
from tailwalk.lab.records import may_be_spec
from tailwalk.runs.record import encode
from tailwalk.words import listed

if TYPE_CHECKING:
    from tailwalk.report.grid import Shown
    from tailwalk.runs.program import Program


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="SPEC... PROGRAM [ARGUMENT]...|RECORD...")
@program_options
@append_option
@click.option("--threshold", type=number(whole=False), metavar="PERCENT",
              help="What differs from the first kernel by no more is unchanged.  [default: 1 "
                   "between kernels of one source, 5 between others]")
@click.option("--fail-on", type=click.Choice(["regressed"]),
              help="Exit with status 1 where a call, or all that the kernel executes, became "
                   "dearer on any kernel.")
@call_option
@click.option("--functions", is_flag=True, help="Show kernel functions instead of calls.")
@click.option("--tree", is_flag=True, help="Show the call tree instead.")
@click.option("--folded", is_flag=True,
              help="Print folded stacks, as flame-graph tools take them.")
@click.option("--raw", is_flag=True,
              help="Show each kernel's own names: pair nothing that was renamed or inlined.")
@click.option("--all", "everything", is_flag=True, help="Leave nothing out of a table or tree.")
@output_options(record="Also write the record to this file.", svg="Also draw a flame graph.",
                html="Also write calls, functions and flame graph as one self-contained page.")
@filesystem_options
@dask_option
@click.pass_context
def exec_(context: click.Context, /, words: tuple[str, ...], threshold: float | None,
          fail_on: str | None, dask: str | None, **given: Any) -> None:
    """Run a program in a fresh file system and count what it asks of the kernel.

    Write -- before the program: tailwalk exec debian:6.12 debian:6.18 -- ./program --its-option. A
    program or script of this machine is carried to the guest with the libraries and the interpreter
    that it names. It begins in the file system under test. With one kernel what it writes is shown
    as it is written, its exit status (128 and the signal's number where one ended it) is this
    command's, and the counts go to standard error, after Ctrl-C too. With several, the comparison
    goes to standard output and what the program wrote to standard error. Errors of tailwalk's own
    are status 2. Records that --json wrote are shown again, one or several of one program.
    """
    from tailwalk.rigs.programs import median_run
    from tailwalk.runs.program import joined, read_program_record

    check_threshold(threshold)
    view = View.taken(given)
    if all(word.endswith(".json") for word in words):
        outputs = Outputs().check(read=words)
        _show(joined([read_program_record(Path(word)) for word in words]), view, outputs,
              threshold=threshold, fail_on=fail_on)
        return
    specs, program, arguments = _words(words)
    _check(specs, view, fail_on)
    asked = program_asked(program, arguments, given)
    outputs = Outputs().check()
    alone = len(specs) == 1
    with open_lab(dask=dask) as lab, giving_up(), Passing(specs, aside=not alone) as passing:
        found = lab.execute_all(specs, asked, sinks=passing.sinks)
    passing.show()
    record = joined([one.program for one in found])
    _show(record, view, outputs, threshold=threshold, fail_on=fail_on, aside=alone)
    if alone:
        first = median_run(found[0].runs)
        tell(first)
        execution = first.execution
        context.exit(execution.status or 0 if execution.signal is None else 128 + execution.signal)


def _check(kernels: Sequence[str], view: View, fail_on: str | None) -> None:
    """Refuse what cannot be meant of so many kernels."""
    view.check(len(kernels))
    if len(kernels) == 1 and fail_on is not None:
        raise UsageError(f"--fail-on {fail_on}: {kernels[0]} is the only kernel named, and nothing "
                         "regresses without another to compare with. Name the old kernel first.")


def _show(record: Program, view: View, outputs: Outputs, *, threshold: float | None,
          fail_on: str | None, aside: bool = False) -> None:
    """Write and print what was asked for, and end with status 1 where that is asked for too."""
    from tailwalk.compare.program import compare_program
    from tailwalk.report.program_section import program_section

    _check([kernel.spec for kernel in record.kernels], view, fail_on)
    outputs.save("output", lambda: encode(record))
    compared = compare_program(record, threshold=threshold)
    outputs.save("svg", lambda: view.graph(compared))
    outputs.save_page(lambda: [program_section(compared)])
    _print(view.of(compared), aside=aside)
    if fail_on is not None and compared.regressed():
        click.get_current_context().exit(1)


def _print(shown: Shown | str, *, aside: bool = False) -> None:
    if isinstance(shown, str):
        click.echo(shown, nl=False, err=aside)
    else:
        show(shown, aside=aside)


def _words(words: Sequence[str]) -> tuple[list[str], str, Sequence[str]]:
    """The specs, the program and its arguments."""
    specs = list(takewhile(may_be_spec, words))
    rest = words[len(specs):]
    if not specs:
        parse_spec(words[0])  # which says what a spec is
    if not rest:
        raise UsageError(f"{listed(specs)}: no program is named. Name it after the kernels: "
                         f"tailwalk exec {' '.join(specs)} -- ./program")
    return specs, rest[0], rest[1:]
