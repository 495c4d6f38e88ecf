# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk exec`: a static program on a kernel."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailwalk.cases import parse_size
from tailwalk.cli.console import open_lab, pass_on
from tailwalk.cli.options import append_option, filesystem_from, filesystem_options, number
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.cli.streams import complain
from tailwalk.errors import UsageError
from tailwalk.report.execution_lines import execution_lines
from tailwalk.runs.record import encode

if TYPE_CHECKING:
    from tailwalk.rigs.exec import Executed


@click.command()
@click.argument("spec", metavar="SPEC")
@click.argument("program", type=click.Path(path_type=Path), metavar="PROGRAM")
@click.argument("arguments", nargs=-1, metavar="[ARGUMENT]...")
@click.option("--file", "files", multiple=True, type=click.Path(path_type=Path),
              help="A file to carry to the program's directory; may be repeated.")
@click.option("--make", "made", multiple=True, metavar="NAME:SIZE[:FILL]",
              help="A file to make there, cached by writes of FILL bytes (1MiB); may be repeated.")
@click.option("--memory", type=number(256, 65536), default=1024, show_default=True,
              help="The guest's memory in MiB, 256 to 65536; half a GiB is the file system's disk.")
@append_option
@click.option("--timeout", type=number(whole=False), default=600.0, show_default=True,
              metavar="SECONDS", help="Time after which the program is given up.")
@output_options(record="Also write the record to this file.")
@filesystem_options
@click.pass_context
def exec_(context: click.Context, /, spec: str, program: Path, arguments: tuple[str, ...],
          files: tuple[Path, ...], made: tuple[str, ...], memory: int, append: str, timeout: float,
          **given: Any) -> None:
    """Run a static program on a kernel, in a fresh file system, and count its instructions.

    Write -- before the program: tailwalk exec debian:6.18 -- ./program --its-option. The program
    begins in the file system's root. Its output comes back when it has ended, and its exit status
    (128 and the signal's number where one ended it) is this command's; errors of tailwalk's own
    are status 2. The counts go to standard error.
    """
    from tailwalk.rigs.exec import ExecPlan, GivenUpError

    plan = ExecPlan(program=program, arguments=arguments, filesystem=filesystem_from(given),
                    files=files, made=[_made(text) for text in made], append=append,
                    seconds=timeout)
    outputs = Outputs().check()
    try:
        with open_lab() as lab:
            executed = lab.execute(spec, plan, memory=memory)
    except GivenUpError as late:
        _show(late.executed)
        raise
    _show(executed)
    execution = executed.execution
    outputs.save("output", lambda: encode(execution))
    context.exit(execution.status or 0 if execution.signal is None else 128 + execution.signal)


def _show(executed: Executed) -> None:
    for stream, content in ((sys.stdout, executed.stdout), (sys.stderr, executed.stderr)):
        pass_on(stream, content)
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
