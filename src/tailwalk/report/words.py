# SPDX-License-Identifier: GPL-2.0-or-later
"""What every rendering says in the same words: figures, ratios, recovery, conditions, verdict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from tailwalk.cases import PAGE, Case, show_size
from tailwalk.compare import Row, Undefined
from tailwalk.runs import Conditions
from tailwalk.runs.libmicro import IMPORTED
from tailwalk.runs.metrics import RIGS, Rig
from tailwalk.runs.record import Part

_LONGEST_LABEL = 18  # characters, of a kernel over a column of figures
_SERIES = re.compile(r"(?:src|debug):.*\+(?P<series>[^+]+)", re.DOTALL)
_LONGEST_FACT = 40  # characters; digests and argument lists are for the record, not for a footer


def show_figure(figure: float) -> str:
    """A figure with thousands separators: all digits of a count, four of a time."""
    if float(figure).is_integer():
        return f"{int(figure):,}"
    decimals = 0 if figure >= 1000 else 1 if figure >= 100 else 2 if figure >= 10 else 3
    return f"{figure:,.{decimals}f}"


def show_unit(unit: str) -> str:
    """A unit as it is said after a figure: `instructions a call`."""
    return unit.replace("/", " a ")


def show_ratio(ratio: float | None, *, times: str = "×") -> str:
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


def show_executed(split: Sequence[Part], apart: int | None) -> str:
    """Who executed a figure's instructions, and what the disk's driver did beside; nothing where
    the call alone executed any."""
    if len(split) < 2 and not apart:
        return ""
    said = ", ".join(f"{part.name} {show_figure(part.instructions)}" for part in split)
    return f"executed by {said}; apart: disk driver {show_figure(apart or 0)}"


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
    return show_size(PAGE << order)


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
            f"{name.replace('_', ' ')} "
            f"{show_bytes(value) if case.declared.declared[name].unit == 'bytes' else value}"
            for name, value in case.parameters.items() if name != "uptodate"
            and any(other.parameters.get(name) != value for other in namesakes)]
        if not case.uptodate:
            differing.append("not uptodate")
        labels.append(" ".join([case.name, *differing]))
    return labels


def show_bytes(size: int) -> str:
    """A size or an offset; 0 needs no unit."""
    return show_size(size) if size else "0"


def short_names(kernels: Sequence[tuple[str, str]], *, longest: int = _LONGEST_LABEL) -> list[str]:
    """A name for each kernel, of which the spec and the release are given; no two are alike.

    It is the spec where that is short and no other kernel's; else the version number with the
    series, else the whole release; else one of these with the number that --regressed knows it by.
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


def conditions(rig: Rig, found: Conditions, cases: Sequence[Case], *,
               varying: bool = False) -> list[tuple[str, str]]:
    """The conditions of one or more runs, as names and texts; `varying` where sizes and offsets
    stand beside the figures."""
    imported = found.probe.startswith(IMPORTED)
    known = RIGS[rig]
    basis = known.metric.basis_of(mixed=any(case.declared.counted == "median" for case in cases))
    lines = [("rig", f"{rig} (imported: measured by {found.probe}); each figure is the median of "
                     "the results" if imported else
              f"{rig} ({known.where}); each figure is {basis}")]
    if machine := [f"{name} {value}" for name, value in found.machine.items()
                   if len(value) <= _LONGEST_FACT]:
        lines.append(("machine", "; ".join(machine)))
    system = found.filesystem
    options = f"mounted with {system.mount_options}" if system.mount_options else (
        "default mount options")
    lines.append(("file system", "unknown" if system.kind == "unknown" else (
        f"{system.kind}, {show_size(system.block_size)} blocks, {options}")))
    cached = [case for case in cases if case.cached]
    if cached:
        lines.append(("page cache", _page_cache(cached, varying=varying)))
    return lines


def _page_cache(cases: Sequence[Case], *, varying: bool) -> str:
    """How the file was filled and where the calls write; what varies is in the cases' labels."""
    def common(name: str) -> str:
        sizes = {case.parameters[name] for case in cases}
        return show_size(sizes.pop()) if len(sizes) == 1 and not varying else "various sizes"

    offsets = {offset for case in cases if (offset := case.get("offset")) is not None}
    verbs = dict.fromkeys(case.declared.verb for case in cases)
    does = f" {' or '.join(verbs)}" if all(verbs) else ""
    where = "" if not offsets else " at various offsets" if varying or len(offsets) > 1 else (
        f" at offset {show_bytes(offsets.pop())}")
    made = f"file of {common('file_size')} filled by writes of {common('fill')}"
    return f"{made}; calls{does}{where}" if does or where else made
