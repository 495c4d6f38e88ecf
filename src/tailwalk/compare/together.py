# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of many runs belong beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from tailwalk.compare.agreement import facts
from tailwalk.runs import Run


def together(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that may stand in one table, each run once, in the order given."""
    unique = list({run.id: run for run in runs}.values())
    found: list[tuple[object, list[Run]]] = []
    for run in unique:
        cases = [figure.case for figure in run.figures]
        key = (facts(run), cases if is_sweep(run) else sorted(cases, key=repr))
        members = next((members for other, members in found if other == key), None)
        if members is None:
            found.append((key, [run]))
        else:
            members.append(run)
    return [members for _, members in found]


def is_sweep(run: Run) -> bool:
    """Is a case measured at several places and fills, each counted exactly?"""
    name = run.figures[0].case.name
    cases = [figure.case for figure in run.figures if figure.case.name == name]
    return (run.metric.repeatable and len({case.offset for case in cases}) > 1
            and len({case.fill for case in cases}) > 1)
