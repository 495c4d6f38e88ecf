# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison: a baseline run beside others, as a JSON document.

Versions of the format:
    tailwalk.comparison/1: the first. It had the unit of all of its figures, and cases as run/1.
    tailwalk.comparison/2: every row has its metric and unit; cases are those of run/2. A row had a
        figure of every kernel.
    tailwalk.comparison/3: a kernel's figure may be missing, for a reason; figures that are medians
        of calls that vary have the middle 90% of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from tailwalk.bounds import FEW, MANY, Count, Order, Percent, Share, Text, Value
from tailwalk.cases import Case
from tailwalk.compare.threshold import Threshold
from tailwalk.runs import Conditions
from tailwalk.runs.metrics import METRICS, Metric, Rig
from tailwalk.runs.record import decode_record, read_bytes
from tailwalk.runs.version1 import case_from_1, metric_from_1

COMPARISON_SCHEMA = "tailwalk.comparison/3"

Verdict = Literal[
    "baseline", "regressed", "improved", "unchanged", "within noise", "unsteady", "unknown",
    "missing"]
"""What became of a case on a kernel.

`within noise`: of samples, the difference is smaller than the noise, or on the host rig than what
sessions on one kernel differ by; of calls that are not alike, some on either kernel took as much as
some on the other. `unsteady`: this figure or the baseline's must not be relied on.
`unknown`: nothing can be said: a figure that no call can take, which 0 is but of a metric
that may be 0, of samples too few a side for any test, or no figure of the baseline's.
`missing`: the kernel has no figure of the case.
"""

Undefined = Literal["no regression", "within noise", "unsteady", "unknown", "missing"]
"""Why a recovery is undefined; the last four as in `Verdict`, of the bad column or this one."""

Interval = tuple[float, float]


class ComparedKernel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One column: a kernel and the run that its figures come from.

    `run` is the run's short name (`Run.id`); `threshold` is what its figures may differ by from
    the baseline's and still be unchanged, None for the baseline itself; the rest is the run's own
    record of the kernel.
    """

    spec: Text
    release: Text
    digest: Text
    provenance: Annotated[dict[str, Text], FEW] = {}
    run: Text
    threshold: Threshold | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the samples of one case on one kernel say against the baseline's.

    Attributes:
        samples: how many samples the baseline and this kernel have.
        interval: 95% bootstrap interval of the ratio of the medians.
        dearer: share of the pairs (a baseline sample, one of this kernel) in which this kernel's
            is the larger, ties counted half: 0.5 where the two are alike.
        p_value: of the two-sided Mann-Whitney U test, after Holm's correction for all tests of
            the comparison.
        recovery: 95% bootstrap interval of the recovery; None where that is not defined. A
            recovery whose interval holds both 0 and 1 is `within noise`.
    """

    samples: tuple[Count, Count]
    interval: Interval
    dearer: Share
    p_value: Share
    recovery: Interval | None = None


Acceptance = Literal["accepted", "exceeded", "expired"]
"""What became of a regression that was to be accepted: it is; its ratio is more than was accepted;
the last day on which it was has passed."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A regression that an entry of a file of accepted differences is of.

    Attributes:
        case: the case's name.
        parameters: the case with all its parameters.
        metric: its name.
        kernel: index in `kernels`.
        ratio: figure over baseline; None where that is 0, which no ratio accepts.
        most: the ratio that is accepted.
        reason: why it is.
        until: the last day on which it is, ISO 8601.
        entry: number of the entry in the file, from 1.
        state: see `Acceptance`.
    """

    case: Text
    parameters: Case
    metric: Text
    kernel: Count
    ratio: float | None
    most: float
    reason: Text
    until: Text
    entry: Count
    state: Acceptance


def size_of(ratio: float | None, figure: float | None) -> tuple[bool, float]:
    """How large a regression with this ratio is, or, where it has none, to this figure."""
    return (True, float(figure or 0)) if ratio is None else (False, ratio)


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One metric of a case on every kernel. Every list has one entry a kernel, the baseline's
    first.

    Attributes:
        case: the case's name.
        parameters: the case with all its parameters, the same on every kernel.
        metric: its name.
        unit: of the figures.
        figures: what a call takes; None where it is missing, which at least one is not.
        reasons: why a figure is missing, None where it is not.
        ratios: figure over baseline; None where that is 0, or where the verdict is `missing`, or
            `unknown` for lack of a figure.
        verdicts: see `Verdict`; the first is `baseline` or `missing`.
        recovery: for the columns after the bad one, the share of the regression that the kernel
            takes back, or why that is undefined; None for the other columns.
        steady: False for a figure that must not be relied on; None where it is missing.
        shares: share of the calls that had exactly the figure, where it is their mode, else None.
        varies: what the middle 90% of the calls took, where they were counted exactly and are not
            alike, so that the figure is their median; else None.
        written: order of the folio that the calls write to; None where unknown.
        evidence: what the samples say; None where there is no test.
    """

    case: Text
    parameters: Case
    metric: Text
    unit: Text
    figures: Annotated[list[Value | None], FEW]
    reasons: Annotated[list[Text | None], FEW]
    ratios: Annotated[list[float | None], FEW]
    verdicts: Annotated[list[Verdict], FEW]
    recovery: Annotated[list[float | Undefined | None], FEW]
    steady: Annotated[list[bool | None], FEW]
    shares: Annotated[list[Share | None], FEW]
    varies: Annotated[list[Interval | None], FEW]
    written: Annotated[list[Order | None], FEW]
    evidence: Annotated[list[Evidence | None], FEW]

    def size(self, column: int) -> tuple[bool, float]:
        """How large a regression is: its ratio, or the figure where that rose from 0 and has none,
        which makes it larger than any other."""
        return size_of(self.ratios[column], self.figures[column])

    def lacks(self, column: int) -> bool:
        """Has a kernel after the baseline no verdict since its figure or the baseline's is
        missing?"""
        return column > 0 and None in (self.figures[0], self.figures[column])


class Comparison(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A baseline run beside others.

    Attributes:
        schema: `tailwalk.comparison/3`.
        rig: where every figure comes from.
        baseline: spec of the first kernel.
        bad: index in `kernels` of the column whose regression the later ones are to recover;
            None where no kernel regressed.
        threshold: percent of the baseline that a figure may move and still be unchanged; the
            largest, where the kernels' own differ.
        method: how the verdicts were reached, as a sentence.
        kernels: the columns, the baseline first.
        conditions: of every run, besides kernel and cases.
        notes: what else a reader has to know, as sentences.
        rows: the cases in the baseline run's order, for each metric that all kernels with a figure
            of the case have; first those of the metric that the rig is for. One that the baseline
            lacks stands behind the case that it follows in another run.
        accepted: the regressions that a file of accepted differences speaks of, if there are any.
    """

    schema: str = COMPARISON_SCHEMA
    rig: Rig
    baseline: Text
    bad: Count | None
    threshold: Percent
    method: Text
    kernels: Annotated[list[ComparedKernel], FEW]
    conditions: Conditions
    notes: Annotated[list[Text], MANY] = []
    rows: Annotated[list[Row], MANY]
    accepted: Annotated[list[Accepted], MANY] | msgspec.UnsetType = msgspec.UNSET

    @property
    def spoken_of(self) -> list[Accepted]:
        """The regressions that a file of accepted differences speaks of."""
        return [] if self.accepted is msgspec.UNSET else self.accepted

    def acceptance(self, row: Row, column: int) -> Accepted | None:
        """What such a file says of a cell."""
        return next((one for one in self.spoken_of if one.kernel == column
                     and one.metric == row.metric and one.parameters == row.parameters), None)

    def accepts(self, row: Row, column: int) -> bool:
        """Is the regression of a cell accepted?"""
        found = self.acceptance(row, column)
        return found is not None and found.state == "accepted"

    @property
    def metric(self) -> Metric:
        """Of the first rows."""
        return METRICS[self.rows[0].metric]

    @property
    def unit(self) -> str:
        """Of the first rows."""
        return self.rows[0].unit

    def by_metric(self) -> list[Comparison]:
        """The same comparison of each metric alone."""
        names = dict.fromkeys(row.metric for row in self.rows)
        return [replace(self, rows=[row for row in self.rows if row.metric == name])
                for name in names]

    def regressed(self) -> bool:
        """Is any verdict `regressed`, and not accepted?"""
        return any(verdict == "regressed" and not self.accepts(row, column)
                   for row in self.rows for column, verdict in enumerate(row.verdicts))

    def unjudged(self) -> int:
        """How many figures have a verdict that is none, `unsteady` or `unknown`, though they are
        there, and the baseline's is."""
        return sum(verdict in ("unsteady", "unknown") and not row.lacks(column)
                   for row in self.rows for column, verdict in enumerate(row.verdicts))

    def lacking(self) -> int:
        """How many verdicts there are not since a figure is missing: the kernel's, or the
        baseline's."""
        return sum(row.lacks(column) for row in self.rows for column in range(len(self.kernels)))


def read_comparison(path: Path) -> Comparison:
    """The comparison in a file.

    Raises RecordError for a file that is missing, is no comparison, is damaged, or was written by
    a newer version of the format.
    """
    return decode_record(read_bytes(path), str(path), Comparison, schema=COMPARISON_SCHEMA,
                         cure="Compare the runs again.", older={
                             "tailwalk.comparison/1": lambda found: _from_2(_from_1(found)),
                             "tailwalk.comparison/2": _from_2})


def _from_1(document: dict[str, Any]) -> dict[str, Any]:
    unit = document.pop("unit", None)
    metric = metric_from_1(unit)
    rows = document.get("rows")
    return {**document, "rows": [
        {**row, "parameters": case_from_1(row.get("parameters")), "metric": metric, "unit": unit}
        for row in rows]} if (
        isinstance(rows, list) and all(isinstance(row, dict) for row in rows)) else document


def _from_2(document: dict[str, Any]) -> dict[str, Any]:
    rows, kernels = document.get("rows"), document.get("kernels")
    if not (isinstance(kernels, list) and isinstance(rows, list)
            and all(isinstance(row, dict) for row in rows)):
        return document
    none = [None] * len(kernels)
    return {**document, "rows": [{**row, "reasons": none, "varies": none} for row in rows]}
