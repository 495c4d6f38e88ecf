# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk series`: what series there are, why they are right, and their patches."""

from __future__ import annotations

import time
from pathlib import Path
from textwrap import indent

import click

from tailwalk.cli.console import open_progress, say, show, write
from tailwalk.cli.suggestions import SuggestingGroup
from tailwalk.errors import SeriesError, SpecError
from tailwalk.files import write_together
from tailwalk.series import SeriesPlan, all_series, load_series, plan_series
from tailwalk.series.releases import UPSTREAMED
from tailwalk.series.series import encode_source


@click.group(cls=SuggestingGroup)
def series() -> None:
    """List, show, apply or write out a series.

    NAME is a series of Tailwalk's own, or the path of a definition, which ends in .toml. TREE is
    the top directory of a kernel source tree.
    """


@series.command("list")
def list_() -> None:
    """List the series."""
    from tailwalk.report.lists import series_shown

    show(series_shown(all_series()))


@series.command("show")
@click.argument("name")
def show_(name: str) -> None:
    """Say why a series is right, and what its patches change."""
    from tailwalk.report.release_words import releases_text

    one = load_series(name)
    parts = [f"{one.name}: {one.title} ({one.holds})", one.why.strip()]
    if UPSTREAMED in (one.name, one.on):  # upstream has it, or that which it continues
        what = "this change" if one.name == UPSTREAMED else f"`{UPSTREAMED}`'s part of it"
        parts.append(f"Upstream has {what}. The walk that ends with the written range, and since "
                     f"when:\n\n{indent(releases_text(), '    ')}")
    for number, patch in enumerate(one.patches, 1):
        places = indent("\n".join(edit.place for edit in patch.edits), "    ")
        changelog = indent(patch.changelog.strip(), "    ")
        parts.append(f"Patch {number}: {patch.subject}\n\n{changelog}\n\n  edits:\n{places}")
    write("\n\n".join(parts) + "\n")


@series.command()
@click.argument("name")
@click.argument("tree", metavar="TREE")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=None,
              metavar="DIRECTORY", help="Write one file a patch there, instead of all of them to "
                                        "standard output.")
def patch(name: str, tree: str, output: Path | None) -> None:
    """Write the patches that a series makes on a tree, as `git am` takes them.

    Their author is the one that the definition names, or else the one that git knows you as. They
    are not signed off: `git am --signoff` adds your name, if you send them. TREE may also be
    src:VERSION.
    """
    from tailwalk.series.mail import write_mails

    root = _tree(tree)
    plan = plan_series(load_series(name), root)
    if not plan.changes:
        say(_sentence(plan), aside=True)
        return
    mails = write_mails(plan, time=time.time())
    if output is None:
        write("".join(mail.text for mail in mails))
    else:
        try:
            output.mkdir(parents=True, exist_ok=True)
            write_together(output, {mail.file_name: encode_source(mail.text) for mail in mails})
        except OSError as error:
            raise SeriesError(f"cannot write to {output}: {error.strerror}.") from error
        for mail in mails:
            say(str(output / mail.file_name))
    if plan.state != "applies":
        say(_sentence(plan), aside=True)


@series.command()
@click.argument("name")
@click.argument("tree", type=click.Path(path_type=Path), metavar="TREE")
@click.option("--check", is_flag=True, help="Only say what would be done.")
def apply(name: str, tree: Path, check: bool) -> None:
    """Make the changes of a series in a tree.

    Does nothing where they are made already, or where what they are against is absent.
    """
    plan = plan_series(load_series(name), tree)
    if not check:
        plan.write()
    say(_sentence(plan))
    for file in sorted(plan.changes):
        say(f"  {'to be changed' if check else 'changed'}: {file}")


def _sentence(plan: SeriesPlan) -> str:
    return f"{plan.series.name} on {plan.root}: {plan.state}: {plan.reason}."


def _tree(text: str) -> Path:
    if not text.startswith("src:"):
        return Path(text)
    from tailwalk.cache import Cache
    from tailwalk.kernels.source import open_source
    from tailwalk.kernels.spec import SourceSpec, parse_spec

    spec = parse_spec(text)
    if not isinstance(spec, SourceSpec) or spec.series:
        raise SpecError(f"{text} is no source tree: give a directory, or src:VERSION.")
    with open_progress() as progress:
        return open_source(spec.tree, Cache(progress=progress), progress=progress).root
