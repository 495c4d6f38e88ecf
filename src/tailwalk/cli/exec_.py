# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk exec`: a program on a kernel."""

from __future__ import annotations

import posixpath
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailwalk.cases import parse_size
from tailwalk.cli.console import Passed, open_lab
from tailwalk.cli.options import append_option, filesystem_from, filesystem_options, number, size
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.cli.streams import complain
from tailwalk.errors import UsageError
from tailwalk.files import read_bounded
from tailwalk.report.execution_lines import execution_lines
from tailwalk.runs.record import encode

if TYPE_CHECKING:
    from tailwalk.programs.plan import ExecPlan
    from tailwalk.rigs.exec import Executed

_INTERRUPTED = 130
_MOST_INPUT = 256 << 20


@click.command()
@click.argument("spec", metavar="SPEC")
@click.argument("program", type=click.Path(), metavar="PROGRAM")
@click.argument("arguments", nargs=-1, metavar="[ARGUMENT]...")
@click.option("--root", type=click.Path(path_type=Path), metavar="DIR|TAR|IMAGE",
              help="The guest's root file system: a directory, a tar as docker export makes it, "
                   "or an image of ext4. It is not changed. PROGRAM is then a path in it.")
@click.option("--packages", default="", metavar="NAME,...",
              help="A root of these Debian packages and what they need. PROGRAM is then a path in "
                   "it.")
@click.option("--file", "files", multiple=True, type=click.Path(path_type=Path),
              help="A file to carry to the program's directory; may be repeated.")
@click.option("--make", "made", multiple=True, metavar="NAME:SIZE[:FILL]",
              help="A file to make there, cached by writes of FILL bytes (1MiB); may be repeated.")
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE",
              help="An environment variable; may be repeated.")
@click.option("--chdir", "directory", default="/mnt", show_default=True, metavar="DIR",
              help="The directory in which the program begins: that of the file system under test.")
@click.option("--stdin", "given_input", metavar="FILE|-",
              help="The program's standard input; - is that of this command, read to its end "
                   "beforehand.  [default: nothing]")
@click.option("--user", default="", metavar="NAME|UID[:GID]",
              help="Whom the program runs as, by the root's /etc/passwd.  [default: root]")
@click.option("--disk", type=size, default="512MiB", show_default=True,
              help="Size of the file system under test.")
@click.option("--memory", type=number(256, 65536), default=1024, show_default=True,
              help="The guest's memory in MiB, 256 to 65536: root and disk lie in it, as far as "
                   "they are written.")
@append_option
@click.option("--timeout", type=number(whole=False), default=600.0, show_default=True,
              metavar="SECONDS", help="Time after which the program is given up.")
@output_options(record="Also write the record to this file.")
@filesystem_options
@click.pass_context
def exec_(context: click.Context, /, spec: str, program: str, arguments: tuple[str, ...],
          memory: int, **given: Any) -> None:
    """Run a program on a kernel, in a fresh file system, and count its instructions.

    Write -- before the program: tailwalk exec debian:6.18 -- ./program --its-option. A program or
    script of this machine is carried to the guest with the libraries and the interpreter that it
    names. It begins in the file system under test. What it writes is shown as it is written, and
    its exit status (128 and the signal's number where one ended it) is this command's; errors of
    tailwalk's own are status 2. The counts go to standard error, after Ctrl-C too.
    """
    from tailwalk.rigs.exec import GivenUpError

    plan = _plan(program, arguments, given)
    outputs = Outputs().check()
    passed = Passed()
    try:
        with open_lab() as lab:
            executed = lab.execute(spec, plan, memory=memory, sink=passed.take)
    except GivenUpError as late:
        _show(late.executed)
        if late.interrupted:
            context.exit(_INTERRUPTED)
        raise
    finally:
        passed.close()
    _show(executed)
    execution = executed.execution
    outputs.save("output", lambda: encode(execution))
    context.exit(execution.status or 0 if execution.signal is None else 128 + execution.signal)


def _plan(program: str, arguments: tuple[str, ...], given: dict[str, Any]) -> ExecPlan:
    from tailwalk.programs.plan import ExecPlan

    wrong = next((text for text in given["variables"] if "=" not in text), None)
    if wrong is not None:
        raise UsageError(f"--env {wrong}: write NAME=VALUE.")
    if "/" in program and (given["root"] or given["packages"]):  # Path forgets a ./
        program = posixpath.join(given["directory"], program)
    return ExecPlan(
        program=Path(program), arguments=arguments, filesystem=filesystem_from(given),
        root=given["root"], packages=tuple(filter(None, given["packages"].split(","))),
        files=given["files"], made=[_made(text) for text in given["made"]],
        environment=dict(text.split("=", 1) for text in given["variables"]),
        directory=given["directory"], input=_input(given["given_input"]), user=given["user"],
        disk=given["disk"], append=given["append"], seconds=given["timeout"])


def _input(name: str | None) -> bytes | None:
    """What --stdin means."""
    if name is None:
        return None
    if name == "-":
        content = sys.stdin.buffer.read(_MOST_INPUT + 1)
        if len(content) > _MOST_INPUT:
            raise UsageError(f"--stdin -: it has more than {_MOST_INPUT >> 20} MiB.")
        return content
    try:
        return read_bounded(Path(name), _MOST_INPUT, pipes=True)
    except OSError as error:
        raise UsageError(f"--stdin {name}: it cannot be read ({error.strerror}).") from error


def _show(executed: Executed) -> None:
    for line in (*executed.notes, *execution_lines(executed.execution)):
        complain(line)


def _made(text: str) -> Any:
    """What --make means."""
    from tailwalk.programs.plan import MadeFile

    name, *sizes = text.split(":")
    if len(sizes) not in (1, 2):
        raise UsageError(f"--make {text}: write NAME:SIZE or NAME:SIZE:FILL, such as "
                         "data:10MiB:1MiB.")
    return MadeFile(name, *map(parse_size, sizes))
