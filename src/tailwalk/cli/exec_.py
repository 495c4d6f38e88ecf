# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk exec`: a program on one kernel or several."""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailwalk.cases import parse_size
from tailwalk.cli.console import open_lab, show
from tailwalk.cli.exec_view import View
from tailwalk.cli.options import append_option, filesystem_from, filesystem_options, number, size
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.cli.passed import Held, Passed
from tailwalk.cli.streams import complain
from tailwalk.compare.threshold import check_threshold
from tailwalk.errors import UsageError
from tailwalk.files import read_bounded
from tailwalk.kernels import parse_spec
from tailwalk.lab.records import may_be_spec
from tailwalk.report.execution_lines import execution_lines
from tailwalk.runs.record import encode
from tailwalk.words import listed

if TYPE_CHECKING:
    from tailwalk.programs.plan import ExecPlan
    from tailwalk.report.grid import Shown
    from tailwalk.rigs.exec import Executed
    from tailwalk.runs.program import Program

_INTERRUPTED = 130
_MOST_INPUT = 256 << 20


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="SPEC... PROGRAM [ARGUMENT]...|RECORD...")
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
@click.option("--from", "begin", default="", metavar="CALL",
              help="Count what comes after this system call only.")
@click.option("--to", "end", default="", metavar="CALL",
              help="Count what comes before this system call only; after --from again each time.")
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
def exec_(context: click.Context, /, words: tuple[str, ...], memory: int, repeat: int,
          threshold: float | None, fail_on: str | None, **given: Any) -> None:
    """Run a program in a fresh file system and count what it asks of the kernel.

    Write -- before the program: tailwalk exec debian:6.12 debian:6.18 -- ./program --its-option. A
    program or script of this machine is carried to the guest with the libraries and the interpreter
    that it names. It begins in the file system under test. With one kernel what it writes is shown
    as it is written, its exit status (128 and the signal's number where one ended it) is this
    command's, and the counts go to standard error, after Ctrl-C too. With several, the comparison
    goes to standard output and what the program wrote to standard error. Errors of tailwalk's own
    are status 2. Records that --json wrote are shown again, one or several of one program.
    """
    from tailwalk.rigs.exec import GivenUpError
    from tailwalk.rigs.programs import median_run, program_record
    from tailwalk.runs.program import joined, read_program_record

    check_threshold(threshold)
    view = View(**{name: given.pop(name) for name in (
        "calls", "functions", "tree", "folded", "raw", "everything")})
    if all(word.endswith(".json") for word in words):
        outputs = Outputs().check(read=words)
        _show(joined([read_program_record(Path(word)) for word in words]), view, outputs,
              threshold=threshold, fail_on=fail_on)
        return
    specs, program, arguments = _words(words)
    _check(specs, view, fail_on)
    plan = _plan(program, arguments, given)
    outputs = Outputs().check()
    passed = Passed(aside=len(specs) > 1, title=f"{specs[0]}:" if len(specs) > 1 else "")
    held = [Held() for _ in specs[1:]]
    try:
        with open_lab() as lab:
            runs = lab.execute_all(specs, plan, memory=memory, repeat=repeat,
                                   sinks=[passed.take, *(one.take for one in held)])
    except GivenUpError as late:
        _tell(late.executed)
        if late.interrupted:
            context.exit(_INTERRUPTED)
        raise
    finally:
        passed.close()
    record, first = program_record(runs), median_run(runs[0])
    for spec, one in zip(specs[1:], held, strict=True):
        one.show(f"{spec}:")
    _show(record, view, outputs, threshold=threshold, fail_on=fail_on, aside=len(specs) == 1)
    if len(specs) == 1:
        _tell(first)
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

    _check([kernel.spec for kernel in record.kernels], view, fail_on)
    outputs.save("output", lambda: encode(record))
    compared = compare_program(record, threshold=threshold)
    outputs.save("svg", lambda: view.graph(compared))
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


def _plan(program: str, arguments: Sequence[str], given: dict[str, Any]) -> ExecPlan:
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
        disk=given["disk"], append=given["append"],
        between=(given["begin"], given["end"]), seconds=given["timeout"])


def _input(name: str | None) -> bytes | None:
    """What --stdin means."""
    if name is None:
        return None
    if name == "-":
        if sys.stdin is None:
            raise UsageError("--stdin -: this command was given no standard input.")
        content = sys.stdin.buffer.read(_MOST_INPUT + 1)
        if len(content) > _MOST_INPUT:
            raise UsageError(f"--stdin -: it has more than {_MOST_INPUT >> 20} MiB.")
        return content
    try:
        return read_bounded(Path(name), _MOST_INPUT, pipes=True)
    except OSError as error:
        raise UsageError(f"--stdin {name}: it cannot be read ({error.strerror}).") from error


def _tell(executed: Executed) -> None:
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
