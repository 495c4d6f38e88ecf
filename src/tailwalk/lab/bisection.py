# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a case became dearer, or cheaper again: a search among Debian's releases, and the verdict
on one kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailwalk.compare.bisection import Bisection
from tailwalk.errors import (
    ArchiveError,
    GuestError,
    KernelError,
    RecordError,
    SeriesError,
    SpecError,
    TailwalkError,
    UsageError,
)
from tailwalk.kernels.line import between, version_of
from tailwalk.kernels.spec import DebianSpec, parse_spec
from tailwalk.lab.lab import Lab
from tailwalk.lab.records import is_spec, read_argument
from tailwalk.lab.track import OF_ONE_KERNEL
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Figure
from tailwalk.versions import KernelVersion


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

    def __init__(self, lab: Lab, good: str, bad: str, plan: Plan, *, ratio: float = 1.5,
                 fixed: bool = False) -> None:
        if not ratio > 0:
            raise UsageError(f"--ratio {ratio}: give more than 0, such as 1.5.")
        self._lab, self._plan, self._fixed = lab, plan, fixed
        self.old, self.new = ("dear", "fixed") if fixed else ("good", "bad")
        self.releases = _releases(lab, good, bad, fixed=fixed)
        self._found = Bisection(len(self.releases))
        ends = [self.releases[0], self.releases[-1]]
        self._figures = {spec: one.run.figures[0]
                         for spec, one in zip(ends, lab.measure_all(ends, plan), strict=True)}
        for spec, figure in self._figures.items():
            if not figure.main.steady:
                raise GuestError(f"the figure of {spec} is unsteady: nothing can be judged by "
                                 "it. Try more --calls, or another kernel.")
        self.reference, dear = reversed(ends) if fixed else ends
        self.limit = ratio * self.value(self.reference)
        self._require_a_change(dear, ratio)

    def tries(self) -> Iterator[Tried]:
        """The ends, then as few of the releases between them as can be; each as it is done."""
        for spec, state in ((self.releases[0], self.old), (self.releases[-1], self.new)):
            yield Tried(spec, self.value(spec), state)
        while (index := self._found.next_index()) is not None:
            spec = self.releases[index]
            if refusal := self._measure(spec):
                self._found.tell(index, "skipped")
                yield Tried(spec, None, f"skipped: {refusal}")
            else:
                new = (self.value(spec) > self.limit) != self._fixed
                self._found.tell(index, "new" if new else "old")
                yield Tried(spec, self.value(spec), self.new if new else self.old)

    def _measure(self, spec: str) -> str:
        """Measure a kernel; the reason why that is not possible, or nothing."""
        [(_, outcome)] = self._lab.measure_each([spec], self._plan)
        if isinstance(outcome, OF_ONE_KERNEL):
            return str(outcome).partition("\n")[0]
        if isinstance(outcome, TailwalkError):
            raise outcome
        self._figures[spec] = outcome.run.figures[0]
        return "" if self._figures[spec].main.steady else "its figure is unsteady"

    def value(self, spec: str) -> float:
        """The figure of a release that was measured."""
        return self._figures[spec].main.value

    @property
    def tested(self) -> int:
        """How many of the releases between the ends were tried."""
        return len(self._found.states) - 2

    @property
    def last_old(self) -> str:
        """The newest release before all that are new."""
        return self.releases[self._found.last_old]

    @property
    def first_new(self) -> str:
        """The oldest release that was found new."""
        return self.releases[self._found.first_new]

    @property
    def suspects(self) -> list[str]:
        """The releases that may be the first new one: those that could not be judged too."""
        return [self.releases[index] for index in self._found.suspects]

    def _require_a_change(self, dear: str, ratio: float) -> None:
        """Raise UsageError unless the figures of the ends lie on both sides of the limit."""
        low, high = self.value(self.reference), self.value(dear)
        if high > self.limit:
            return
        way_out = "Give a smaller --ratio, or other kernels."
        if low > high:
            change, turn = ("dearer", "leave --fixed out") if self._fixed else (
                "cheaper", "add --fixed")
            smaller = "" if low > ratio * high else f", and give a --ratio below {low / high:.2f}"
            way_out = f"It became {change} between the two: to find where, {turn}{smaller}."
        raise UsageError(
            f"{dear} is no worse than --ratio says: {self._plan.cases[0].name} takes {high:,} "
            f"instructions there and {low:,} on {self.reference}, which is {high / low:.2f} times, "
            f"and {self.old if self._fixed else self.new} is above {ratio:g} times. {way_out}")


def release_version(spec: str) -> KernelVersion:
    """The version that a spec of Debian's kernels names; raises SpecError for any other."""
    parsed = parse_spec(spec)
    if not isinstance(parsed, DebianSpec):
        raise SpecError(f"{spec}: releases are bisected among Debian's kernels, such as "
                        "debian:6.12; for source, see tailwalk bisect-step --help.")
    return parsed.version


def _releases(lab: Lab, good: str, bad: str, *, fixed: bool) -> list[str]:
    """The specs from the older end to the newer; a series stands for its newest release."""
    versions = [(spec, release_version(spec)) for spec in (good, bad)]
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


def figure_to_judge(lab: Lab, spec: str, plan: Plan) -> tuple[str, Figure]:
    """A kernel's release, and its figure of the plan's one case; raises GuestError where that is
    unsteady."""
    [run] = lab.measure([spec], plan)
    if not run.figures[0].main.steady:
        raise GuestError(f"the figure of {spec} is unsteady: nothing can be judged by it.")
    return run.kernel.release, run.figures[0]


def reference_value(lab: Lab, good: str, plan: Plan) -> float:
    """The figure of a good kernel or run, which others are judged by; raises RecordError where
    there is none to go by, whatever the reason."""
    try:
        if is_spec(good):
            [run] = lab.measure([good], plan)
        else:
            run = read_argument(good, progress=lab.progress)
            if run.rig != plan.rig or run.conditions.filesystem != plan.filesystem:
                system = run.conditions.filesystem
                raise RecordError(
                    f"--good {good} was measured on the {run.rig} rig, on {system.kind} with "
                    f"blocks of {system.block_size} bytes and mount options "
                    f"{system.mount_options or 'none'}; a step measures on the {plan.rig} rig, "
                    f"on {plan.filesystem.kind} with blocks of {plan.filesystem.block_size} and "
                    f"{plan.filesystem.mount_options or 'none'}: give a run like that.")
    except (KernelError, GuestError, SeriesError) as error:
        raise RecordError(f"--good {good} cannot be measured: {error}") from error
    figure = next((figure for figure in run.figures if figure.case == plan.cases[0]), None)
    if figure is None or not figure.main.steady:
        raise RecordError(f"the run of {good} has no steady figure of {plan.cases[0].name} as "
                          "asked for; measure it with the same options.")
    return figure.main.value
