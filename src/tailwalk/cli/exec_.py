# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk exec`: a static program on one kernel or several."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailwalk.cases import parse_size
from tailwalk.cli.console import open_lab, pass_on, show
from tailwalk.cli.exec_view import View
from tailwalk.cli.options import append_option, filesystem_from, filesystem_options, number
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.cli.streams import complain
from tailwalk.compare.threshold import check_threshold
from tailwalk.errors import UsageError
from tailwalk.kernels import parse_spec
from tailwalk.lab.records import may_be_spec
from tailwalk.report.execution_lines import execution_lines
from tailwalk.runs.record import encode
from tailwalk.words import listed

if TYPE_CHECKING:
    from tailwalk.report.grid import Shown
    from tailwalk.rigs.exec import Executed


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="SPEC... PROGRAM [ARGUMENT]...")
@click.option("--file", "files", multiple=True, type=click.Path(path_type=Path),
              help="A file to carry to the program's directory; may be repeated.")
@click.option("--make", "made", multiple=True, metavar="NAME:SIZE[:FILL]",
              help="A file to make there, cached by writes of FILL bytes (1MiB); may be repeated.")
@click.option("--memory", type=number(256, 65536), default=1024, show_default=True,
              help="The guest's memory in MiB, 256 to 65536; half a GiB is the file system's disk.")
@append_option
@click.option("--timeout", type=number(whole=False), default=600.0, show_default=True,
              metavar="SECONDS", help="Time after which the program is given up.")
@click.option("--repeat", type=number(1, 99), default=1, show_default=True,
              help="How often to run it on each kernel; the median counts.")
@click.option("--threshold", type=number(whole=False), metavar="PERCENT",
              help="What differs from the first kernel by no more is unchanged.  [default: 1 "
                   "between kernels of one source, 5 between others]")
@click.option("--fail-on", type=click.Choice(["regressed"]),
              help="Exit with status 1 where a call, or all that the kernel executes, became "
                   "dearer on any kernel.")
@click.option("--call", "calls", multiple=True, metavar="NAME",
              help="Functions, tree and graph of this call alone; may be repeated.")
@click.option("--functions", is_flag=True, help="Show kernel functions instead of calls.")
@click.option("--tree", is_flag=True, help="Show the call tree instead.")
@click.option("--folded", is_flag=True,
              help="Print folded stacks, as flame-graph tools take them.")
@click.option("--raw", is_flag=True,
              help="Show each kernel's own names: pair nothing that was renamed or inlined.")
@click.option("--all", "everything", is_flag=True, help="Leave nothing out of a table or tree.")
@output_options(record="Also write the record to this file.", svg="Also draw a flame graph.")
@filesystem_options
@click.pass_context
def exec_(context: click.Context, /, words: tuple[str, ...], files: tuple[Path, ...],
          made: tuple[str, ...], memory: int, append: str, timeout: float, repeat: int,
          threshold: float | None, fail_on: str | None, **given: Any) -> None:
    """Run a static program in a fresh file system and count what it asks of the kernel.

    Write -- before the program: tailwalk exec debian:6.12 debian:6.18 -- ./program --its-option.
    The program begins in the file system's root. With one kernel its output comes back when it has
    ended, its exit status (128 and the signal's number where one ended it) is this command's, and
    the counts go to standard error. With several, the comparison goes to standard output and what
    the program wrote to standard error. Errors of tailwalk's own are status 2.
    """
    from tailwalk.compare.program import compare_program
    from tailwalk.rigs.exec import ExecPlan, GivenUpError
    from tailwalk.rigs.programs import median_run, program_record

    specs, program, arguments = _words(words)
    check_threshold(threshold)
    if len(specs) == 1 and fail_on is not None:
        raise UsageError(f"--fail-on {fail_on}: {specs[0]} is the only kernel named, and nothing "
                         "regresses without another to compare with. Name the old kernel first.")
    view = View(**{name: given.pop(name) for name in (
        "calls", "functions", "tree", "folded", "raw", "everything")})
    view.check(len(specs))
    plan = ExecPlan(program=program, arguments=arguments, filesystem=filesystem_from(given),
                    files=files, made=[_made(text) for text in made], append=append,
                    seconds=timeout)
    outputs = Outputs().check()
    try:
        with open_lab() as lab:
            runs = lab.execute_all(specs, plan, memory=memory, repeat=repeat)
    except GivenUpError as late:
        _pass_on(late.executed)
        _tell(late.executed)
        raise
    record = program_record(runs)
    outputs.save("output", lambda: encode(record))
    compared = compare_program(record, threshold=threshold)
    shown = view.of(compared)
    outputs.save("svg", lambda: view.graph(compared))
    first = median_run(runs[0])
    if len(specs) == 1:
        _pass_on(first)
        _print(shown, aside=True)
        _tell(first)
        execution = first.execution
        context.exit(execution.status or 0 if execution.signal is None else 128 + execution.signal)
    for spec, repeated in zip(specs, runs, strict=True):
        complain(f"{spec}:")
        _pass_on(median_run(repeated), aside=True)
    _print(shown)
    if fail_on is not None and compared.regressed():
        context.exit(1)


def _print(shown: Shown | str, *, aside: bool = False) -> None:
    if isinstance(shown, str):
        click.echo(shown, nl=False, err=aside)
    else:
        show(shown, aside=aside)


def _words(words: Sequence[str]) -> tuple[list[str], Path, Sequence[str]]:
    """The specs, the program and its arguments."""
    specs = list(takewhile(may_be_spec, words))
    rest = words[len(specs):]
    if not specs:
        parse_spec(words[0])  # which says what a spec is
    if not rest:
        raise UsageError(f"{listed(specs)}: no program is named. Name it after the kernels: "
                         f"tailwalk exec {' '.join(specs)} -- ./program")
    return specs, Path(rest[0]), rest[1:]


def _pass_on(executed: Executed, *, aside: bool = False) -> None:
    """What the program wrote; all of it to standard error where it stands `aside`."""
    pass_on(sys.stderr if aside else sys.stdout, executed.stdout)
    pass_on(sys.stderr, executed.stderr)


def _tell(executed: Executed) -> None:
    for line in (*executed.notes, *execution_lines(executed.execution)):
        complain(line)


def _made(text: str) -> Any:
    """What --make means."""
    from tailwalk.rigs.exec import MadeFile

    name, *sizes = text.split(":")
    if len(sizes) not in (1, 2):
        raise UsageError(f"--make {text}: write NAME:SIZE or NAME:SIZE:FILL, such as "
                         "data:10MiB:1MiB.")
    return MadeFile(name, *map(parse_size, sizes))
