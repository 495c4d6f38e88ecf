# SPDX-License-Identifier: GPL-2.0-or-later
"""A group of commands that says which one a mistyped name may mean, whatever click's version."""

from __future__ import annotations

from difflib import get_close_matches

import click


class SuggestingGroup(click.Group):
    """See the module."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[
            str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if near := get_close_matches(args[0], self.list_commands(ctx)):
                raise click.UsageError(
                    f"{error.message} Did you mean {' or '.join(near)}?", ctx) from error
            raise
