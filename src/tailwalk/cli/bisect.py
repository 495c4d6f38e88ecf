# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk bisect`: the first release that is dearer, or cheaper again."""

from __future__ import annotations

import shlex
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailwalk.cli.console import open_progress
from tailwalk.cli.options import one_case_options, one_case_plan_from
from tailwalk.compare.bisection import Bisection
from tailwalk.errors import (
    ArchiveError,
    GuestError,
    KernelError,
    SpecError,
    TailwalkError,
    ToolError,
    UsageError,
)
from tailwalk.kernels.spec import DebianSpec, KernelVersion, parse_spec
from tailwalk.progress import Progress
from tailwalk.report.commands import case_arguments
from tailwalk.report.words import show_figure
from tailwalk.rigs.plan import Plan

if TYPE_CHECKING:
    from tailwalk.runs import Figure


# The program that git bisect run starts on each commit.
_STEP = (sys.executable, "-m", "tailwalk", "bisect-step")


@dataclass(frozen=True, kw_only=True)
class _Sought:
    """What is looked for: where a cost rises above `limit`, or, `fixed`, where it no longer is.

    `old` and `new` are what a release before and after that is called, here and by git bisect,
    which does not let a good commit be the older one's opposite.
    """

    fixed: bool
    ratio: float
    limit: float

    @property
    def old(self) -> str:
        return "dear" if self.fixed else "good"

    @property
    def new(self) -> str:
        return "fixed" if self.fixed else "bad"

    @property
    def terms(self) -> list[str]:
        """The options of git bisect start."""
        return [f"--term-old={self.old}", f"--term-new={self.new}"] if self.fixed else []

    def is_new(self, figure: float) -> bool:
        return (figure > self.limit) != self.fixed


@click.command()
@click.argument("good", metavar="GOOD")
@click.argument("bad", metavar="BAD")
@click.option("--ratio", type=float, default=1.5, show_default=True,
              help="Bad is what takes more than so many times GOOD's figure.")
@click.option("--fixed", is_flag=True,
              help="Find the first release that is good again: of the two kernels the newer is "
                   "GOOD, whichever is named first.")
@click.option("--tree", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Then let git bisect run find the commit in this clone of the stable kernel "
                   "tree; the status is git's.")
@one_case_options
@click.pass_context
def bisect(context: click.Context, /, good: str, bad: str, ratio: float, fixed: bool,
           tree: Path | None, **given: Any) -> None:
    """Find the first release between two of Debian's kernels that is dearer by --ratio, or with
    --fixed the first that no longer is.

    Tests as few of the releases that the archive holds as can be; then says how git bisect finds
    the commit, or with --tree does it. A release that cannot be had or does not boot is passed
    over.
    """
    if not ratio > 0:
        raise UsageError(f"--ratio {ratio}: give more than 0, such as 1.5.")
    plan = one_case_plan_from(given)
    case = plan.cases[0]
    first, last = _version(good), _version(bad)
    if tree is not None:
        _git(tree, "rev-parse", "--git-dir")
    with open_progress() as progress:
        specs = _candidates(good, first, bad, last, fixed=fixed, progress=progress)
        figures = _Measuring(plan, progress)
        figures.both_ends(specs[0], specs[-1])
        reference = specs[-1 if fixed else 0]
        sought = _Sought(fixed=fixed, ratio=ratio, limit=ratio * figures.value(reference))
        _require_a_change(specs[0], specs[-1], figures, sought, case.name)
        click.echo(f"{case.name}, instructions per call; {sought.new} is "
                   f"{'at most' if fixed else 'above'} {show_figure(round(sought.limit))} "
                   f"({ratio:g} times {reference})")
        found = _search(specs, figures, sought)
    _tell(specs, figures, found, sought)
    start = _tags(specs[found.last_old], specs[found.first_new])
    like = specs[found.first_new if fixed else found.last_old]
    step = ["src:.", *(["--fixed"] if fixed else []), "--good", f"src:{_version(like).series}",
            "--ratio", f"{ratio:g}", *case_arguments(plan.cases, plan.filesystem)]
    if tree is None:
        click.echo(f"""
To find the commit, in a clone of the stable kernel tree:
    git bisect start {shlex.join([*sought.terms, *start])}
    git bisect run tailwalk bisect-step {shlex.join(step)}""")
        return
    context.exit(_hand_over(tree, sought.terms, start, step))


def _require_a_change(older: str, newer: str, figures: _Measuring, sought: _Sought,
                      case: str) -> None:
    """Raise UsageError unless the figures of the ends lie on both sides of the limit."""
    good, bad = (newer, older) if sought.fixed else (older, newer)
    low, high = figures.value(good), figures.value(bad)
    if high > sought.limit:
        return
    way_out = "Give a smaller --ratio, or other kernels."
    if low > high:
        change, turn = ("dearer", "leave --fixed out") if sought.fixed else (
            "cheaper", "add --fixed")
        smaller = "" if low > sought.ratio * high else (
            f", and give a --ratio below {low / high:.2f}")
        way_out = f"It became {change} between the two: to find where, {turn}{smaller}."
    raise UsageError(
        f"{bad} is no worse than --ratio says: {case} takes {show_figure(high)} instructions "
        f"there and {show_figure(low)} on {good}, which is {high / low:.2f} times, and "
        f"{sought.old if sought.fixed else sought.new} is above {sought.ratio:g} times. {way_out}")


def _version(spec: str) -> KernelVersion:
    parsed = parse_spec(spec)
    if not isinstance(parsed, DebianSpec):
        raise SpecError(f"{spec}: releases are bisected among Debian's kernels, such as "
                        "debian:6.12; for source, see tailwalk bisect-step --help.")
    return parsed.version


def _candidates(good: str, first: KernelVersion, bad: str, last: KernelVersion, *,
                fixed: bool, progress: Progress) -> list[str]:
    """The specs from the older end to the newer; a series stands for its newest release."""
    from tailwalk.kernels.line import between, sort_key, version_of
    from tailwalk.kernels.listing import list_kernels

    available = list_kernels(progress=progress).available
    ends = []
    for spec, version in ((good, first), (bad, last)):
        fitting = [kernel for kernel in available
                   if not kernel.missing and version.covers(version_of(kernel))]
        if not fitting:
            raise ArchiveError(f"the archive has no {spec} that can boot; `tailwalk kernels` "
                               "lists those that can.")
        ends.append(max(fitting, key=lambda kernel: sort_key(version_of(kernel))))
    older, newer = sorted(ends, key=lambda kernel: sort_key(version_of(kernel)))
    if older.spec == newer.spec:
        raise UsageError(f"{good} and {bad} are one release, {older.spec}: name two.")
    if not fixed and ends[0] is newer:
        raise UsageError(f"GOOD ({newer.spec}) has to be older than BAD ({older.spec}). To find "
                         "the release that made a case cheaper, add --fixed.")
    inner = between(available, version_of(older), version_of(newer))
    return [older.spec, *(kernel.spec for kernel in inner), newer.spec]


class _Measuring:
    """Measures a case on kernels, each once."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        from tailwalk.rigs.bench import Bench
        from tailwalk.runs.store import Store

        self._plan = plan
        self._progress = progress
        self._bench = Bench.prepare(progress=progress)
        self._store = Store(progress=progress)
        self.figures: dict[str, Figure] = {}

    def both_ends(self, *specs: str) -> None:
        """Measure two kernels side by side; raises whatever is wrong with one, and GuestError
        where its figure is unsteady."""
        from tailwalk.kernels import resolve
        from tailwalk.rigs.exact import measure

        kernels = [resolve(spec, progress=self._progress) for spec in specs]
        for spec, one in zip(specs, measure(kernels, self._plan, bench=self._bench,
                                            store=self._store), strict=True):
            self.figures[spec] = one.run.figures[0]
            if not self.figures[spec].steady:
                raise GuestError(f"the figure of {spec} is unsteady: nothing can be judged by "
                                 "it. Try more --calls, or another kernel.")

    def try_one(self, spec: str) -> str:
        """Measure a kernel; the reason why that is not possible, or nothing."""
        from tailwalk.kernels import resolve
        from tailwalk.rigs.exact import measure_each

        try:
            kernel = resolve(spec, progress=self._progress)
            with closing(measure_each([kernel], self._plan, bench=self._bench,
                                      store=self._store)) as finished:
                (_, outcome), = finished
            if isinstance(outcome, TailwalkError):
                raise outcome
        except (ArchiveError, KernelError, GuestError) as error:
            return str(error).partition("\n")[0]
        self.figures[spec] = outcome.run.figures[0]
        return "" if self.figures[spec].steady else "its figure is unsteady"

    def value(self, spec: str) -> float:
        """The figure of a kernel that was measured."""
        return self.figures[spec].value


def _search(specs: list[str], figures: _Measuring, sought: _Sought) -> Bisection:
    found = Bisection(len(specs))
    _say(specs[0], show_figure(figures.value(specs[0])), sought.old)
    _say(specs[-1], show_figure(figures.value(specs[-1])), sought.new)
    while (index := found.next_index()) is not None:
        spec = specs[index]
        if reason := figures.try_one(spec):
            found.tell(index, "skipped")
            _say(spec, "", f"skipped: {reason}")
            continue
        new = sought.is_new(figures.value(spec))
        found.tell(index, "new" if new else "old")
        _say(spec, show_figure(figures.value(spec)), sought.new if new else sought.old)
    return found


def _say(spec: str, figure: str, state: str) -> None:
    click.echo(f"  {spec:<17} {figure:>9}  {state}")


def _tell(specs: list[str], figures: _Measuring, found: Bisection, sought: _Sought) -> None:
    old, new = specs[found.last_old], specs[found.first_new]
    inner = sum(0 < index < len(specs) - 1 for index in found.states)
    click.echo(f"\n{inner} of {len(specs) - 2} releases between tested. Last {sought.old}: {old}, "
               f"{show_figure(figures.value(old))}.")
    if len(found.suspects) > 1:
        click.echo(f"First {sought.new}: one of "
                   f"{', '.join(specs[index] for index in found.suspects)}; "
                   f"{new} is, with {show_figure(figures.value(new))}, and the others could not "
                   "be tested.")
    else:
        click.echo(f"First {sought.new}: {new}, {show_figure(figures.value(new))} "
                   f"({figures.value(new) / figures.value(old):.2f} times).")


def _tags(old: str, new: str) -> list[str]:
    """The new and the old tag that git bisect starts from. Between two series the old one is
    where the series began: a later release of it is on a branch that does not lead to the new
    one, and git would test where they part first."""
    one, other = _version(old), _version(new)
    return [_tag(other), _tag(one if one.series == other.series else one.series)]


def _tag(version: KernelVersion) -> str:
    """Linus's releases are tagged v6.18, those of the stable tree v6.18.1."""
    return f"v{version if version.patch else version.series}"


def _hand_over(tree: Path, terms: list[str], start: list[str], step: list[str]) -> int:
    """Bisect the tree; the status of git bisect run. Raises UsageError for a tree without the
    tags, or with changes that git cannot leave behind."""
    for tag in start:
        _git(tree, "rev-parse", "--verify", "--quiet", f"{tag}^{{commit}}",
             hint=f"it has no tag {tag}; fetch the tags of the stable kernel tree into it.")
    _git(tree, "bisect", "start", *terms, *start)
    sys.stdout.flush()
    return subprocess.run(["git", "bisect", "run", *_STEP, *step], cwd=tree,
                          check=False).returncode


def _git(tree: Path, *arguments: str, hint: str = "") -> None:
    try:
        done = subprocess.run(["git", *arguments], cwd=tree, capture_output=True, text=True,
                              errors="replace", check=False)
    except FileNotFoundError as error:
        if not tree.is_dir():
            raise UsageError(f"--tree {tree}: there is no such directory.") from error
        raise ToolError("git is not installed, which --tree needs: apt-get install git, or "
                        "leave --tree out.") from error
    if done.returncode:
        raise UsageError(f"--tree {tree}: " + (hint or f"git says: {done.stderr.strip()}"))
