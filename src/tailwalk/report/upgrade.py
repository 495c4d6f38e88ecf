# SPDX-License-Identifier: GPL-2.0-or-later
"""An upgrade on one screen: how many cases cost more or less, the worst with their functions and
causes, what later kernels take back, and what became cheaper."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from tailwalk.compare.applications import Application
from tailwalk.compare.threshold import show_thresholds
from tailwalk.compare.upgrade import Cause, Upgrade, UpgradeCase
from tailwalk.report.applications import applications_parts
from tailwalk.report.comparison import acceptance_lines, with_labels
from tailwalk.report.grid import BLANK, Cell, Column, Fact, Grid, GridRow, Over, Said, Shown
from tailwalk.report.heat import map_figure
from tailwalk.report.profile_words import show_change
from tailwalk.report.words import (
    case_labels,
    conditions,
    short_names,
    show_figure,
    show_ratio,
    show_recovery,
)
from tailwalk.words import listed

_COLUMNS, _LINES = 80, 50  # a screen


class _Cut(NamedTuple):
    """How many of each list are shown; None for all."""

    worst: int | None = None
    families: int | None = None
    named: int | None = None
    functions: int = 3


_CUTS = (_Cut(10, 20, 6), _Cut(10, 6, 3), _Cut(8, 5, 3, 2), _Cut(6, 4, 2, 2), _Cut(5, 3, 2, 2),
         _Cut(4, 3, 2, 2), _Cut(3, 2, 1, 1))
_NAMED = 6  # cases in a sentence of a page
_CARRIED = 0.9
_TALLIES = {"more": ("regressed",), "less": ("improved",), "same": ("unchanged",),
            "within noise": ("within noise",), "unsteady": ("unsteady", "unknown"),
            "missing": ("missing",)}
_ALWAYS = 3  # of the tallies; the others stand there where a case is one of them


def _page(cause: Cause) -> str:
    return cause.page.partition("#")[0]


class _View:
    """An upgrade with what its kernels and cases are called."""

    def __init__(self, found: Upgrade) -> None:
        self.found = found
        self.kernels = short_names([(one.spec, one.release) for one in found.kernels])
        labels = case_labels([one.parameters for one in found.cases])
        self._labels = dict(zip([one.parameters for one in found.cases], labels, strict=True))
        pages = [_page(cause) for one in found.cases for cause in one.causes]
        self.page = max(pages, key=pages.count, default="")
        """The page on which most causes are explained."""

    def label(self, one: UpgradeCase) -> str:
        return self._labels[one.parameters]

    def with_ratios(self, cases: Sequence[UpgradeCase], column: int, *, most: int | None) -> str:
        """Cases with their ratios on a kernel; of more than `most` how many more there are."""
        return _cut([f"{self.label(one)} {_ratio(one, column)}" for one in cases], most)


def upgrade_shown(found: Upgrade, *, everything: bool = False,
                  applications: Sequence[Application] = ()) -> Shown:
    """The answer first, with as much of each list as a screen has room for; `everything`: with
    every case, and nothing cut short."""
    view = _View(found)
    programs = applications_parts(applications, view.kernels)
    if everything:
        return _shown(view, _Cut(), programs, everything=True)
    made = [_shown(view, cut, programs) for cut in _CUTS]
    return next((one for one in made if _height(one) <= _LINES), made[-1])


def _shown(view: _View, cut: _Cut, programs: Sequence[Grid | Said], *,
           everything: bool = False) -> Shown:
    found, most = view.found, cut.named
    old, new, *_ = view.kernels
    parts: list[Grid | Said] = [Said(sentence(found), "strong"), BLANK,
                                _families(found, most=cut.families), BLANK]
    worst, less = found.worst(), found.by_verdict(1, "improved")
    if worst:
        parts += [Said(f"Dearer on {new} than on {old}, the worst first"),
                  _ranking(view, worst[:cut.worst])]
        if rest := worst[len(worst[:cut.worst]):]:
            parts.append(Said(f"and {len(rest)} more, from {_ratio(rest[0], 1)} down: --all"))
        parts.append(BLANK)
    for way, cases in (("more", worst), ("less", less)):
        if why := [*_reasons(view, cases, cut), *_unprofiled(view, cases, most=most)]:
            parts += [Said(f"Where {new} executes {way}, by kernel function"), *map(Said, why),
                      BLANK]
        elif cases is worst and worst:
            parts += [Said("Not profiled: --why N names the functions of the worst N."), BLANK]
    parts += programs
    said = list(_further(view, most=most))
    parts += map(Said, said)
    if everything:
        parts += [BLANK] * bool(said) + [_every_case(view)]
        if (executed := _executed(view)).rows:
            parts += [BLANK, Said("Who executed the instructions, where not the call alone"),
                      executed]
    while parts[-1] is BLANK:
        parts.pop()
    return Shown(title=f"{found.counted.title}, {old} to {new}", parts=parts,
                 facts=list(_facts(view, cut, everything=everything)))


def _further(view: _View, *, most: int | None) -> Iterator[str]:
    """What later kernels take back, what became cheaper, and what cannot be judged."""
    for column in range(2, len(view.kernels)):
        yield from _later(view, column, most=most)
    if less := view.found.by_verdict(1, "improved"):
        yield f"Cheaper on {view.kernels[1]}: {view.with_ratios(less, 1, most=most)}."
    yield from _doubtful(view, most=most)
    yield from _bytes(view, most=most)


def _height(shown: Shown) -> int:
    """The lines of a screen that something takes."""
    def lines(text: str, beside: int = 0) -> int:
        return len(textwrap.wrap(text, _COLUMNS - beside)) or 1

    beside = max(len(name) for name, _ in shown.facts) + 2
    return 2 + sum(lines(text, beside) for _, text in shown.facts) + sum(
        lines(part.text) if isinstance(part, Said) else
        len(part.rows) + 2
        + any(row.kind == "total" for row in part.rows) for part in shown.parts)


def sentence(found: Upgrade) -> str:
    """How many cases cost more and less on the new kernel, and of how many that is not known, in
    one sentence."""
    view, tally = _View(found), _tally(found.cases)
    old, new, *_ = view.kernels
    worst, less = found.worst(), tally["less"]
    unsteady, missing = tally["unsteady"], tally["missing"]
    if unsteady + missing == len(found.cases):
        clauses = [f"No case of {len(found.cases)} can be said to cost more or less on {new} than "
                   f"on {old}"]
    else:
        if not worst:
            more = f"No case of {len(found.cases)} costs more on {new} than on {old}"
        else:
            verb = "costs" if len(worst) == 1 else "cost"
            cases = "case" if len(found.cases) == 1 else "cases"
            more = (f"{len(worst)} of {len(found.cases)} {cases} {verb} more on {new} than on "
                    f"{old}, {'' if len(worst) == 1 else 'most '}{view.label(worst[0])} "
                    f"({_ratio(worst[0], 1)})")
        clauses = [more, f"{less or 'none'} {'costs' if less < 2 else 'cost'} less"]
    if unsteady:
        clauses.append(f"{unsteady} cannot be judged")
    if missing:
        clauses.append(f"{missing} {'has' if missing == 1 else 'have'} no figure")
    return "; ".join(clauses) + "."


def whole_sentence(found: Upgrade) -> str:
    """The same, and what later kernels take back."""
    view = _View(found)
    later = [line for column in range(2, len(view.kernels))
             for line in _later(view, column, most=2)]
    return " ".join([sentence(found), *later])


def further_sentences(found: Upgrade) -> list[str]:
    """What later kernels take back, what became cheaper, and what cannot be judged."""
    return list(_further(_View(found), most=_NAMED))


def _ratio(one: UpgradeCase, column: int) -> str:
    if (ratio := one.ratios[column]) is not None:
        return show_ratio(ratio)
    figure = one.figures[column]
    return f"0 to {show_figure(figure)}" if figure is not None and one.figures[0] == 0 else "-"


def _figure(one: UpgradeCase, column: int) -> str:
    figure = one.figures[column]
    if figure is None:
        return "failed" if one.failed[column] else "-"
    return f"{'~' if one.varies[column] else ''}{show_figure(figure)}"


def _tally(cases: Iterable[UpgradeCase]) -> dict[str, int]:
    """How many cases became what on the new kernel."""
    counts = dict.fromkeys(_TALLIES, 0)
    for one in cases:
        verdict = "missing" if one.figures[0] is None else one.verdicts[1]
        counts[next(name for name, verdicts in _TALLIES.items() if verdict in verdicts)] += 1
    return counts


def _families(found: Upgrade, *, most: int | None) -> Grid:
    """A line for each family in which cases cost more, or of more than `most` for those in which
    most do; None: for every family."""
    total = _tally(found.cases)
    names = [name for at, name in enumerate(total) if at < _ALWAYS or total[name]]
    tallies = {family: _tally(one for one in found.cases if one.family == family)
               for family in dict.fromkeys(one.family for one in found.cases)}
    dearer = sorted((family for family, tally in tallies.items() if tally["more"]),
                    key=lambda family: -tallies[family]["more"])
    moved = {family: tally for family, tally in tallies.items()
             if most is None or family in dearer[:most]}
    rows = [_tally_row(family, tally, names) for family, tally in moved.items()]
    if rest := [family for family in tallies if family not in moved]:
        summed = {name: sum(tallies[family][name] for family in rest) for name in total}
        rows.append(_tally_row(
            rest[0] if len(rest) == 1 else f"{len(rest)} {'others' if moved else 'families'}",
            summed, names, kind="rest"))
    return Grid(columns=[Column("family", "name"), Column("cases", rank=1), *map(Column, names)],
                rows=[*rows, _tally_row("all", total, names, kind="total")])


def _tally_row(family: str, tally: dict[str, int], names: Sequence[str], *,
               kind: str = "") -> GridRow:
    tones = {"more": "regressed", "less": "improved", "unsteady": "doubtful", "missing": "doubtful"}
    return GridRow([Cell(family), Cell(str(sum(tally.values()))),
                    *(Cell(str(tally[name] or ""), tones.get(name, "")) for name in names)],
                   kind)  # type: ignore[arg-type]


def _ranking(view: _View, cases: Sequence[UpgradeCase]) -> Grid:
    """A line a case: its figures, ratios, and what later kernels recover."""
    later = range(2, len(view.kernels))
    roomy = len(later) < 2
    columns = [Column("case", "name")]
    for number, label in enumerate(view.kernels):
        over = Over(label=label)  # the foot has the release
        if number < 2 or roomy:
            columns += [Column(view.found.unit, of=over),
                        *([Column("ratio", "ratio", of=over)] if number else [])]
        else:
            columns.append(Column(label, "ratio"))
        if number in later and roomy:
            columns.append(Column("recovery", "recovery", of=over))
    rows = []
    for one in cases:
        cells = [Cell(view.label(one)), Cell(_figure(one, 0)), Cell(_figure(one, 1)),
                 Cell(_ratio(one, 1), one.verdicts[1])]
        for column in later:
            ratio = Cell(_ratio(one, column), one.verdicts[column])
            recovery = Cell(show_recovery(one.recovery[column]), key="known")
            cells += [Cell(_figure(one, column)), ratio, recovery] if roomy else [ratio]
        rows.append(GridRow(cells))
    return Grid(columns=columns, rows=rows)


def _reasons(view: _View, cases: Sequence[UpgradeCase], cut: _Cut) -> Iterator[str]:
    """By how much the profiled cases differ, in which functions, and what is known of them: those
    of one cause together, or of the same functions."""
    groups: dict[tuple[str, ...], list[UpgradeCase]] = {}
    for one in cases:
        if one.difference is not None:
            key = tuple(cause.cause for cause in one.causes) or tuple(_carriers(one, cut.functions))
            groups.setdefault(key, []).append(one)
    for group in groups.values():
        first = group[0]
        carried = [_carriers(one, cut.functions) for one in group]
        shares = carried_by(first, cut.functions) if len(group) == 1 else ", ".join(
            f"{name} {_span([found[name] for found in carried if name in found])}"
            for name in carried[0])
        known = [f"{cause.cause} ({_place(view, cause)})" for cause in first.causes]
        yield (f"{_cut([*map(view.label, group)], cut.named)}: {shares}{': ' * bool(known)}"
               f"{'; '.join(known)}.")


def carried_by(one: UpgradeCase, functions: int = 3) -> str:
    """By how many kernel instructions a profiled case differs, and the few functions that carry
    most of it."""
    shares = [f"{each.function} ({show_change(each.difference)})"
              for each in one.why[:len(_carriers(one, functions))]]
    return f"{show_change(one.difference or 0)}{', in ' if shares else ''}{', '.join(shares)}"


def _place(view: _View, cause: Cause) -> str:
    """Where a cause is explained: the heading alone on the page that the foot names."""
    page, hash_, heading = cause.page.partition("#")
    return f"#{heading}" if page == view.page and hash_ else f"docs/{cause.page}"


def _carriers(one: UpgradeCase, functions: int) -> dict[str, float]:
    """The few functions that carry most of a difference, with their shares of it."""
    total = one.difference or 0
    found: dict[str, float] = {}
    for each in one.why[:functions]:
        if not total or sum(found.values()) >= _CARRIED:
            break
        found[each.function] = each.difference / total
    return found


def _span(shares: Sequence[float]) -> str:
    least, most = f"{min(shares):.0%}", f"{max(shares):.0%}"
    return most if least == most else f"{least} to {most}"


def _unprofiled(view: _View, cases: Sequence[UpgradeCase], *, most: int | None) -> Iterator[str]:
    reasons = dict.fromkeys(one.unprofiled for one in cases if one.unprofiled)
    for reason in reasons:
        named = [view.label(one) for one in cases if one.unprofiled == reason]
        yield f"Not profiled: {_cut(named, most)}: {reason}"


def _later(view: _View, column: int, *, most: int | None) -> Iterator[str]:
    """What a later kernel takes back of the new one's regressions, and what stays dearer."""
    worst, label = view.found.worst(), view.kernels[column]
    dearer = view.found.by_verdict(column, "regressed")
    if worst:
        recovered = [share for one in worst if isinstance(share := one.recovery[column], float)]
        counts = {"all": sum(share >= 1 for share in recovered),
                  "part": sum(0 < share < 1 for share in recovered),
                  "none": sum(share <= 0 for share in recovered)}
        said = listed([f"{what} of it in {count}" for what, count in counts.items() if count])
        stays = [one for one in dearer if one in worst]
        left = f"; what stays: {view.with_ratios(stays, column, most=most)}" if stays else ""
        yield f"{label} recovers {said or 'nothing that is known'}{left}."
    if fresh := [one for one in dearer if one not in worst]:
        yield f"Newly dearer on {label}: {view.with_ratios(fresh, column, most=most)}."


def _doubtful(view: _View, *, most: int | None) -> Iterator[str]:
    """The cases whose figure moved as one that is judged would, and whose calls leave a doubt: on
    each kernel, those that moved most first."""
    limit = view.found.threshold / 100
    said = []
    for column, label in enumerate(view.kernels[1:], start=1):
        moved = sorted((one for one in view.found.by_verdict(column, "within noise")
                        if (ratio := one.ratios[column]) and abs(ratio - 1) > limit),
                       key=lambda one: -abs(math.log(one.ratios[column] or 1)))
        if moved:
            said.append(f"{label} {view.with_ratios(moved, column, most=most)}")
    if said:
        yield f"Not judged, as calls overlap: {'; '.join(said)}."


def _bytes(view: _View, *, most: int | None) -> Iterator[str]:
    """Where more or less reaches the disk, by kernel."""
    for verdict, word in (("regressed", "More"), ("improved", "Less")):
        said: dict[str, list[str]] = {}
        for column, label in enumerate(view.kernels):
            cases = [one for one in view.found.cases if one.bytes_verdicts[column] == verdict]
            changes = [f"{view.label(one)} {show_figure(one.bytes[0] or 0)} to "
                       f"{show_figure(one.bytes[column] or 0)}" for one in cases]
            if changes:
                said.setdefault(_cut(changes, most), []).append(label)
        for changed, labels in said.items():
            yield f"{word} bytes to disk on {listed(labels)}: {changed}."


def _cut(said: Sequence[str], most: int | None) -> str:
    """Phrases, and of more than `most` how many more there are."""
    room = _room(said, most)
    rest = len(said) - room
    return ", ".join(said[:room]) + (f" and {rest} more" if rest else "")


def _room(said: Sequence[object], most: int | None) -> int:
    """How many of them are named: one more where that is all."""
    return len(said) if most is None or len(said) <= most + 1 else most


def _every_case(view: _View) -> Grid:
    """Figures, ratios and verdicts of all cases."""
    columns = [Column("case", "name")]
    for number, (label, kernel) in enumerate(zip(view.kernels, view.found.kernels, strict=True)):
        over = Over(label=label, release=kernel.release)
        columns.append(Column(view.found.unit, of=over))
        if number:
            columns += [Column("ratio", "ratio", of=over), Column("verdict", "verdict", of=over)]
    rows = []
    for one in view.found.cases:
        cells = [Cell(view.label(one)), Cell(_figure(one, 0))]
        for column in range(1, len(view.kernels)):
            verdict = one.verdicts[column]
            cells += [Cell(_figure(one, column)), Cell(_ratio(one, column), verdict),
                      Cell(verdict, verdict)]
        rows.append(GridRow(cells))
    return Grid(columns=columns, rows=rows)


def _executed(view: _View) -> Grid:
    """Who executed the figures of the cases in which that was not the call alone: a line a kernel;
    and what the disk's driver did beside."""
    rows = []
    for one in view.found.cases:
        labels = iter([Cell(view.label(one))])
        for kernel, split, apart in zip(view.kernels, one.parts, one.apart, strict=True):
            if len(split) > 1 or apart:
                call, *others = split
                rows.append(GridRow([
                    next(labels, Cell("")), Cell(kernel), Cell(show_figure(call.instructions)),
                    Cell(", ".join(f"{part.name} {show_figure(part.instructions)}"
                                   for part in others)),
                    Cell(show_figure(apart or 0))]))
    return Grid(columns=[Column("case", "name"), Column("kernel", "word"), Column("call"),
                         Column("others", "word", wraps="words"), Column("apart: driver")],
                rows=rows)


def _per_mib(view: _View, cut: _Cut, *, everything: bool) -> Iterator[str]:
    """The listed cases whose calls handle many bytes, with their figures per MiB."""
    found = view.found
    less = found.by_verdict(1, "improved")
    listed_cases = found.cases if everything else [
        *found.worst()[:cut.worst], *less[:_room(less, cut.named)]]
    for one in listed_cases:
        if one.per_mib is not msgspec.UNSET:
            figures = [map_figure(figure, varies=varies)
                       for figure, varies in zip(one.per_mib, one.varies, strict=True)]
            yield f"{view.label(one)} {' to '.join(figures)}"


def _facts(view: _View, cut: _Cut, *, everything: bool) -> Iterator[Fact]:
    """The kernels, and what a reader has to know to doubt the figures, or with `everything` to
    repeat them."""
    found = view.found
    for label, kernel in zip(view.kernels, found.kernels, strict=True):
        spec = "" if label == kernel.spec else f"{kernel.spec}, "
        yield label, f"{spec}{kernel.release}, run {kernel.run}"
    shown = [one.parameters for one in found.cases]
    dear = {number for one in found.cases for number in one.calls if number is not None}
    fewer = f", from {min(dear)} where dear" if len(dear) > 1 else ""
    unlike = any(any(one.varies) for one in found.cases)
    told = conditions(found.rig, found.conditions, shown)
    if everything:
        yield from told
    else:
        rig, system = (dict(told)[name].partition(end)[0] for name, end in (
            ("rig", "; each figure is"), ("file system", ", default mount options")))
        count = ": counts, not times" if found.counted.repeatable else ""
        yield "rig", f"{rig}{count}; {system}"
    if dear:
        yield "calls", (f"{max(dear)} of each case{fewer}"
                        f"{'; ~: their median where unlike' if unlike else ''}")
    if told_per_mib := list(_per_mib(view, cut, everything=everything)):
        yield "per MiB", "; ".join(told_per_mib)
    if view.page:
        yield "#", f"a heading of docs/{view.page}, which explains it"
    yield "verdicts", found.method if everything else (
        "more or less: by more than " + show_thresholds([
            (kernel.spec, kernel.threshold) for kernel in found.kernels if kernel.threshold]))
    yield from acceptance_lines(with_labels(found.accepted, shown), view.kernels)
    for note in found.notes:
        names_said, colon, reason = note.partition(": ")
        yield "note", f"{_cut(names_said.split(', '), cut.named)}{colon}{reason}"
