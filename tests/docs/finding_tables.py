# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of what the upgrade test finds, of records; `finding.py` measures those."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from made_tables import blocks_of, names_of, remade_blocks, table_of

from tailwalk.cases import show_size
from tailwalk.compare.comparison import Verdict
from tailwalk.compare.upgrade import Upgrade, UpgradeCase
from tailwalk.report.profile_words import show_change
from tailwalk.report.words import show_figure, show_ratio
from tailwalk.words import listed

_BLOCKS = blocks_of("finding.py")
_HERE = "explanation/upgrade.md#"
_FUNCTIONS = 3
_ALIKE = 0.01
_WAYS: dict[str, Verdict] = {"more": "regressed", "less": "improved"}


@dataclass(frozen=True)
class Counted:
    """What a program counts of its calls, and what it says of its mapping."""

    median: int
    least: int
    mapped: str


@dataclass(frozen=True)
class Second:
    """A call counted again by a program, on each kernel."""

    call: str
    filesystem: str
    counted: Sequence[Counted]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was measured.

    Attributes:
        ext4: every case, and the functions of those that moved on the second kernel.
        later: those that moved on the third alone, with the functions there.
        fills: every case of a cached file, with other fills than `ext4`.
        others: other file systems, by name.
        source: minimal kernels, some of them with a series.
        twice: what another program counted.
    """

    ext4: Upgrade
    later: Upgrade
    fills: Upgrade
    others: Mapping[str, Upgrade]
    source: Upgrade
    twice: Sequence[Second]


def remade(text: str, found: Found) -> str:
    """A page's text with its tables made anew."""
    return remade_blocks(_BLOCKS, text, lambda name: TABLES[name](found))


def names(text: str) -> list[str]:
    """The tables of a page."""
    return names_of(_BLOCKS, text)


def _releases(found: Upgrade) -> list[str]:
    return [kernel.release.partition("+")[0].partition("-")[0] for kernel in found.kernels]


def _figure(one: UpgradeCase, column: int) -> str:
    figure = one.figures[column]
    if figure is None:
        return "failed" if one.failed[column] else "-"
    return f"{'~' if one.varies[column] else ''}{show_figure(round(figure))}"


def _beside(one: UpgradeCase, column: int) -> str:
    ratio = one.ratios[column]
    return _figure(one, column) + (f" ({show_ratio(ratio, times='')})" if ratio else "")


def _why(one: UpgradeCase) -> str:
    """The functions that carry most of a difference, or why none does."""
    if one.unprofiled:
        return one.unprofiled
    return ", ".join(f"`{each.function}` {show_change(each.difference)}"
                     for each in one.why[:_FUNCTIONS])


def _cases(found: Upgrade, cases: Sequence[UpgradeCase]) -> str:
    """A line a case: its figures, ratios and functions."""
    if not cases:
        return "None."
    explained = any(one.why or one.unprofiled for one in cases)
    return table_of(
        ["case", *_releases(found), *["functions"] * explained],
        ([f"`{one.case}`", _figure(one, 0),
          *(_beside(one, column) for column in range(1, len(found.kernels))),
          *[_why(one)] * explained] for one in cases))


def _anchor(one: UpgradeCase) -> str:
    """The heading that tells of the cause of a case, or `other`."""
    for cause in one.causes:
        if cause.page.startswith(_HERE):
            return cause.page.removeprefix(_HERE)
    return "other"


def _dearer(anchor: str) -> Callable[[Found], str]:
    return lambda found: _cases(found.ext4, [one for one in found.ext4.worst()
                                             if _anchor(one) == anchor])


def _summary(found: Found) -> str:
    new, last = _releases(found.ext4)[1:]
    counts = [[len(found.ext4.by_verdict(column, verdict)) for verdict in _WAYS.values()]
              for column in (1, 2)]
    by_name = {one.case: one for one in found.ext4.cases}
    told = [f"`{name}` {show_ratio(one.ratios[1], times='')} times on {new}, "
            f"{show_ratio(one.ratios[2], times='')} on {last}"
            for name in ("pwrite_u1k", "fdatasync_u1k", "msync_u1", "touch_u4k", "unlink_u8m")
            if (one := by_name.get(name))]
    return (f"Of {len(found.ext4.cases)} cases on ext4, {counts[0][0]} cost over "
            f"{found.ext4.threshold:g}% more on {new} than on {_releases(found.ext4)[0]}, and "
            f"{counts[0][1]} cost less; on {last} {counts[1][0]} cost more and {counts[1][1]} "
            f"less.\n\n" + "\n".join(f"- {one}" for one in told))


def _families(found: Found) -> str:
    def tally(family: str, column: int) -> list[str]:
        verdicts = Counter(one.verdicts[column] for one in found.ext4.cases
                           if one.family == family)
        return [str(verdicts[verdict] or "") for verdict in _WAYS.values()]

    releases = _releases(found.ext4)
    families = Counter(one.family for one in found.ext4.cases)
    return table_of(
        ["family", "cases", *(f"{way} on {release}" for release in releases[1:] for way in _WAYS)],
        ([family, str(number), *tally(family, 1), *tally(family, 2)]
         for family, number in families.items()))


def _noise(found: Found) -> str:
    limit = found.ext4.threshold / 100
    moved = [one for one in found.ext4.by_verdict(1, "within noise")
             if one.ratios[1] is not None and abs(one.ratios[1] - 1) > limit]
    return _with_ratios(moved, 1) or "None."


def _with_ratios(cases: Iterable[UpgradeCase], column: int) -> str:
    said = [f"`{one.case}` {show_ratio(one.ratios[column], times='')}" for one in cases]
    return f"{listed(said)}." if said else ""


def _fills(found: Found) -> str:
    told: dict[str, dict[int, UpgradeCase]] = {}
    for one in found.fills.cases:
        told.setdefault(one.case, {})[one.fill or 0] = one
    for one in found.ext4.cases:
        if one.case in told:
            told[one.case][one.fill or 0] = one
    fills = sorted({fill for cases in told.values() for fill in cases})
    releases = _releases(found.ext4)[1:]
    limit = 1 + found.ext4.threshold / 100

    def rows() -> Iterator[Sequence[str]]:
        for name, by_fill in told.items():
            ratios = [[by_fill[fill].ratios[column] for fill in fills] for column in (1, 2)]
            known = [[ratio for ratio in each if ratio is not None] for each in ratios]
            if any(max(each) > limit * min(each) for each in known if each):
                yield f"`{name}`", *(show_ratio(ratio, times="") for each in ratios
                                     for ratio in each)

    return table_of(["case", *(f"{release}, {show_size(fill)}"
                               for release in releases for fill in fills)], rows())


def _source(found: Found) -> str:
    upgrade = found.source
    heads = [kernel.spec.partition(":")[2] for kernel in upgrade.kernels]
    parts = [table_of(["case", *heads], (
        [f"`{one.case}`", _figure(one, 0), *(_beside(one, column)
                                             for column in range(1, len(heads)))]
        for one in upgrade.worst()))]
    parts.append(f"Cheaper: {_with_ratios(upgrade.by_verdict(1, 'improved'), 1)}")
    for way, verdict in _WAYS.items():
        here, there = (each.by_verdict(1, verdict) for each in (upgrade, found.ext4))
        parts += [f"Costs {way} {where}: {_with_ratios(alone, 1)}" for where, alone in (
            ("here alone", _without(here, there)), ("on Debian's alone", _without(there, here)))
            if alone]
    return "\n\n".join(parts)


def _without(cases: Sequence[UpgradeCase], others: Sequence[UpgradeCase]) -> list[UpgradeCase]:
    names = {one.case for one in others}
    return [one for one in cases if one.case not in names]


def _other(filesystem: str) -> Callable[[Found], str]:
    def told(found: Found) -> str:
        upgrade = found.others[filesystem]
        ext4 = {one.case: one for one in found.ext4.cases}
        own = [one for one in upgrade.moved() if not _alike(one, ext4.get(one.case))]
        counts = [len(upgrade.by_verdict(1, verdict)) for verdict in _WAYS.values()]
        cheaper = [one for one in own if one.verdicts[1] == "improved"]
        lacking = sum(one.verdicts[1] == "missing" for one in upgrade.cases)
        others = f", and {lacking} more cannot be measured" if lacking else ""
        return "\n\n".join([
            f"{counts[0]} of {len(upgrade.cases) - lacking} cases cost more, {counts[1]} less"
            f"{others}. Those that do not cost what they do on ext4:",
            _cases(upgrade, [one for one in own if one.verdicts[1] == "regressed"]),
            *([f"Cheaper: {_with_ratios(cheaper, 1)}"] if cheaper else [])])

    return told


def _alike(one: UpgradeCase, other: UpgradeCase | None) -> bool:
    return other is not None and all(
        a is not None and b is not None and abs(a - b) <= _ALIKE * b
        for a, b in zip(one.figures, other.figures, strict=True))


def _twice(found: Found) -> str:
    """Ours with the RAM disk's driver beside the program's; calls that no case makes alone."""
    def rows() -> Iterator[Sequence[str]]:
        for told in found.twice:
            upgrade = found.others.get(told.filesystem, found.ext4)
            one = next((one for one in upgrade.cases if one.case == told.call), None)
            yield (f"`{told.call}`, {told.filesystem}",
                   *(_beside_ours(one, column, counted)
                     for column, counted in enumerate(told.counted)))

    return table_of(["call", *_releases(found.ext4)], rows())


def _beside_ours(one: UpgradeCase | None, column: int, counted: Counted) -> str:
    figure = one.figures[column] if one else None
    if one is None or figure is None:
        return f"{counted.median:,} (least {counted.least:,})"
    ours = round(figure + (one.apart[column] or 0))
    return f"{ours:,} / {counted.median:,} ({(counted.median - ours) / ours:+.1%})"


def _mapped(found: Found) -> str:
    return table_of(["call", *_releases(found.ext4)], (
        [f"`{told.call}`, {told.filesystem}", *(each.mapped for each in told.counted)]
        for told in found.twice if all(each.mapped for each in told.counted)))


TABLES: dict[str, Callable[[Found], str]] = {
    "summary": _summary,
    "families": _families,
    **{anchor: _dearer(anchor) for anchor in (
        "walks-in-the-write", "walks-in-writeback", "a-folio-dirtied-whole",
        "buffer-heads-of-a-whole-folio", "other")},
    "noise": _noise,
    "dearer-later": lambda found: _cases(found.later, found.later.worst()),
    "cheaper": lambda found: _cases(found.ext4, found.ext4.by_verdict(1, "improved")),
    "cheaper-later": lambda found: _cases(found.later, found.later.by_verdict(1, "improved")),
    "fills": _fills,
    "source": _source,
    **{filesystem: _other(filesystem) for filesystem in ("xfs", "btrfs", "tmpfs")},
    "twice": _twice,
    "mapped": _mapped,
}
