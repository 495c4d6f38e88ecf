# SPDX-License-Identifier: GPL-2.0-or-later
"""A group of commands that says which one a mistyped name may mean, whatever click's version, and
refuses an option of one value that is given twice: click takes the last and says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import click


class SuggestingGroup(click.Group):
    """See the module."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[
            str | None, click.Command | None, list[str]]:
        try:
            name, command, rest = super().resolve_command(ctx, args)
        except click.UsageError as error:
            if near := get_close_matches(args[0], self.list_commands(ctx)):
                raise click.UsageError(
                    f"{error.message} Did you mean {' or '.join(near)}?", ctx) from error
            raise
        if command is not None and name not in self.with_statuses and not ctx.resilient_parsing:
            refuse_repeated(click.Context(command, info_name=name, parent=ctx), rest)
        return name, command, rest

    with_statuses: Sequence[str] = ()
    """Names of commands whose errors have a status of their own, and which parse alone."""


def refuse_repeated(ctx: click.Context, arguments: Sequence[str]) -> None:
    """Raise UsageError where a command's arguments have an option twice that takes one value."""
    try:
        *_, found = ctx.command.make_parser(ctx).parse_args(args=[*arguments])
    except click.UsageError:  # the command says it
        return
    if any(option.is_eager for option in found):  # help, which comes before errors
        return
    for option in found:
        if (isinstance(option, click.Option) and found.count(option) > 1
                and not (option.multiple or option.is_flag or option.count)):
            raise click.UsageError(
                f"{'/'.join(option.opts)} is given {found.count(option)} times, and takes one "
                "value: leave all but one of them out.", ctx)
