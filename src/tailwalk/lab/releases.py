# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases over the releases of Debian's kernels: a track of them, and the search for where a case
became dearer, or cheaper again; the verdict on one kernel; and from a release to the commit by git
bisect run with tailwalk bisect step."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tailwalk.compare.steps import LeftOut, Track, track
from tailwalk.errors import (
    ArchiveError,
    GuestError,
    KernelError,
    SpecError,
    TailwalkError,
    ToolError,
    UsageError,
)
from tailwalk.kernels.line import between, line_of, version_of
from tailwalk.kernels.spec import DebianSpec, parse_spec
from tailwalk.lab.lab import Lab
from tailwalk.lab.sought import Sought, require_sound
from tailwalk.rigs.cores import collected
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run
from tailwalk.versions import KernelVersion

# The program that git bisect run starts on each commit.
_STEP = (sys.executable, "-m", "tailwalk", "bisect", "step")

State = Literal["old", "new", "skipped"]

OF_ONE_KERNEL = (ArchiveError, KernelError, GuestError)
"""What is wrong with one kernel and says nothing of the others."""


@dataclass(frozen=True)
class Tried:
    """A release that was tried, its figure, and what it was found to be, or why that cannot be
    said."""

    spec: str
    figure: float | None
    found: str


class Search:
    """The search for the first release, of those that the archive holds between two of Debian's
    kernels, that is dearer by `ratio`, or, `fixed`, no longer is.

    Making it measures the ends, and raises SpecError, ArchiveError or UsageError for kernels that
    cannot be ends, and whatever is wrong with one of them.

    Attributes:
        releases: from the older end to the newer.
        reference: the good end.
        limit: what takes more is dear.
        old, new: what a release before and after the first is called, here and by git bisect,
            which does not let a good commit be the older one's opposite.
    """

    def __init__(self, lab: Lab, good: str, bad: str, sought: Sought, *, ratio: float = 1.5,
                 fixed: bool = False) -> None:
        if not ratio > 0:
            raise UsageError(f"--ratio {ratio}: give more than 0, such as 1.5.")
        self._lab, self._sought, self._fixed = lab, sought, fixed
        self.old, self.new = ("dear", "fixed") if fixed else ("good", "bad")
        self.releases = _releases(lab, good, bad, fixed=fixed)
        self._bisection = Bisection(len(self.releases))
        ends = [self.releases[0], self.releases[-1]]
        self._found = collected(sought.each(lab, ends))
        for spec in ends:
            require_sound(spec, self._found[spec])
        self.reference, dear = reversed(ends) if fixed else ends
        self.limit = ratio * self.value(self.reference)
        low, high = self.value(self.reference), self.value(dear)
        if high > self.limit:
            return
        way_out = "Give a smaller --ratio, or other kernels."
        if low > high:
            change, turn = ("dearer", "leave --fixed out") if fixed else ("cheaper", "add --fixed")
            smaller = "" if low > ratio * high else f", and give a --ratio below {low / high:.2f}"
            way_out = f"It became {change} between the two: to find where, {turn}{smaller}."
        raise UsageError(
            f"{dear} is no worse than --ratio says: {sought.name} takes {round(high):,} "
            f"instructions there and {round(low):,} on {self.reference}, which is "
            f"{high / low:.2f} times, and {self.old if fixed else self.new} is above {ratio:g} "
            f"times. {way_out}")

    def tries(self) -> Iterator[Tried]:
        """The ends, then as few of the releases between them as can be; each as it is done."""
        for spec, state in ((self.releases[0], self.old), (self.releases[-1], self.new)):
            yield Tried(spec, self.value(spec), state)
        while (index := self._bisection.next_index()) is not None:
            spec = self.releases[index]
            if refusal := self._measure(spec):
                self._bisection.tell(index, "skipped")
                yield Tried(spec, None, f"skipped: {refusal}")
            else:
                new = (self.value(spec) > self.limit) != self._fixed
                self._bisection.tell(index, "new" if new else "old")
                yield Tried(spec, self.value(spec), self.new if new else self.old)

    def _measure(self, spec: str) -> str:
        """Measure a kernel; the reason why that is not possible, or nothing."""
        [(_, outcome)] = list(self._sought.each(self._lab, [spec]))
        if isinstance(outcome, OF_ONE_KERNEL):
            return str(outcome).partition("\n")[0]
        if isinstance(outcome, TailwalkError):
            raise outcome
        self._found[spec] = outcome
        return "" if outcome.sound else "its figure is unsteady"

    def value(self, spec: str) -> float:
        """The figure of a release that was measured."""
        return self._found[spec].value

    @property
    def tested(self) -> int:
        """How many of the releases between the ends were tried."""
        return len(self._bisection.states) - 2

    @property
    def last_old(self) -> str:
        """The newest release before all that are new."""
        return self.releases[self._bisection.last_old]

    @property
    def first_new(self) -> str:
        """The oldest release that was found new."""
        return self.releases[self._bisection.first_new]

    @property
    def suspects(self) -> list[str]:
        """The releases that may be the first new one: those that could not be judged too."""
        return [self.releases[index] for index in self._bisection.suspects]


def release_version(spec: str) -> KernelVersion:
    """The version that a spec of Debian's kernels names; raises SpecError for any other."""
    parsed = parse_spec(spec)
    if not isinstance(parsed, DebianSpec):
        raise SpecError(f"{spec}: releases are bisected among Debian's kernels, such as "
                        "debian:6.12; for source, see tailwalk bisect step --help.")
    return parsed.version


def _releases(lab: Lab, good: str, bad: str, *, fixed: bool) -> list[str]:
    """The specs from the older end to the newer; a line stands for its newest release."""
    versions = [(spec, release_version(spec)) for spec in (good, bad)]
    if versions[0][1] == versions[1][1]:
        raise UsageError(f"{good} and {bad} are one kernel: name two.")
    available = lab.available()
    ends = []
    for spec, version in versions:
        fitting = [kernel for kernel in available
                   if not kernel.missing and version.covers(version_of(kernel))]
        if not fitting:
            raise ArchiveError(f"the archive has no {spec} that can boot; `tailwalk kernels` "
                               "lists those that can.")
        ends.append(max(fitting, key=version_of))
    older, newer = sorted(ends, key=version_of)
    if older.spec == newer.spec:
        raise UsageError(f"{good} and {bad} are one release, {older.spec}: name two.")
    if not fixed and ends[0] is newer:
        raise UsageError(f"GOOD ({newer.spec}) has to be older than BAD ({older.spec}). To find "
                         "the release that made a case cheaper, add --fixed.")
    inner = between(available, version_of(older), version_of(newer))
    return [older.spec, *(kernel.spec for kernel in inner), newer.spec]


def tags_between(old: str, new: str) -> list[str]:
    """The new and the old tag that git bisect starts from, for two of Debian's kernels.

    Between two lines the old one is where the line began: a later release of it is on a branch
    that does not lead to the new one, and git would test where they part first.
    """
    one, other = release_version(old), release_version(new)
    return [_tag(other), _tag(one if one.line == other.line else one.line)]


def _tag(version: KernelVersion) -> str:
    """Linus's releases are tagged v6.18, those of the stable tree v6.18.1."""
    return f"v{version if version.patch else version.line}"


def require_tree(tree: Path) -> None:
    """Raise UsageError where a directory is no git tree, ToolError where there is no git."""
    _git(tree, "rev-parse", "--git-dir")


def bisect_commits(tree: Path, start: Sequence[str], tags: Sequence[str],
                   step: Sequence[str]) -> int:
    """Bisect the tree between two tags, with options for git bisect start and arguments for
    each step; the status of git bisect run.

    Raises UsageError for a tree without the tags, or with changes that git cannot leave behind.
    """
    for tag in tags:
        _git(tree, "rev-parse", "--verify", "--quiet", f"{tag}^{{commit}}",
             hint=f"it has no tag {tag}; fetch the tags of the stable kernel tree into it.")
    _git(tree, "bisect", "start", *start, *tags)
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


@dataclass
class Bisection:
    """Where the first new one of `size` members is.

    One end is old, the other new, in git bisect's sense: somewhere between what was and what came.
    Each test halves what is left, so that it takes as few as any method can; a member that cannot
    be tested is passed over for the nearest that can.

    Member 0 is old and the last is new. Ask `next_index` what to test, `tell` it what was found,
    until there is nothing to test.
    """

    size: int
    states: dict[int, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = {0: "old", self.size - 1: "new", **self.states}

    @property
    def last_old(self) -> int:
        """The newest member before every new one that was found old."""
        return max(index for index, state in self.states.items()
                   if state == "old" and index < self.first_new)

    @property
    def first_new(self) -> int:
        """The oldest member that was found new."""
        return min(index for index, state in self.states.items() if state == "new")

    def next_index(self) -> int | None:
        """The member to test: of those that can be, the nearest to the middle; None at the end."""
        low, high = self.last_old, self.first_new
        open_ = [index for index in range(low + 1, high) if index not in self.states]
        return min(open_, key=lambda index: abs(2 * index - low - high), default=None)

    def tell(self, index: int, state: State) -> None:
        """Say what a test found."""
        self.states[index] = state

    @property
    def suspects(self) -> range:
        """The members that may be the first new one: that alone, or those passed over before it
        too."""
        return range(self.last_old + 1, self.first_new + 1)


def line_specs(lab: Lab, lines: Sequence[str], *, newest: int | None = None) -> list[str]:
    """The specs of every release of some lines (`6.18`, `7`) that the archive holds and that can
    boot, or of the newest so many of each x.y; raises as `line_of`."""
    kernels = line_of(lab.available(), lines, newest=newest)
    if new := [kernel for kernel in kernels if not kernel.cached]:
        size = sum(kernel.download for kernel in new) / 2**20
        lab.progress.note(f"{len(kernels)} kernels, {len(new)} of them to fetch ({size:.0f} MiB).")
    return [kernel.spec for kernel in kernels]


def follow(lab: Lab, specs: Sequence[str], plan: Plan, *,
           threshold: float | None = None) -> tuple[Track, list[Run]]:
    """The track over the specs, each measured once, and its runs. A kernel that cannot be had or
    measured is left out.

    Raises its error where that leaves none, and what says something of all kernels.
    """
    runs: dict[str, Run] = {}
    failed: dict[str, TailwalkError] = {}
    specs = list(dict.fromkeys(specs))
    with closing(lab.measure_each(specs, plan)) as finished:
        for spec, outcome in finished:
            if isinstance(outcome, OF_ONE_KERNEL):
                failed[spec] = outcome
                lab.progress.note(f"{spec} is left out: {outcome}")
            elif isinstance(outcome, TailwalkError):
                raise outcome
            else:
                runs[spec] = outcome.run
    if not runs:
        raise next(iter(failed.values()))
    found = [runs[spec] for spec in specs if spec in runs]
    return track(found, left_out=left_out(specs, failed), threshold=threshold), found


def left_out(specs: Sequence[str], failed: Mapping[str, TailwalkError]) -> list[LeftOut]:
    """Those of some kernels that failed, each with its place among the others."""
    return [LeftOut(spec=spec, reason=str(failed[spec]).partition("\n")[0],
                    after=sum(other not in failed for other in specs[:number]))
            for number, spec in enumerate(specs) if spec in failed]
