# SPDX-License-Identifier: GPL-2.0-or-later
"""What every rendering says in the same words: figures, ratios, recovery, conditions, verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath

from tailwalk.cases import Case, show_size
from tailwalk.compare import Comparison, Row, Undefined, Verdict
from tailwalk.runs import Conditions
from tailwalk.runs.libmicro import IMPORTED
from tailwalk.runs.metrics import METRICS, RIGS, Rig
from tailwalk.words import listed

UNIT_TITLES = {metric.unit: metric.title for metric in METRICS.values()}
_PAGE = 4096  # bytes in a folio of order 0, on every machine that tailwalk boots
_LONGEST_LABEL = 18  # characters, of a kernel over a column of figures
_SERIES = re.compile(r"(?:src|debug):.*\+(?P<series>[^+]+)", re.DOTALL)
_LONGEST_FACT = 40  # characters; digests and argument lists are for the record, not for a footer


def show_figure(figure: float) -> str:
    """A figure with thousands separators: all digits of a count, four of a time."""
    if float(figure).is_integer():
        return f"{int(figure):,}"
    decimals = 0 if figure >= 1000 else 1 if figure >= 100 else 2 if figure >= 10 else 3
    return f"{figure:,.{decimals}f}"


def show_ratio(ratio: float | None, *, times: str) -> str:
    """A ratio in three digits and the sign `times`; a dash where there is none."""
    if ratio is None:
        return "-"
    return f"{ratio:.2f}{times}" if ratio < 9.995 else (
        f"{ratio:.1f}{times}" if ratio < 99.95 else f"{ratio:,.0f}{times}")


def show_interval(interval: tuple[float, float]) -> str:
    """The interval of a ratio, in so many digits that a bound beside 1 does not look like it."""
    digits = next((digits for digits in (2, 3, 4)
                   if all(bound == 1 or round(bound, digits) != 1 for bound in interval)), 5)
    return f"[{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]"


def show_percent(share: float) -> str:
    """A share in percent, with one decimal."""
    return f"{100 * share:.1f}%"


def show_recovery(recovery: float | Undefined | None) -> str:
    """A recovery in percent, `all` from the baseline's figure on down, the word for why it is
    undefined, or nothing."""
    if recovery is None:
        return ""
    if isinstance(recovery, str):
        return recovery
    # How far below is the ratio's to say. And all is only what is: 99.97% would be 100.0%.
    return "all" if recovery >= 1 else show_percent(min(recovery, 0.999))


def show_recovery_interval(row: Row, column: int) -> str:
    """The interval of a recovery, in percent or `all`; nothing where there is none, or where it
    holds nothing but all."""
    evidence = row.evidence[column]
    if evidence is None or evidence.recovery is None or isinstance(row.recovery[column], str):
        return ""
    low, high = evidence.recovery
    return "" if low >= 1 else f"[{show_recovery(low)}, {show_recovery(high)}]"


def show_folio_size(order: int) -> str:
    """The size of a folio of an order."""
    return show_size(_PAGE << order)


def show_order(order: int) -> str:
    """A folio order with the folio's size."""
    return f"order {order} ({show_folio_size(order)})"


def short_release(release: str) -> str:
    """The version number that a release starts with: `6.18.15` of `6.18.15+deb13-cloud-amd64`."""
    match = re.match(r"\d+(\.\d+)*(-rc\d+)?", release)
    return match[0] if match else release


def case_labels(cases: Sequence[Case]) -> list[str]:
    """Each case's name and the parameters in which it differs from others of that name."""
    labels = []
    for case in cases:
        namesakes = [other for other in cases if other.name == case.name]
        differing = [
            f"{name.replace('_', ' ')} {show_bytes(value)}"
            for name in ("offset", "fill", "file_size")
            if (value := case.get(name)) is not None
            and any(other.get(name) != value for other in namesakes)]
        if not case.uptodate:
            differing.append("not uptodate")
        labels.append(" ".join([case.name, *differing]))
    return labels


def show_bytes(size: int) -> str:
    """A size or an offset; 0 needs no unit."""
    return show_size(size) if size else "0"


def kernel_labels(comparison: Comparison) -> list[str]:
    """What to call each kernel in few characters."""
    return short_names([(kernel.spec, kernel.release) for kernel in comparison.kernels])


def short_names(kernels: Sequence[tuple[str, str]], *, longest: int = _LONGEST_LABEL) -> list[str]:
    """A name for each kernel, of which the spec and the release are given; no two are alike.

    It is the spec where that is short and no other kernel's; else the version number with the
    series, else the whole release; else one of these with the number that --bad knows it by.
    """
    known = [(spec, _version(spec, release), release) for spec, release in kernels]
    found = []
    for number, names in enumerate(known):
        alone = [name for name in names if sum(name in others for others in known) == 1]
        numbered = [f"{name} #{number}" for name in names]
        found.append(next((name for name in [*alone, *numbered] if len(name) <= longest),
                          f"#{number}"))
    return found


def _version(spec: str, release: str) -> str:
    """The version number and the series: `6.18.15+tail`."""
    match = _SERIES.fullmatch(spec)
    series = PurePath(match["series"]).stem if match else ""
    named = re.fullmatch(r"[a-z][a-z0-9_-]*", series, re.ASCII)
    return short_release(release) + (f"+{series}" if named else "")


def names_release(label: str, release: str) -> bool:
    """Does a kernel's label say the version number of its release already?"""
    return label.startswith(short_release(release))


def columns_after_bad(comparison: Comparison) -> range:
    """The columns that have a recovery."""
    if comparison.bad is None:
        return range(0)
    return range(comparison.bad + 1, len(comparison.kernels))


def cases_with(comparison: Comparison, column: int, verdict: Verdict) -> list[str]:
    """Labels of the cases with a verdict in a column."""
    labels = case_labels([row.parameters for row in comparison.rows])
    return [label for label, row in zip(labels, comparison.rows, strict=True)
            if row.verdicts[column] == verdict]


def sentence(comparison: Comparison, *, times: str) -> str:
    """The verdict on the whole comparison in one sentence."""
    bad, doubtful = comparison.bad, comparison.unjudged()
    if bad is None:
        judged = doubtful < len(comparison.rows) * (len(comparison.kernels) - 1)
        clauses = [f"No case {'' if judged else 'can be said to have '}regressed against "
                   f"{kernel_labels(comparison)[0]}"]
    else:
        clauses = [_regression(comparison, bad, times=times)]
        clauses += [clause for column in range(1, len(comparison.kernels)) if column != bad
                    if (clause := _other(comparison, column, times=times))]
    if doubtful:
        clauses.append(f"{doubtful} figure{'s' if doubtful > 1 else ''} cannot be judged")
    return "; ".join(clauses) + "."


def _regression(comparison: Comparison, column: int, *, times: str) -> str:
    kernels, rows = kernel_labels(comparison), comparison.rows
    worst = _worst(comparison, column)
    if worst is None:
        return f"{kernels[column]} regressed in no case against {kernels[0]}"
    ratio, case, cases = worst
    shown = show_ratio(ratio, times=times)
    if len(rows) == 1:
        return f"{kernels[column]} regressed against {kernels[0]} in {case} ({shown})"
    return (f"{kernels[column]} regressed in {cases} of {len(rows)} cases against "
            f"{kernels[0]}, most in {case} ({shown})")


def _worst(comparison: Comparison, column: int) -> tuple[float, str, int] | None:
    """The largest ratio of a column's regressions, its case, and how many there are."""
    cases = cases_with(comparison, column, "regressed")
    ratios = [row.ratios[column] or 0.0 for row in comparison.rows
              if row.verdicts[column] == "regressed"]
    return (*max(zip(ratios, cases, strict=True)), len(cases)) if cases else None


def _other(comparison: Comparison, column: int, *, times: str) -> str:
    """What a column besides the bad one takes back, and where it regressed itself."""
    worst = _worst(comparison, column)
    recovered = _recovered(comparison, column)
    if not recovered:
        return _regression(comparison, column, times=times) if worst else ""
    recovers = f"{kernel_labels(comparison)[column]} recovers {recovered}"
    if worst is None:
        return recovers
    ratio, case, cases = worst
    shown = show_ratio(ratio, times=times)
    dearer = f"{',' if ', ending' in recovered else ''} and is dearer"
    if len(comparison.rows) == 1:
        return f"{recovers}{dearer} ({shown})"
    return (f"{recovers}{dearer} in {cases} of {len(comparison.rows)} cases, most in {case} "
            f"({shown})")


def _recovered(comparison: Comparison, column: int) -> str:
    """How much of the bad column's regression a column takes back: none, a share or all, and in
    how many of the cases where that is not the same in all; nothing where it is undefined."""
    rows = [(share, row) for row in comparison.rows
            if isinstance(share := row.recovery[column], float)]
    none = [row for share, row in rows if share <= 0]
    part = [share for share, _ in rows if 0 < share < 1]
    whole = [row for share, row in rows if share >= 1]
    said = [(what, len(found)) for what, found in (
        ("none of it", none),
        (f"{_span(part, show_recovery)} of it", part),
        (f"all of it{_doubt(whole, column)}", whole)) if found]
    regressed = len(cases_with(comparison, comparison.bad or 0, "regressed"))
    if any(count < regressed for _, count in said):
        said = [(f"{what} in {count}{'' if at else f' of {regressed} cases'}", count)
                for at, (what, count) in enumerate(said)]
    if not said:
        return ""
    ratios = [row.ratios[column] or 0.0 for row in whole]
    level = "" if all(ratio == 1 for ratio in ratios) else (
        f", ending at {_span(ratios, lambda ratio: show_ratio(ratio, times=''))} of the baseline")
    return listed([what for what, _ in said]) + level


def _span(values: Sequence[float], show: Callable[[float], str]) -> str:
    least, most = (show(end(values, default=0)) for end in (min, max))
    return least if least == most else f"{least} to {most}"


def _doubt(rows: Sequence[Row], column: int) -> str:
    """What of recoveries of all the intervals leave open, in brackets."""
    lows = [evidence.recovery[0] for row in rows
            if (evidence := row.evidence[column]) and evidence.recovery]
    return f" (95% interval from {show_recovery(min(lows))})" if min(lows, default=1) < 1 else ""


def kernel_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """Each kernel's label with its release and its part in the comparison."""
    lines = []
    for column, (label, kernel) in enumerate(
            zip(kernel_labels(comparison), comparison.kernels, strict=True)):
        part = " (baseline)" if column == 0 else " (bad)" if column == comparison.bad else ""
        spec = "" if label == kernel.spec else f"{kernel.spec}, "
        lines.append((label, f"{spec}{kernel.release}{part}"))
    return lines


def comparison_conditions(comparison: Comparison) -> list[tuple[str, str]]:
    """What a reader has to know to repeat or doubt the figures, as names and texts."""
    rows = comparison.rows
    lines = conditions(comparison.rig, comparison.conditions, [row.parameters for row in rows])
    if folios := _folios(kernel_labels(comparison), rows):
        lines.append(("written to", folios))
    lines.append(("verdicts", comparison.method))
    lines += [("note", note) for note in comparison.notes]
    return lines


def conditions(rig: Rig, found: Conditions, cases: Sequence[Case]) -> list[tuple[str, str]]:
    """The conditions of one or more runs, as names and texts."""
    imported = found.probe.startswith(IMPORTED)
    known = RIGS[rig]
    lines = [("rig", f"{rig} (imported: measured by {found.probe}); each figure is the median of "
                     "the results" if imported else
              f"{rig} ({known.where}); each figure is {known.metric.basis}")]
    if machine := [f"{name} {value}" for name, value in found.machine.items()
                   if len(value) <= _LONGEST_FACT]:
        lines.append(("machine", "; ".join(machine)))
    system = found.filesystem
    options = f"mounted with {system.mount_options}" if system.mount_options else (
        "default mount options")
    lines.append(("file system", "unknown" if system.kind == "unknown" else (
        f"{system.kind}, {show_size(system.block_size)} blocks, {options}")))
    if cached := [case for case in cases if case.get("fill") is not None]:
        lines.append(("page cache", _page_cache(cached)))
    return lines


def _page_cache(cases: Sequence[Case]) -> str:
    """How the file was filled and where the calls write; what varies is in the cases' labels."""
    def common(name: str) -> str:
        sizes = {case.parameters[name] for case in cases}
        return show_size(sizes.pop()) if len(sizes) == 1 else "various sizes"

    offsets = {case.get("offset") for case in cases} - {None}
    offset = f"offset {show_bytes(offsets.pop() or 0)}" if len(offsets) == 1 else "various offsets"
    return (f"file of {common('file_size')} filled by writes of {common('fill')}; calls "
            f"overwrite at {offset}")


def _folios(kernels: Sequence[str], rows: Sequence[Row]) -> str:
    """The order of the folio written to, by kernel; nothing where it is known of none."""
    kernels_by_orders: dict[tuple[int, ...], list[str]] = {}
    for column, kernel in enumerate(kernels):
        orders = {order for row in rows if (order := row.written[column]) is not None}
        if orders:
            kernels_by_orders.setdefault(tuple(sorted(orders)), []).append(kernel)
    return "; ".join(
        f"{' or '.join(show_order(order) for order in orders)} on {listed(labels)}"
        for orders, labels in kernels_by_orders.items())
