# SPDX-License-Identifier: GPL-2.0-or-later
"""Which runs may stand in one table: only those that differ in nothing but the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

from tailwalk.cases import Case
from tailwalk.errors import RecordError, UsageError
from tailwalk.runs import Figure, Run

T = TypeVar("T")
Fact = TypeVar("Fact")

_LONG = 60  # characters; of longer facts an error says only the words that differ


def check_agreement(runs: Sequence[Run]) -> None:
    """Raise UsageError, naming what differs, unless the runs can be compared.

    They agree when rig, unit, probe, file system and every machine fact are the same, and each
    holds every case that another has a figure of, with the same parameters, or says why it lacks
    it. A run that holds a case twice is a RecordError.
    """
    if len(runs) < 2:
        raise UsageError(f"a comparison takes a baseline and at least one other run; {len(runs)} "
                         "given.")
    baseline = runs[0]
    if not baseline.figures:
        raise RecordError(f"the run of {_name(baseline)} holds no case: there is nothing to "
                          "compare.")
    for run in runs[1:]:
        check_conditions(baseline, run)
    for (one, there), (other, here) in combinations(
            [(run, figures_by_case(run)) for run in runs], 2):
        if apart := _cases_apart(one, there, other, here):
            raise UsageError(f"{apart}. Measure the same cases on every kernel, with the same "
                             "parameters.")


def figures_by_case(run: Run) -> dict[Case, Figure]:
    """The run's figures by case; raises RecordError where a case is there twice."""
    found: dict[Case, Figure] = {}
    for figure in run.figures:
        if figure.case in found:
            raise RecordError(f"the run of {_name(run)} holds case {figure.case.name} twice with "
                              "the same parameters; it is damaged: measure again.")
        found[figure.case] = figure
    return found


def all_cases(by_case: Sequence[Mapping[Case, Figure]]) -> list[Case]:
    """Every case of several runs: in the first one's order, each that it lacks behind the one that
    it follows in another."""
    order: list[Case] = []
    for figures in by_case:
        known, place = set(order), None
        following: dict[Case | None, list[Case]] = {}
        for case in figures:
            if case in known:
                place = case
            else:
                following.setdefault(place, []).append(case)
        order = [*following.get(None, []),
                 *(case for one in order for case in (one, *following.get(one, [])))]
    return order


def of_each(found: Sequence[T | None], fact: Callable[[T], Fact | None]) -> list[Fact | None]:
    """A fact of each of several, of which some are missing."""
    return [None if one is None else fact(one) for one in found]


def _name(run: Run) -> str:
    return f"{run.kernel.spec} ({run.kernel.release})"


def facts(run: Run) -> dict[str, str]:
    """What has to be the same of runs that are compared, besides their cases: name to value."""
    system = run.conditions.filesystem
    found = {
        "rig": run.rig,
        "unit": run.unit,
        "file system": system.kind,
        "file-system block size": str(system.block_size),
        "mount options": system.mount_options or "none",
        "probe": run.conditions.probe,
    }
    return found | run.conditions.machine


def check_conditions(baseline: Run, run: Run) -> None:
    """Raise UsageError, naming what differs, unless both were measured under the same
    conditions."""
    if differing := _differing(baseline, run):
        raise UsageError(
            f"the run of {_name(run)} cannot be compared with that of {_name(baseline)}: "
            f"{'; '.join(differing)}. Measure both kernels under the same conditions.")


def why_apart(baseline: Run, run: Run) -> str:
    """What keeps a run from standing beside another, in words; nothing where nothing does."""
    return "; ".join(_differing(baseline, run)) or _cases_apart(
        baseline, figures_by_case(baseline), run, figures_by_case(run))


def _differing(baseline: Run, run: Run) -> list[str]:
    expected, found = facts(baseline), facts(run)
    if expected.get("cpu") != found.get("cpu"):  # the words for it say it shorter
        expected.pop("cpu features", None)
        found.pop("cpu features", None)
    return [
        f"{name} is {there} there and {here} here"
        for name in {**expected, **found} if expected.get(name) != found.get(name)
        for there, here in [_told_apart(expected.get(name), found.get(name))]]


def _told_apart(one: str | None, other: str | None) -> tuple[str, str]:
    """Two values of a fact, each without what they share where they are long."""
    if one is None or other is None or max(len(one), len(other)) <= _LONG:
        return one or "not recorded", other or "not recorded"
    words, others = one.split(), other.split()
    return (" ".join(word for word in words if word not in others) or "without it",
            " ".join(word for word in others if word not in words) or "without it")


def _cases_apart(baseline: Run, expected: Mapping[Case, Figure], run: Run,
                 found: Mapping[Case, Figure]) -> str:
    there, here = ({one.case for one in each.left_out} for each in (baseline, run))
    missing = [case for case in expected if case not in found and case not in here]
    surplus = [case for case in found if case not in expected and case not in there]
    if not missing and not surplus:
        return ""
    # A case that both runs have under one name, but not with the same parameters, is the more
    # telling error: say it before anything is called missing.
    for case in missing:
        for other in surplus:
            if case.name == other.name:
                values = [{"workload": each.workload, **each.parameters} for each in (case, other)]
                differing = ", ".join(
                    f"{name.replace('_', ' ')} is {here} and {there}"
                    for name in {**values[0], **values[1]}
                    for here, there in [[each.get(name, "nothing") for each in values]]
                    if here != there)
                return (f"case {case.name} is not the same in both runs: {differing}, "
                        f"in the runs of {_name(baseline)} and {_name(run)}")
    lacking, cases, having = (
        (run, missing, baseline) if missing else (baseline, surplus, run))
    return (f"the run of {_name(lacking)} lacks {', '.join(case.name for case in cases)}, which "
            f"the run of {_name(having)} has")


def together(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that may stand in one table, each run once, in the order given."""
    unique = list({run.id: run for run in runs}.values())
    found: list[tuple[object, list[Run]]] = []
    for run in unique:
        cases = [*(figure.case for figure in run.figures),
                 *(one.case for one in run.left_out)]
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
