"""The part of a page that shows profiles: functions and flame graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tailwalk.attribute.difference import Difference, difference
from tailwalk.attribute.record import Profile
from tailwalk.report.commands import why_commands
from tailwalk.report.page_section import Cell, Section, Source, inlined
from tailwalk.report.profile_flame import flame_svg
from tailwalk.report.profile_words import (
    profile_conditions,
    sentence,
    show_change,
    show_share,
    side_labels,
)
from tailwalk.report.words import case_labels, listed, show_figure, show_percent

_SHOWN = 14  # functions; the table's last lines sum the others up


@dataclass(frozen=True, kw_only=True)
class WhyContent:
    """Where instructions are executed: a table of functions and the flame graph."""

    caption: str
    headings: list[str]
    rows: list[tuple[str, list[Cell]]]
    totals: list[tuple[str, list[Cell]]]
    flame: str
    paired: list[str] = field(default_factory=list)


def why_section(profiles: Sequence[Profile], *, raw: bool = False) -> Section:
    """One profile, or the difference of two; `raw` leaves functions unpaired.

    Raises UsageError for two that cannot be compared.
    """
    labels = side_labels(profiles)
    case = case_labels([profiles[0].figure.case])[0]
    flame = inlined(flame_svg(profiles, raw=raw), "flame")
    if len(profiles) == 2:
        found = difference(*profiles, raw=raw)
        said = sentence(found)
        content = _difference_content(found, labels, flame, case)
    else:
        top = profiles[0].functions[0]
        said = (f"{top.name} executes {show_figure(top.count)} of the "
                f"{show_figure(profiles[0].count)} kernel instructions of a call.")
        content = _profile_content(profiles[0], labels, flame, case)
    return Section(
        kind="why", title="Which functions", sentence=said, unit="instructions/call",
        content=content, conditions=profile_conditions(profiles, labels),
        sources=[Source(kind="profile", id=profile.inputs[:12], kernel=profile.kernel,
                        created=profile.created, inputs=profile.inputs,
                        conditions=profile.conditions) for profile in profiles],
        commands=why_commands(profiles))


def _difference_content(found: Difference, labels: Sequence[str], flame: str,
                        case: str) -> WhyContent:
    def line(name: str, counts: tuple[int, int]) -> tuple[str, list[Cell]]:
        change = counts[1] - counts[0]
        look = "figure regressed" if change > 0 else "figure improved" if change else "figure"
        return name, [*(Cell(show_figure(count), str(count), "figure") for count in counts),
                      Cell(show_change(change), str(change), look),
                      Cell(show_share(change, found.total), str(change), "figure")]

    shown, rest = found.rows[:_SHOWN], found.rows[_SHOWN:]
    rows = [line(row.name, row.counts) for row in shown]
    totals = []
    if rest:
        one, other = (sum(row.counts[side] for row in rest) for side in (0, 1))
        totals.append(line(f"{len(rest)} other functions", (one, other)))
    totals.append(line("all of the kernel", (found.sides[0].count, found.sides[1].count)))
    paired = [f"{row.name} is {listed(names)} on {label}" for row in shown
              if row.raw[0] != row.raw[1]
              for names, label in zip(row.raw, labels, strict=True) if names]
    return WhyContent(caption=f"Kernel instructions of one call of {case}, by function",
                      headings=[*labels, "difference", "share"], rows=rows, totals=totals,
                      flame=flame, paired=paired)


def _profile_content(profile: Profile, labels: Sequence[str], flame: str,
                     case: str) -> WhyContent:
    def line(name: str, count: int) -> tuple[str, list[Cell]]:
        return name, [Cell(show_figure(count), str(count), "figure"),
                      Cell(show_percent(count / profile.count), str(count), "figure")]

    shown, rest = profile.functions[:_SHOWN], profile.functions[_SHOWN:]
    totals = [line("all of the kernel", profile.count)]
    if rest:
        totals.insert(0, line(f"{len(rest)} other functions",
                              sum(function.count for function in rest)))
    return WhyContent(caption=f"Kernel instructions of one call of {case}, by function",
                      headings=[*labels, "share"],
                      rows=[line(function.name, function.count) for function in shown],
                      totals=totals, flame=flame)
