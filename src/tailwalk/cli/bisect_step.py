# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk bisect step`: one step of git bisect run."""

from __future__ import annotations

import math
import sys
import traceback
from typing import Any, NoReturn

import click

from tailwalk.cli.console import open_lab, say
from tailwalk.cli.options import number, one_case_options
from tailwalk.cli.program_options import TakesProgram, call_option, program_options
from tailwalk.cli.programs import giving_up
from tailwalk.cli.sought import sought_from
from tailwalk.cli.streams import complain, complaining
from tailwalk.errors import GuestError, KernelError, SeriesError, TailwalkError, UsageError
from tailwalk.report.words import show_figure, show_ratio, show_unit

# What git bisect run makes of a command's status (git-bisect(1)): 0 means old, which is good unless
# it was started with other terms, 125 skips the commit, 1 to 127 otherwise mean new, and from 128
# on it stops.
OLD, NEW, SKIP, STOP = 0, 1, 125, 255


class _Step(TakesProgram):
    """A command whose every failure stops the bisection: any other status would be a verdict."""

    def make_context(self, info_name: str | None, args: list[str],
                     parent: click.Context | None = None, **extra: Any) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            with complaining():
                error.show(sys.stderr)
            sys.exit(STOP)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.exceptions.Exit:  # which the user asked for
            raise
        except (KernelError, GuestError, SeriesError) as error:
            _leave(f"skip: {error}", SKIP)
        except (TailwalkError, OSError) as error:
            _leave(f"stop: {error}", STOP)
        except Exception:  # Python would end with 1, which is a verdict
            with complaining():
                traceback.print_exc()
            sys.exit(STOP)


def _leave(text: str, status: int) -> NoReturn:
    complain(text)
    sys.exit(status)


@click.command(cls=_Step)
@click.argument("spec", metavar="SPEC")
@click.option("--good", metavar="SPEC|RUN",
              help="A good kernel of the same configuration; bad is --ratio times its figure.")
@click.option("--ratio", type=number(whole=False), default=1.5, show_default=True,
              help="Bad is what takes more than so many times --good's figure.")
@click.option("--above", type=number(whole=False), metavar="N",
              help="Bad is what takes more instructions a call; instead of --good.")
@click.option("--fixed", is_flag=True,
              help="Look for the commit that made it good again: status 0 for what is still dear, "
                   "1 for what is not.")
@one_case_options
@call_option
@program_options
def bisect_step(spec: str, good: str | None, ratio: float, above: float | None, fixed: bool,
                **given: Any) -> None:
    """Say whether a kernel is good or bad, by the status that git bisect run expects.

    In a kernel tree: git bisect run tailwalk bisect step src:. --good src:6.12. Status 0: good. 1:
    bad. 125: it does not build or boot, or its figure is unsteady. 255: anything else, which
    stops the bisection. With --fixed, 0: dear, 1: fixed, which git bisect start takes as its terms.
    A program after -- is what is judged in the place of a case, or the call of it that --call
    names.
    """
    from tailwalk.lab.sought import figure_to_judge, reference_value

    if (good is None) == (above is None):
        raise UsageError("give either --good, a kernel or run to compare with, or --above, a "
                         "number of instructions.")
    if not ratio > 0:
        raise UsageError(f"--ratio {ratio}: give more than 0, such as 1.5.")
    if above is not None and not 0 < above < math.inf:
        raise UsageError(f"--above {above:g}: give a number of instructions above 0.")
    sought, _ = sought_from(given)
    with open_lab() as lab, giving_up():
        limit = above if above is not None else ratio * reference_value(lab, str(good), sought)
        found = figure_to_judge(lab, spec, sought)
    above_limit = found.value > limit
    words = ("fixed", "dear") if fixed else ("good", "bad")
    say(f"{words[above_limit]}: {found.release} takes {show_figure(round(found.value))} "
        f"{show_unit(found.unit)} of {sought.name}, "
        f"{show_ratio(found.value / limit, times=' times')} the limit of "
        f"{show_figure(round(limit))}")
    sys.exit(NEW if above_limit != fixed else OLD)
