# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference of the commands, made from the command line itself.

    python tests/docs/commands.py

writes docs/reference/commands.md; a test says when that has to be done.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

import click
from pages import ROOT

from tailwalk.cli import GROUPS, group

PAGE = ROOT / "docs" / "reference" / "commands.md"
_WIDTH = 100
_HEAD = """# Commands

<!-- made by tests/docs/commands.py -->

Every command with its options, as `tailwalk COMMAND --help` shows them; `tailwalk --version` prints
the version. What a [spec](specs.md) is, which [records](records.md) are written and what an
[exit status](exit-statuses.md) means stand on pages of their own.
"""


def commands() -> Iterator[tuple[click.Context, click.Command]]:
    """Every command and subcommand, each after the one it belongs to."""
    yield from _below(click.Context(group, info_name="tailwalk"), group)


def _below(context: click.Context,
           command: click.Command) -> Iterator[tuple[click.Context, click.Command]]:
    yield context, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _below(click.Context(below, info_name=name, parent=context), below)


def reference() -> str:
    """The whole page: a chapter for each group of commands."""
    parts = [_HEAD]
    first = {f"tailwalk {next(iter(members))}": title for title, members in GROUPS.items()}
    for context, command in commands():
        if title := first.get(context.command_path):
            parts.append(f"\n## {title}\n")
        if command is not group:
            parts.append(_section(context, command))
    return "".join(parts)


def _section(context: click.Context, command: click.Command) -> str:
    depth = context.command_path.count(" ") + 2
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"{'#' * depth} {context.command_path}", f"    {usage}"]
    parts += [_wrap(paragraph) for paragraph in (command.help or "").split("\n\n")]
    parts.append("\n".join(_wrap(_option(parameter), indent="  ")
                           for parameter in command.params if isinstance(parameter, click.Option)))
    return "\n" + "\n\n".join(part for part in parts if part) + "\n"


def _option(option: click.Option) -> str:
    words, said = described(option)
    return f"- `{words}`: {said}"


def described(option: click.Option) -> tuple[str, str]:
    """An option with its value, and what is said of it. Click's own (`get_help_record`) is
    another with every release."""
    kind = option.type
    value = "" if option.is_flag else option.metavar or (
        "|".join(kind.choices) if isinstance(kind, click.Choice) else kind.name.upper())
    said = [option.help or ""]
    if isinstance(option.show_default, str):
        said.append(f"[default: {option.show_default}]")
    elif option.show_default:
        default = option.default
        shown = ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)
        said.append(f"[default: {shown}]")
    if option.required:
        said.append("[required]")
    names = ", ".join(option.opts + option.secondary_opts)
    return f"{names}{' ' * bool(value)}{value}", " ".join(said)


def _wrap(text: str, indent: str = "") -> str:
    plain = " ".join(text.split()).replace("*", r"\*").replace("<", r"\<")
    parts = plain.split("`")  # every second one is marked already
    parts[::2] = [re.sub(r"(?<![\w-])(--[a-z][a-z-]*|\$[A-Z_]+)", r"`\1`", part)
                  for part in parts[::2]]
    marked = "`".join(parts)
    return textwrap.fill(marked, _WIDTH, subsequent_indent=indent, break_on_hyphens=False,
                         break_long_words=False)


if __name__ == "__main__":
    PAGE.write_text(reference())
