# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk cache`: what is kept to be used again."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from tailwalk.cache import Cache
from tailwalk.cache.inventory import Held, State, days_unused, examine, held, remove
from tailwalk.cli.console import open_progress, say, tell
from tailwalk.cli.options import number
from tailwalk.cli.suggestions import SuggestingGroup
from tailwalk.errors import UsageError

_MIB = 1 << 20
_IDLE = 2
"""Days after which a booted guest is most likely one of an older probe, QEMU or kernel: whatever is
measured again uses its own, and marks it as used."""
_GUESTS = ("state", "root-state")

_KINDS = {
    "kernels": "unpacked kernels",
    "packages": "packages as fetched",
    "sources": "kernel source",
    "worktrees": "built work trees, which the next build begins with",
    "state": "booted guests",
    "root-state": "booted guests with a program's root",
    "roots": "root file systems of programs",
    "closures": "what packages of roots need",
    "symbols": "tables of kernel functions",
    "labels": "what functions tell of a program",
    "archive": "the archive's indexes",
    "digests": "digests of files that did not change",
    "logs": "what builds said",
    "damaged": "set aside, since it was not what was made",
    "leftover": "left by processes that were killed",
}


@click.group(cls=SuggestingGroup, invoke_without_command=True,
             subcommand_metavar="[COMMAND] [ARGS]...")
@click.pass_context
def cache(context: click.Context) -> None:
    """Say what is kept to be used again: kernels, source, booted guests.

    Whatever is removed is made again when it is needed. Runs are no part of it: see tailwalk runs.
    """
    if context.invoked_subcommand is None:
        store = Cache()
        found = list(held(store))
        for kind in dict.fromkeys(entry.kind for entry in found):
            of_kind = [entry for entry in found if entry.kind == kind]
            tell(f"{kind:<12}{len(of_kind):>6}{_mib(of_kind):>9,} MiB  "
                 f"{_KINDS.get(kind, '')}".rstrip())
        tell(f"{'all':<12}{len(found):>6}{_mib(found):>9,} MiB  in {store.root}")
        if idle := [entry for entry in found if _is_chosen(entry, _IDLE, _GUESTS)]:
            tell(f"{'unused':<12}{len(idle):>6}{_mib(idle):>9,} MiB  booted guests, for {_IDLE} "
                 "days or more; to be rid of them:")
            kinds = " ".join(f"--kind {kind}" for kind in _GUESTS)
            say(f"    tailwalk cache prune --older-than {_IDLE} {kinds}")


@cache.command()
def verify() -> None:
    """Read all of it and name what is not what was made.

    Ends with 2 where there is any. It does no harm: an entry is checked before it is used, set
    aside where it is damaged, and made again. What has no seal is not checked.
    """
    from tailwalk.kernels import unpacked

    store = Cache()
    found = list(held(store))
    listings = {unpacked.KIND: unpacked.listing}
    states: dict[State, list[Held]] = {"whole": [], "damaged": [], "unchecked": []}
    with open_progress() as progress, progress.task("verify", len(found)) as task:
        for entry in found:
            state, what = examine(store, entry, listings)
            states[state].append(entry)
            if state == "damaged":
                progress.note(f"{entry.path} is damaged: {what}")
            task.advance()
    for state, entries in states.items():
        kinds = ", ".join(dict.fromkeys(entry.kind for entry in entries))
        say(f"{state:<12}{len(entries):>6}{_mib(entries):>9,} MiB  {kinds}".rstrip())
    sys.exit(2 if states["damaged"] else 0)


@cache.command()
@click.option("--older-than", type=number(0), metavar="DAYS",
              help="Remove what was not used for so many days, 0 or more.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND",
              help="Remove everything of a kind, or with --older-than what is old of it.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def prune(older_than: int | None, kinds: tuple[str, ...], dry_run: bool) -> None:
    """Remove what killed processes left and what was set aside; with options, more."""
    store = Cache()
    found = list(held(store))
    there = dict.fromkeys(entry.kind for entry in found)
    for kind in kinds:
        if kind not in _KINDS and kind not in there:
            raise UsageError(f"--kind {kind}: the cache has nothing of that kind; it has "
                             f"{', '.join(there) or 'nothing'}.")
    chosen = [entry for entry in found if _is_chosen(entry, older_than, kinds)]
    for entry in chosen:
        say(f"{entry.kind:<12}{_mib([entry]):>9,} MiB  {entry.path}")
        if not dry_run:
            remove(store, entry)
    say(f"{len(chosen)} {'entry' if len(chosen) == 1 else 'entries'} "
               f"{'would be removed' if dry_run else 'removed'}, {_mib(chosen):,} MiB.")


def _is_chosen(entry: Held, older_than: int | None, kinds: Sequence[str]) -> bool:
    if entry.kind in ("leftover", "damaged"):
        return not kinds or entry.kind in kinds
    if older_than is None:
        return entry.kind in kinds
    return days_unused(entry) >= older_than and (not kinds or entry.kind in kinds)


def _mib(entries: Sequence[Held]) -> int:
    return round(sum(entry.size for entry in entries) / _MIB)
