# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: one file a command, loaded when the command is asked for."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from tailwalk import __version__
from tailwalk.cli.signals import end_by_signals, ended
from tailwalk.cli.streams import complain, complaining, drop_rest, is_stream, name_streams
from tailwalk.cli.suggestions import SuggestingGroup
from tailwalk.errors import TailwalkError, UsageError
from tailwalk.refusals import refusal

GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Ask": {
        "upgrade": ("tailwalk.cli.upgrade:upgrade", "Say what an upgrade makes dearer, and why."),
        "compare": ("tailwalk.cli.compare:compare", "Measure or read runs and compare them."),
        "why": ("tailwalk.cli.why:why", "Count a call's instructions by kernel function."),
        "sweep": ("tailwalk.cli.sweep:sweep", "Measure over folio size and place in the folio."),
        "exec": ("tailwalk.cli.exec_:exec_", "Run a program on kernels and count its calls."),
        "region": ("tailwalk.cli.region:region",
                   "Print what marks the counted region of a program."),
        "host": ("tailwalk.cli.host:host", "Measure this machine's own kernel, in nanoseconds."),
        "track": ("tailwalk.cli.track:track", "Follow cases over kernel releases; name the steps."),
        "bisect": ("tailwalk.cli.bisect:bisect", "Find the first release that is dearer."),
        "bisect step": ("tailwalk.cli.bisect_step:bisect_step",
                        "Say good, bad or skip of one kernel, for git bisect run."),
        "run": ("tailwalk.cli.run:run", "Measure cases on one kernel."),
        "cases": ("tailwalk.cli.cases:cases", "List the cases and suites, or explain one."),
    },
    "Prove": {
        "verify": ("tailwalk.cli.verify:verify", "Put a kernel under data-integrity tests."),
        "model": ("tailwalk.cli.model:model", "Check designs of the walk and predict their cost."),
    },
    "Keep": {
        "runs": ("tailwalk.cli.runs:runs",
                 "List, show, export, import or prune what was measured."),
        "report": ("tailwalk.cli.report:report", "Write one page of runs and profiles."),
        "schema": ("tailwalk.cli.schema:schema", "Print the JSON Schema of a record."),
    },
    "Kernels": {
        "kernels": ("tailwalk.cli.kernels:kernels", "List the kernels to be had and those cached."),
        "build": ("tailwalk.cli.build:build", "Build a kernel from source."),
        "series": ("tailwalk.cli.series:series", "List, show, apply or write out a series."),
        "cache": ("tailwalk.cli.cache:cache",
                  "List, verify or prune what is kept for the next time."),
        "doctor": ("tailwalk.cli.doctor:doctor", "Say what this machine lacks and how to mend it."),
    },
}
"""By group, a command's (module:attribute, what `tailwalk --help` says of it). The help stands here
so that asking for it imports no command; a name of two words is asked for by both."""

_COMMANDS = {name: entry for group in GROUPS.values() for name, entry in group.items()}

_FIRST = {
    "Is this upgrade safe?": "tailwalk upgrade debian:6.12 debian:6.18",
    "Is my patch right?": "tailwalk compare src:6.18 src:PATH",
    "Is my database affected?": "tailwalk host DIR",
}
"""What each of three readers may begin with."""

_OF_KERNELS = frozenset({"run", "upgrade", "build", "verify", "sweep", "report"})
"""The commands whose arguments are kernels and records, and no program."""

_OF_PROGRAMS = frozenset({"compare", "why", "track", "bisect"})
"""Those that a program may follow, after --."""


@contextmanager
def _until_reader_leaves() -> Iterator[None]:
    """End with 141, as a shell says of SIGPIPE, where a write finds its reader gone.

    Click would exit 1, which is kept for verdicts, and does so for every broken pipe: one that is
    not of the two streams is an error of its own.
    """
    try:
        yield
    except BrokenPipeError as error:
        if not is_stream(error):
            raise refusal(error) from error
        drop_rest(error)
        sys.exit(141)


def require_text(arguments: Iterable[str]) -> None:
    """Raise UsageError for an argument that is not UTF-8, as records and kernels' names are."""
    for argument in arguments:
        if any("\ud800" <= sign <= "\udfff" for sign in argument):
            raise UsageError(f"{argument!r} is not UTF-8, which records are: link the file or "
                             "directory to another name.")


class _LazyGroup(SuggestingGroup):
    """A group that imports a command's module when the command is called."""

    with_statuses = ("bisect step",)

    def make_context(self, info_name: str | None, args: list[str],
                     parent: click.Context | None = None, **extra: Any) -> click.Context:
        with _until_reader_leaves():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _until_reader_leaves():
            return super().invoke(ctx)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[
            str | None, click.Command | None, list[str]]:
        if (two := " ".join(args[:2])) in _COMMANDS:
            args = [two, *args[2:]]
        name, command, rest = super().resolve_command(ctx, args)
        if name in _OF_PROGRAMS and "--" in rest:
            from tailwalk.cli.program_options import split_program

            require_text(split_program(rest)[0])
        elif name not in (*self.with_statuses, "exec"):
            require_text(rest)
        if name in _OF_KERNELS and "--" in rest:  # click takes it away
            from tailwalk.cli.options import refuse_program

            refuse_program(name, rest)
        return name, command, rest

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return [*(CompletionItem(name, help=text) for name, (_, text) in _COMMANDS.items()
                  if name.startswith(incomplete) and " " not in name),
                *click.Command.shell_complete(self, ctx, incomplete)]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry[0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        if ctx.resilient_parsing:  # a shell asks what may stand next
            from tailwalk.cli.completion import teach

            teach(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, members in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in members.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("To begin with"):
            formatter.write_dl(list(_FIRST.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tailwalk")
def group() -> None:
    """Tell which system calls a kernel upgrade makes dearer, exactly, and why.

    A kernel is named by a spec: debian:6.18, debian:6.18.15, src:6.18, src:6.18+tail,
    src:PATH or image:PATH.
    """


def main() -> NoReturn:
    """Run the command line; the only place that turns an error into words and a status.

    Status 0: done. 1: the verdict that --fail-on or a check was asked about. 2: an error, named
    on standard error. 130, 143 and 129: interrupted, terminated, hung up.
    """
    end_by_signals()
    try:
        _run()
    finally:
        ended()


def _run() -> NoReturn:
    name_streams()
    if "_TAILWALK_COMPLETE" in os.environ:
        from tailwalk.cli.completion import register_shells

        register_shells()
    try:
        # Without its standalone mode, click returns the status that a command exits with.
        status = group.main(standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        sys.exit(130)
    except click.ClickException as error:
        with complaining():
            error.show(sys.stderr)
        sys.exit(2)
    except TailwalkError as error:
        complain(str(error))
        sys.exit(2)
    except OSError as error:
        if is_stream(error):
            drop_rest(error)
        complain(str(refusal(error)))
        sys.exit(2)
    except Exception:  # Python would end with 1, which is a verdict
        with complaining():
            traceback.print_exc()
        complain("this is a mistake in tailwalk; please report it with the lines above.")
        sys.exit(2)
    sys.exit(status)
