# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk bisect`: the first release that is dearer, or cheaper again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from tailwalk.cli.console import open_lab, say
from tailwalk.cli.options import number, one_case_options
from tailwalk.cli.program_options import TakesProgram, call_option, program_options
from tailwalk.cli.programs import giving_up
from tailwalk.cli.sought import sought_from
from tailwalk.report.words import show_figure


@click.command(cls=TakesProgram)
@click.argument("good", metavar="GOOD")
@click.argument("bad", metavar="BAD")
@click.option("--ratio", type=number(whole=False), default=1.5, show_default=True,
              help="Bad is what takes more than so many times GOOD's figure.")
@click.option("--fixed", is_flag=True,
              help="Find the first release that is good again: of the two kernels the newer is "
                   "GOOD, whichever is named first.")
@click.option("--tree", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Then let git bisect run find the commit in this clone of the stable kernel "
                   "tree; the status is git's.")
@one_case_options
@call_option
@program_options
@click.pass_context
def bisect(context: click.Context, /, good: str, bad: str, ratio: float, fixed: bool,
           tree: Path | None, **given: Any) -> None:
    """Find the first release between two of Debian's kernels that is dearer by --ratio, or with
    --fixed the first that no longer is.

    Tests as few of the releases that the archive holds as can be; then says how git bisect finds
    the commit, or with --tree does it. A release that cannot be had or does not boot is passed
    over. With a program after --, it goes by all that the kernel executes for it, or by the mean of
    the call that --call names.
    """
    from tailwalk.lab.releases import (
        Search,
        bisect_commits,
        release_version,
        require_tree,
        tags_between,
    )

    sought, like = sought_from(given)
    if tree is not None:
        require_tree(tree)
    with open_lab() as lab, giving_up():
        search = Search(lab, good, bad, sought, ratio=ratio, fixed=fixed)
        say(f"{sought.name}, {sought.unit}; {search.new} is "
            f"{'at most' if fixed else 'above'} {show_figure(round(search.limit))} "
            f"({ratio:g} times {search.reference})")
        for tried in search.tries():
            figure = "" if tried.figure is None else show_figure(round(tried.figure))
            say(f"  {tried.spec:<17} {figure:>9}  {tried.found}")
    old, new = search.last_old, search.first_new
    before, after = (round(search.value(spec)) for spec in (old, new))
    say("")
    say(f"{search.tested} of {len(search.releases) - 2} releases between tested. Last "
               f"{search.old}: {old}, {show_figure(before)}.")
    if len(search.suspects) > 1:
        say(f"First {search.new}: one of {', '.join(search.suspects)}; {new} is, "
                   f"with {show_figure(after)}, and the others could not be tested.")
    else:
        say(f"First {search.new}: {new}, {show_figure(after)} "
                   f"({after / before:.2f} times).")
    terms = [f"--term-old={search.old}", f"--term-new={search.new}"] if fixed else []
    tags = tags_between(old, new)
    line = release_version(new if fixed else old).line
    step = ["src:.", *(["--fixed"] if fixed else []), "--good", f"src:{line}",
            "--ratio", f"{ratio:g}", *like]
    if tree is None:
        say("")
        say("To find the commit, in a clone of the stable kernel tree:")
        say(f"    git bisect start {shlex.join([*terms, *tags])}")
        say(f"    git bisect run tailwalk bisect step {shlex.join(step)}")
        return
    context.exit(bisect_commits(tree, terms, tags, step))
