# SPDX-License-Identifier: GPL-2.0-or-later
"""From records of any kind to the sections of a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tailwalk.compare import compare
from tailwalk.compare.agreement import facts
from tailwalk.compare.sweep import arrange
from tailwalk.errors import TailwalkError
from tailwalk.report.page_comparison import comparison_section, run_section
from tailwalk.report.page_section import Section
from tailwalk.report.page_sweep import sweep_section
from tailwalk.runs import Run

if TYPE_CHECKING:
    from tailwalk.profile.record import Profile


def sections_of(runs: Sequence[Run], profiles: Sequence[Profile] = ()) -> list[Section]:
    """A section for each set of runs with the same cases under the same conditions, the first of
    them the baseline, and for each pair of profiles of one case.

    Raises UsageError or RecordError for records that contradict each other.
    """
    found: list[Section] = []
    for group in _groups(runs):
        if _is_sweep(group[0]):
            found.append(sweep_section(arrange(group), group))
        elif len(group) == 1:
            found.append(run_section(group[0]))
        else:
            found.append(comparison_section(compare(group), group))
    if profiles:
        from tailwalk.report.page_why import why_section

        found += [why_section(pair) for pair in _pairs(profiles)]
    return found


def _groups(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that may stand in one table, each run once."""
    unique = list({run.id: run for run in runs}.values())
    found: list[tuple[object, list[Run]]] = []
    for run in unique:
        cases = [figure.case for figure in run.figures]
        key = (facts(run), cases if _is_sweep(run) else sorted(cases, key=repr))
        members = next((members for other, members in found if other == key), None)
        if members is None:
            found.append((key, [run]))
        else:
            members.append(run)
    return [members for _, members in found]


def _is_sweep(run: Run) -> bool:
    """Is a case measured at several places and fills, each counted exactly?"""
    name = run.figures[0].case.name
    cases = [figure.case for figure in run.figures if figure.case.name == name]
    return (run.metric.repeatable and len({case.offset for case in cases}) > 1
            and len({case.fill for case in cases}) > 1)


def _pairs(profiles: Sequence[Profile]) -> list[list[Profile]]:
    """Each profile beside the first that it can be compared with; one by itself where it is the
    only one of its kind."""
    from tailwalk.profile.difference import difference

    firsts: list[Profile] = []
    paired: set[int] = set()
    found: list[list[Profile]] = []
    for profile in {profile.inputs: profile for profile in profiles}.values():
        for index, first in enumerate(firsts):
            try:
                difference(first, profile)
            except TailwalkError:
                continue
            found.append([first, profile])
            paired.add(index)
            break
        else:
            firsts.append(profile)
    return found + [[first] for index, first in enumerate(firsts) if index not in paired]
