# SPDX-License-Identifier: GPL-2.0-or-later
"""Plans from what users say: names of cases, and what is to be other than by default."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from tailwalk.cases import (
    MIB,
    PAGE,
    Case,
    Filesystem,
    all_families,
    find_cases,
    parse_size,
    place_offset,
)
from tailwalk.cases.sweep import sweep_cases
from tailwalk.compare.agreement import figures_by_case
from tailwalk.errors import UsageError
from tailwalk.rigs.plan import SWEEP_CALLS, Pace, Plan
from tailwalk.runs import Run
from tailwalk.runs.metrics import RIGS
from tailwalk.words import listed


def chosen_cases(names: Iterable[str], filesystem: Filesystem, *, fill: int | None = None,
                 file_size: int | None = None, offset: str = "first",
                 partial: bool = False) -> tuple[Case, ...]:
    """The cases of some names of cases and suites, which are to run on `filesystem`.

    `fill` and `file_size` replace the cases' own; `offset` is a number of bytes or a name of
    `PLACES`; with `partial` no folio is uptodate. Raises UsageError for an unknown name, a case
    that cannot be run, or a value that no case has a use for.
    """
    changes = {name: value for name, value in (("fill", fill), ("file_size", file_size))
               if value is not None}
    if partial:
        changes["uptodate"] = False
    moves = offset != "first"  # which is where every case calls by itself
    chosen = find_cases(names)
    for name in [*changes, *(["offset"] if moves else [])]:
        if chosen and not any(case.has(name) for case in chosen):
            chosen[0].changed(**{name: 0})
    cases = []
    for named in chosen:
        case = named.fitted(**changes)
        if moves and "offset" in case.parameters:
            case = case.changed(offset=parse_size(offset) if offset[:1].isdigit()
                                else place_offset(offset, case, filesystem))
        cases.append(case.check())
    return tuple(cases)


def upgrade_cases(names: Iterable[str], *, families: Sequence[str] = (),
                  fills: Sequence[int] = ()) -> tuple[Case, ...]:
    """The cases of some names of cases and suites that are of one of the families (none: of any),
    those of a cached file with each of the fills (none: with their own).

    Raises UsageError for an unknown name or family, a fill that no case has a use for, and where
    no case is left.
    """
    return narrowed(find_cases(names), families=families, fills=fills)


def narrowed(cases: Sequence[Case], *, families: Sequence[str] = (),
             fills: Sequence[int] = ()) -> tuple[Case, ...]:
    """Those of some cases that are of one of the families; else as `upgrade_cases`."""
    known = all_families()
    for family in families:
        if family not in known:
            hint = "".join(f" Did you mean {one}?" for one in get_close_matches(family, known, 1))
            raise UsageError(f"there is no family {family!r}.{hint}"
                             f" The families are {listed(sorted(known))}.")
    chosen = [case for case in cases if not families or case.declared.family in families]
    if not chosen:
        raise UsageError(f"no case that is named is of the family {' or '.join(families)}: those "
                         "named are of "
                         f"{listed(list(dict.fromkeys(case.declared.family for case in cases)))}.")
    if fills and not any(case.cached for case in chosen):
        chosen[0].changed(fill=fills[0])
    return tuple(dict.fromkeys((case if fill is None else case.fitted(fill=fill)).check()
                               for case in chosen for fill in (fills or (None,))))


def sweep_plan(names: Iterable[str], *, fills: Sequence[int], places: Sequence[str],
               filesystem: Filesystem, file_size: int = 10 * MIB, partial: bool = False,
               calls: int = SWEEP_CALLS, append: str = "") -> Plan:
    """The plan that measures cases at each place of a folio, for each fill (`sweep_cases`).

    Raises UsageError as that, and where no cell is left.
    """
    cases = [cell for case in find_cases(names) for cell in sweep_cases(
        case.changed(file_size=file_size), fills=fills, places=places, filesystem=filesystem,
        partial=partial)]
    if not cases:
        raise UsageError("no cell is left: with --partial, give --offsets that spare the last "
                         "page of a folio, such as first or half.")
    return Plan(cases=cases, filesystem=filesystem, calls=calls, append=append).check()


def host_plan(names: Iterable[str] = (), *, fills: Sequence[int], file_size: int = 10 * MIB,
              offset: int = 0, pace: Pace | None = None, cpu: int | None = None) -> Plan:
    """The plan that measures cases on this machine, each with each fill where it has one.

    Without names they are those of the suite `seed` and, unless an offset is given, pwrite_u1k at
    the end of the largest folio. Raises UsageError for a case that cannot be run.
    """
    names = tuple(names)
    cases = [case.fitted(file_size=file_size, offset=offset)
             for case in find_cases(names or ("seed",))]
    if not names and not offset:
        [small] = find_cases(["pwrite_u1k"])
        cases.append(small.changed(file_size=file_size, offset=max(fills) - PAGE))
    filled = dict.fromkeys(case.fitted(fill=fill) for case in cases for fill in fills)
    return Plan(rig="host", pace=pace or Pace(), cpu=cpu, cases=list(filled)).check()


def plan_like(run: Run) -> Plan:
    """The plan that measures what the run did, on its rig.

    Raises UsageError for a run of the host rig, which no spec can be measured beside, RecordError
    for one that holds a case twice.
    """
    figures_by_case(run)
    if not RIGS[run.rig].boots:
        raise UsageError(f"the run of {run.kernel.spec} ({run.kernel.release}) is of the host rig: "
                         "only other runs of that rig compare with it. Boot the other kernel and "
                         "run tailwalk host there.")
    rounds = max(figure.main.number for figure in run.figures)
    return Plan(cases=[*(figure.case for figure in run.figures),
                       *(one.case for one in run.left_out)],
                filesystem=run.conditions.filesystem, rig=run.rig,
                pace=Pace() if run.metric.repeatable else Pace(rounds=rounds)).check()
