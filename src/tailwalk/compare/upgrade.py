# SPDX-License-Identifier: GPL-2.0-or-later
"""The upgrade: what every case costs on a new kernel beside an old one, and which functions make
the difference, as a JSON document.

Versions of the format:
    tailwalk.upgrade/1: the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from tailwalk.bounds import FEW, MANY, Count, Percent, Share, Text, Value, Whole
from tailwalk.cases import Case
from tailwalk.compare.agreement import figures_by_case
from tailwalk.compare.comparison import (
    Accepted,
    ComparedKernel,
    Comparison,
    Row,
    Undefined,
    Verdict,
    size_of,
)
from tailwalk.compare.judge import rows_without_figures
from tailwalk.profile.causes import Explained
from tailwalk.runs import Conditions, Figure, Run
from tailwalk.runs.metrics import BYTES, METRICS, Metric, Rig
from tailwalk.runs.record import Missing, Part, decode_record, grouped_notes, read_bytes
from tailwalk.words import listed

UPGRADE_SCHEMA = "tailwalk.upgrade/1"


class Carrier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kernel function, and by how many instructions of one call it executes more itself on the
    second kernel than on the first."""

    function: Text
    difference: Whole


class Cause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a case costs something else, as a sentence, where its profile shows it.

    `page` of the documentation explains it; `share` of the difference is in the functions that it
    is known by.
    """

    cause: Text
    page: Text
    share: float


class UpgradeCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case on every kernel. Every list but `why` and `causes` has one entry a kernel, the old
    one's first.

    Attributes:
        case: the case's name.
        family: the kind of call.
        fill: size of the writes that populated the page cache before, bytes; None where the case
            needs no cached file.
        parameters: the case with all its parameters, the same on every kernel.
        figures: what a call takes, in the record's unit; None where the kernel has no figure.
        reasons: why there is no figure; None where there is one.
        failed: did the case fail there?
        ratios: figure over the first; None where there is none.
        verdicts: as in a comparison; the first is `baseline` or `missing`.
        recovery: for the kernels after the second, the share of its regression that the kernel
            takes back, or why that is undefined; None for the first two.
        varies: is the figure the median of calls that are not alike?
        intervals: of a figure that varies, the middle 90% of the calls.
        per_mib: the figures per MiB, where a call handles many bytes.
        calls: how many calls the figure rests on.
        shares: share of the calls that had exactly the figure, where it is their mode.
        parts: who executed the figure's instructions, the call itself and threads of the kernel's;
            nothing where they are not told apart.
        apart: instructions of the RAM disk's driver, which are no part of the figure; None where
            they were not counted apart.
        bytes: that a call wrote to the disk; None where they were not counted.
        bytes_verdicts: as `verdicts`, of the bytes; None where they were not compared.
        why: the functions that carry the difference between the first two kernels, more or less,
            the largest first; empty where the case was not profiled, or no function differs.
        difference: by how many kernel instructions the profiled calls differ; None where the case
            was not profiled.
        causes: what is known of why.
        unprofiled: why there is no profile, where one was asked for.
    """

    case: Text
    family: Text
    fill: Count | None
    parameters: Case
    figures: Annotated[list[Value | None], FEW]
    reasons: Annotated[list[Text | None], FEW]
    failed: Annotated[list[bool], FEW]
    ratios: Annotated[list[float | None], FEW]
    verdicts: Annotated[list[Verdict], FEW]
    recovery: Annotated[list[float | Undefined | None], FEW]
    varies: Annotated[list[bool], FEW]
    intervals: Annotated[list[tuple[float, float] | None], FEW]
    per_mib: Annotated[list[Value | None], FEW] | msgspec.UnsetType = msgspec.UNSET
    calls: Annotated[list[Count | None], FEW]
    shares: Annotated[list[Share | None], FEW]
    parts: Annotated[list[Annotated[list[Part], FEW]], FEW]
    apart: Annotated[list[Count | None], FEW]
    bytes: Annotated[list[Value | None], FEW]
    bytes_verdicts: Annotated[list[Verdict | None], FEW]
    why: Annotated[list[Carrier], MANY] = []
    difference: Whole | None = None
    causes: Annotated[list[Cause], FEW] = []
    unprofiled: Text | None = None

    def size(self, column: int) -> tuple[bool, float]:
        """How large a regression is, as a comparison's row says it."""
        return size_of(self.ratios[column], self.figures[column])


class Upgrade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cases on an old kernel, the new one and any later ones.

    Attributes:
        schema: `tailwalk.upgrade/1`.
        rig: where every figure comes from.
        metric: what the figures count, by name.
        unit: of the figures.
        threshold: percent of the first figure that another may differ by and still be unchanged;
            the largest, where the kernels' own differ.
        method: how the verdicts were reached, as a sentence.
        kernels: the old one, the new one, and later ones, each with the id of its run.
        conditions: of every run, besides kernel and cases.
        notes: what else a reader has to know, as sentences.
        cases: in the suite's order; behind them those that have a figure on no kernel.
        accepted: the regressions that a file of accepted differences speaks of, as a comparison has
            them.
    """

    schema: str = UPGRADE_SCHEMA
    rig: Rig
    metric: Text
    unit: Text
    threshold: Percent
    method: Text
    kernels: Annotated[list[ComparedKernel], FEW]
    conditions: Conditions
    notes: Annotated[list[Text], MANY] = []
    cases: Annotated[list[UpgradeCase], MANY]
    accepted: Annotated[list[Accepted], MANY] = []

    def worst(self) -> list[UpgradeCase]:
        """The cases that regressed on the second kernel, the largest ratio first; one that cost
        nothing before has none, and is worse than any."""
        return self.by_verdict(1, "regressed")

    def moved(self) -> list[UpgradeCase]:
        """The cases that regressed or improved on the second kernel: the worst first, and then
        those of which the least is left."""
        return [*self.worst(), *self.by_verdict(1, "improved")]

    def by_verdict(self, column: int, verdict: Verdict) -> list[UpgradeCase]:
        """The cases with a verdict on a kernel, those that moved most first."""
        return sorted((one for one in self.cases if one.verdicts[column] == verdict),
                      key=lambda one: one.size(column), reverse=verdict != "improved")

    def accepts(self, one: UpgradeCase) -> bool:
        """Is what a case costs more on the second kernel accepted?"""
        return any(said.kernel == 1 and said.state == "accepted" and said.metric == self.metric
                   and said.parameters == one.parameters for said in self.accepted)

    @property
    def counted(self) -> Metric:
        """What the figures count."""
        return METRICS[self.metric]


def read_upgrade(path: Path) -> Upgrade:
    """The upgrade in a file.

    Raises RecordError for a file that is missing, is no upgrade, is damaged, or was written by a
    newer version of the format.
    """
    return decode_record(read_bytes(path), str(path), Upgrade, schema=UPGRADE_SCHEMA,
                         cure="Measure the upgrade again.")


def upgrade(comparison: Comparison, runs: Sequence[Run]) -> Upgrade:
    """The upgrade that a comparison of these runs is, not yet profiled.

    The comparison takes the second run for the bad one.
    """
    by_case = [figures_by_case(run) for run in runs]
    left_out = [{one.case: one for one in run.left_out} for run in runs]
    main, *others = comparison.by_metric()
    written = {row.parameters: row for part in others for row in part.rows
               if row.metric == BYTES.name}
    cases = [_case(row, written.get(row.parameters),
                   figures=[figures.get(row.parameters) for figures in by_case],
                   missing=[missing.get(row.parameters) for missing in left_out],
                   metric=main.metric)
             for row in [*main.rows, *rows_without_figures(comparison, runs)]]
    return Upgrade(
        rig=comparison.rig, metric=main.metric.name, unit=main.unit,
        threshold=comparison.threshold, method=comparison.method, kernels=comparison.kernels,
        conditions=comparison.conditions, cases=cases, accepted=comparison.spoken_of,
        notes=list(_notes(comparison, runs)))


def _notes(comparison: Comparison, runs: Sequence[Run]) -> Iterator[str]:
    """The comparison's notes, with what several kernels have in common once."""
    kernels: dict[str, list[str]] = {}
    for run in runs:
        for note in grouped_notes(run):
            kernels.setdefault(note, []).append(run.kernel.spec)
    for note, specs in kernels.items():
        yield f"{'every kernel' if len(specs) == len(runs) else listed(specs)}, {note}"
    told = {f"{spec}, {note}" for note, specs in kernels.items() for spec in specs}
    yield from (note for note in comparison.notes if note not in told)


def _case(row: Row, written: Row | None, *, figures: Sequence[Figure | None],
          missing: Sequence[Missing | None], metric: Metric) -> UpgradeCase:
    amounts = [figure.metrics.get(metric.name) if figure else None for figure in figures]
    nothing: list[Any] = [None] * len(figures)
    case = row.parameters
    return UpgradeCase(
        case=case.name, family=case.declared.family, fill=case.get("fill"), parameters=case,
        figures=row.figures,
        reasons=[one.reason if one else None for one in missing],
        failed=[one is not None and one.failed for one in missing],
        ratios=row.ratios, verdicts=row.verdicts, recovery=row.recovery,
        varies=[interval is not None for interval in row.varies], intervals=row.varies,
        per_mib=msgspec.UNSET if (mib := case.mib) is None else [
            None if figure is None else figure / mib for figure in row.figures],
        calls=[amount.number if amount else None for amount in amounts],
        shares=row.shares,
        parts=[figure.split if figure else [] for figure in figures],
        apart=[None if figure is None or figure.apart is msgspec.UNSET else figure.apart
               for figure in figures],
        bytes=written.figures if written else nothing,
        bytes_verdicts=[*written.verdicts] if written else nothing)


def with_profiles(found: Upgrade, profiles: Mapping[Case, Explained | str]) -> Upgrade:
    """The upgrade with what the profiles of some cases say, or why one has no profile."""
    def explained(one: UpgradeCase) -> UpgradeCase:
        what = profiles.get(one.parameters)
        if what is None:
            return one
        if isinstance(what, str):
            return replace(one, unprofiled=what)
        return replace(
            one, difference=what.difference,
            why=[Carrier(function=name, difference=change) for name, change in what.carriers],
            causes=[Cause(cause=known.cause, page=known.page, share=share)
                    for known, share in what.causes])

    return replace(found, cases=[explained(one) for one in found.cases])
