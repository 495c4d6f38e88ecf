# SPDX-License-Identifier: GPL-2.0-or-later
"""A program on a command line: its words after --, and what is round it as options, which several
commands share."""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailwalk.cases import parse_size
from tailwalk.cli.options import filesystem_from, number, options, options_given, size
from tailwalk.errors import UsageError
from tailwalk.files import read_bounded
from tailwalk.lab.records import may_be_spec

if TYPE_CHECKING:
    from tailwalk.programs.plan import MadeFile
    from tailwalk.rigs.programs import Asked

_META = "tailwalk.cli.program_options"
_REPEAT = 5  # runs whose counts differ
_MOST_INPUT = 256 << 20

program_options = options(
    click.option("--root", type=click.Path(path_type=Path), metavar="DIR|TAR|IMAGE",
                 help="The guest's root file system: a directory, a tar as docker export makes it, "
                      "or an image of ext4. It is not changed. PROGRAM is then a path in it."),
    click.option("--packages", default="", metavar="NAME,...",
                 help="A root of these Debian packages and what they need. PROGRAM is then a path "
                      "in it."),
    click.option("--file", "files", multiple=True, type=click.Path(path_type=Path),
                 help="A file to carry to the program's directory; may be repeated."),
    click.option("--make", "made", multiple=True, metavar="NAME:SIZE[:FILL]",
                 help="A file to make there, cached by writes of FILL bytes (1MiB); may be "
                      "repeated."),
    click.option("--env", "variables", multiple=True, metavar="NAME=VALUE",
                 help="An environment variable; may be repeated."),
    click.option("--chdir", "directory", default="/mnt", show_default=True, metavar="DIR",
                 help="The directory in which the program begins: that of the file system under "
                      "test."),
    click.option("--stdin", "given_input", metavar="FILE|-",
                 help="The program's standard input; - is that of this command, read to its end "
                      "beforehand.  [default: nothing]"),
    click.option("--user", default="", metavar="NAME|UID[:GID]",
                 help="Whom the program runs as, by the root's /etc/passwd.  [default: root]"),
    click.option("--disk", type=size, default="512MiB", show_default=True,
                 help="Size of the file system under test."),
    click.option("--memory", type=number(256, 65536), default=1024, show_default=True,
                 help="The guest's memory in MiB, 256 to 65536: root and disk lie in it, as far as "
                      "they are written."),
    click.option("--timeout", type=number(whole=False), default=600.0, show_default=True,
                 metavar="SECONDS", help="Time after which the program is given up."),
    click.option("--from", "begin", default="", metavar="CALL|output:TEXT",
                 help="Count what comes after this system call only, or after one that writes this "
                      "text to standard output."),
    click.option("--to", "end", default="", metavar="CALL|output:TEXT",
                 help="Count only what comes before such a call; with --from, each time anew."),
    click.option("--cpus", type=number(), default=1, show_default=True,
                 help="CPUs of the guest, up to 16. With several, counts are not exact: every run "
                      "has others."),
    click.option("--repeat", type=number(1, 99),
                 help="How often to run it on each kernel; the median counts.  [default: 1, with "
                      "several CPUs 5]"))
"""What is round a program, for `asked_from` with --append and the file system's."""

PROGRAM = ("root", "packages", "files", "made", "variables", "directory", "given_input", "user",
           "disk", "memory", "timeout", "begin", "end", "cpus", "repeat")
"""The parameters that these are."""

_CASES = ("names", "name", "fill", "file_size", "offset", "partial", "calls", "rig", "rounds",
          "regressed", "annotate", "others")
"""Those that are of cases alone."""

call_option = click.option("--call", "only", multiple=True, metavar="NAME",
                           help="Of a program: this call alone; may be repeated.")


class TakesProgram(click.Command):
    """A command that takes a program in the place of cases: after --, with what is round it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        kernels, ctx.meta[_META] = split_program(args)
        return super().parse_args(ctx, kernels)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- PROGRAM [ARGUMENT]...]"]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, of_program in (("Options", False), ("Options of a program", True)):
            found = [record for parameter in self.get_params(ctx)
                     if isinstance(parameter, click.Option)
                     and (parameter.name in (*PROGRAM, "only")) == of_program
                     and (record := parameter.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(found)


def split_program(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is the command's own, and the words of a program after --: none where kernels or files
    of records stand there."""
    words = list(arguments)
    at = words.index("--") if "--" in words else len(words)
    after = words[at + 1:]
    return (words, []) if not after or is_kernel(after[0]) else (words[:at], after)


def is_kernel(word: str) -> bool:
    """Does the word look like a kernel's spec or a record's file?"""
    return may_be_spec(word) or word.endswith(".json")


def program_words() -> list[str]:
    """The program that the current command was given after --, and its arguments."""
    found: list[str] = click.get_current_context().meta.get(_META, [])
    return found


def asked_from(given: dict[str, Any], *, records: bool = False) -> Asked | None:
    """Take what is round a program out of the current command's parameters: the program that is to
    run, with it; None where none is named.

    Raises UsageError for options of a program without one, or where only `records` of programs are
    named, and for options of cases with one.
    """
    words = program_words()
    if (words or records) and (odd := options_given(
            name for name in given if name in _CASES or name.startswith("vs_"))):
        raise UsageError(f"{', '.join(odd)}: of cases, and "
                         f"{words[0] if words else 'what is read'} is a program: leave it out.")
    if words:
        return program_asked(words[0], words[1:], given)
    if odd := options_given(name for name in (*PROGRAM, *(["only"] * ("only" in given and not
                                                                     records)))):
        raise UsageError(f"{', '.join(odd)}: of a program that is to run, and none is named: name "
                         "it last, as in -- ./program --its-option")
    for name in PROGRAM:
        del given[name]
    return None


def program_asked(program: str, arguments: Sequence[str], given: dict[str, Any]) -> Asked:
    """The program and what is round it, which is taken out of a command's parameters."""
    from tailwalk.programs.plan import ExecPlan
    from tailwalk.rigs.programs import Asked

    variables: Sequence[str] = given.pop("variables")
    wrong = next((text for text in variables if "=" not in text), None)
    if wrong is not None:
        raise UsageError(f"--env {wrong}: write NAME=VALUE.")
    root, packages, directory = (given.pop(name) for name in ("root", "packages", "directory"))
    if "/" in program and (root or packages):  # Path forgets a ./
        program = posixpath.join(directory, program)
    cpus, repeat = given.pop("cpus"), given.pop("repeat")
    return Asked(memory=given.pop("memory"), cpus=cpus,
                 repeat=repeat or (1 if cpus == 1 else _REPEAT), plan=ExecPlan(
        program=Path(program), arguments=arguments, filesystem=filesystem_from(given), root=root,
        packages=tuple(filter(None, packages.split(","))), files=given.pop("files"),
        made=[_made(text) for text in given.pop("made")],
        environment=dict(text.split("=", 1) for text in variables), directory=directory,
        input=_input(given.pop("given_input")), user=given.pop("user"), disk=given.pop("disk"),
        append=given.pop("append"), between=(given.pop("begin"), given.pop("end")),
        seconds=given.pop("timeout"))).check()


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


def _made(text: str) -> MadeFile:
    """What --make means."""
    from tailwalk.programs.plan import MadeFile

    name, *sizes = text.split(":")
    if len(sizes) not in (1, 2):
        raise UsageError(f"--make {text}: write NAME:SIZE or NAME:SIZE:FILL, such as "
                         "data:10MiB:1MiB.")
    return MadeFile(name, *map(parse_size, sizes))
