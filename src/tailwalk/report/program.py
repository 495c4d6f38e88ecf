# SPDX-License-Identifier: GPL-2.0-or-later
"""A program on one kernel or several: a line a kind of call, what differs most and which functions
carry that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tailwalk.cases import show_size
from tailwalk.compare.program import (
    ACCEPTED,
    IDLE,
    MATTERS,
    ComparedCall,
    ComparedProgram,
    call_label,
    nodes_of,
    of_kernel,
    parts,
    spinning,
)
from tailwalk.compare.threshold import show_thresholds
from tailwalk.errors import UsageError
from tailwalk.profile.pairing import PairedNode, function_changes, function_counts
from tailwalk.report.comparison import acceptance_lines
from tailwalk.report.grid import BLANK, Cell, Column, Fact, Grid, GridRow, Kind, Said, Shown
from tailwalk.report.profile_tree import Forest
from tailwalk.report.profile_words import show_change, show_share
from tailwalk.report.program_disk import disk_facts, disk_lines, show_amount
from tailwalk.report.why import count_cells
from tailwalk.report.words import short_names, show_figure, show_percent, show_ratio
from tailwalk.runs.program import CallRow, Program, ProgramOnKernel, Repetitions
from tailwalk.runs.record import KernelRecord, notes_by_kernel
from tailwalk.words import listed

SHOWN = 20
"""Rows that a table shows unless it is asked for more."""

_MOST_SIDES = 2
_LEAST_NAME = 21  # characters
_EXPLAINED = 4  # calls
_FUNCTIONS = 3
_NAMED = 6  # calls that became dearer, or cheaper
_CARRIES = 0.05  # of what all calls differ by, for a call to be explained
_WORDS = {"regressed": "dearer", ACCEPTED: "dearer, and accepted", "improved": "cheaper"}


def program_shown(compared: ComparedProgram, *, shown: int | None = SHOWN) -> Shown:
    """The program on its kernel, or on its first kernel beside others."""
    program = compared.program
    labels = program_labels(program)
    title = (f"What {program.command[0]} asks of the kernel, executed instructions"
             f"{'' if program.exact else ' (not exact)'}")
    parts: list[Grid | Said] = [calls_grid(compared, shown)]
    if lines := list(disk_lines(program.kernels, labels)):
        parts += [BLANK, *map(Said, lines)]
    for column in range(1, len(labels)):
        parts += [BLANK, *(Said(line, "" if number else "strong") for number, line in enumerate(
            change_sentences(compared, column)))]
    return Shown(title=title, parts=parts, facts=program_facts(compared))


def calls_grid(compared: ComparedProgram, shown: int | None) -> Grid:
    """A line a kind of call, so many of them."""
    labels = program_labels(compared.program)
    return (_one_grid(compared, shown) if len(labels) == 1 else
            _several_grid(compared, labels, shown))


def functions_shown(compared: ComparedProgram, calls: Sequence[ComparedCall], *, raw: bool = False,
                    shown: int | None = SHOWN) -> Shown:
    """The functions that some calls execute instructions in, on one kernel, or on the first beside
    another."""
    forest = program_forest(compared, calls, raw=raw)
    counts = function_counts(forest.nodes)
    two = len(forest.labels) == 2
    ordered = sorted(counts.items(), key=lambda item: (
        -abs(item[1][1] - item[1][0]), -max(item[1]), item[0]) if two else (-item[1][0], item[0]))
    total = forest.totals[1] - forest.totals[0] if two else forest.totals[0]
    rest = ordered[shown:] if shown is not None else []

    def line(name: str, counted: Sequence[int], kind: Kind = "") -> GridRow:
        part = counted[1] - counted[0] if two else counted[0]
        return GridRow([Cell(name, key=name), *count_cells(counted),
                        Cell(show_share(part, total), "faint", key=str(part))], kind)

    rows = [line(name, counted) for name, counted in ordered[:len(ordered) - len(rest)]]
    if rest:
        rows.append(line(f"{len(rest)} other functions", [
            sum(counted[side] for _, counted in rest) for side in range(len(forest.labels))],
            "rest"))
    rows.append(line("all", forest.totals, "total"))
    said = [BLANK, *(Said(f"{part.name}: {show_change(part.change)} with all it calls")
                     for part in parts(forest.nodes))] if two else []
    return Shown(title=forest.title, facts=program_facts(compared),
                 parts=[Grid(columns=[
                     Column("function", "name", wraps="words"),
                     *map(Column, (*forest.labels, *(["difference"] if two else []))),
                     Column("share", rank=1)], rows=rows), *said])


def program_forest(compared: ComparedProgram, calls: Sequence[ComparedCall], *,
                   raw: bool = False) -> Forest:
    """The call tree of some calls, on one kernel, or on the first beside another.

    Raises UsageError for more kernels.
    """
    kernels = compared.program.kernels
    if len(kernels) > _MOST_SIDES:
        raise UsageError(f"functions and call trees are of one kernel or two, and {len(kernels)} "
                         "are named: leave out all but two, or name two runs of tailwalk runs "
                         "list to tailwalk why.")
    what = {call.row.call for call in calls}
    of = listed(sorted(what)) if len(what) == 1 else "all calls"
    return Forest(nodes_of(compared, calls, range(len(kernels)), raw=raw),
                  program_labels(compared.program), unit="instructions",
                  title=f"Where {of} of {compared.program.command[0]} execute"
                        f"{'s' if len(what) == 1 else ''} instructions")


def program_labels(program: Program) -> list[str]:
    """What to call each kernel."""
    return short_names([(kernel.spec, kernel.release) for kernel in program.kernels])


def _cut(calls: Sequence[ComparedCall], shown: int | None) -> tuple[
        Sequence[ComparedCall], Sequence[ComparedCall]]:
    kept = calls[:shown]
    rest = calls[len(kept):]
    return (calls, ()) if len(rest) == 1 else (kept, rest)


def _one_grid(compared: ComparedProgram, shown: int | None) -> Grid:
    kernel, = compared.program.kernels
    total = kernel.user + of_kernel(kernel)
    kept, rest = _cut([call for call in compared.calls if call.row.kind != "driver"], shown)
    rows = [_one_row([call_label(row), show_figure(row.count) if row.count else "",
                      show_figure(row.instructions), _figure(row.median), _figure(row.high)],
                     row.instructions, total, written=_written([row]),
                     under=_spread(row.spread, compared.program))
            for row in (call.row for call in kept)]
    if rest:
        rest_count = sum(call.row.instructions for call in rest)
        rows.append(_one_row([f"{len(rest)} others", "", show_figure(rest_count), "", ""],
                             rest_count, total, "rest",
                             written=_written([call.row for call in rest])))
    for name, count in (("program, in user mode", kernel.user), ("all", total)):
        rows.append(_one_row([name, "", show_figure(count), "", ""], count, total, "total"))
    if not compared.program.exact:
        count = of_kernel(kernel)
        rows.insert(-1, _one_row(["kernel", "", show_figure(count), "", ""], count, total, "total",
                                 under=_spread(kernel.spread, compared.program)))
    grid = Grid(columns=[Column("call", "name", wraps="words"), Column("count"), Column(
        "instructions"), Column("median", rank=3), Column("90%", rank=4), Column("share", rank=1),
        Column("to disk", rank=2)], rows=rows)
    return grid if kernel.disk and kernel.disk.written else grid.with_columns(range(6))


def _one_row(texts: Sequence[str], count: int, total: int, kind: Kind = "",
             written: int = 0, under: str = "") -> GridRow:
    share = show_percent(count / total) if total else ""
    return GridRow([Cell(texts[0], key=texts[0]), Cell(texts[1]), Cell(texts[2], under=under),
                    *map(Cell, texts[3:]), Cell(share, "faint", key=str(count)),
                    Cell(show_amount(written) if written else "", key=str(written))], kind)


def _spread(spread: tuple[int, int] | None, program: Program, times: int = 1) -> str:
    """The fewest and the most of all repetitions, each of so many calls; of exact counts they are
    left out."""
    return "" if spread is None or program.exact else (
        f"[{show_figure(round(spread[0] / times))}, {show_figure(round(spread[1] / times))}]")


def _written(rows: Sequence[CallRow]) -> int:
    return sum(row.disk.written for row in rows if row.disk)


def _figure(value: float | None) -> str:
    return "" if value is None else show_figure(round(value))


def _several_grid(compared: ComparedProgram, labels: Sequence[str], shown: int | None) -> Grid:
    """Each call's instructions, the mean of all, on each kernel; in all where calls are not
    counted."""
    kernels = compared.program.kernels
    columns = [Column("instructions a call", "name", wraps="words", least=_LEAST_NAME),
               Column("count", rank=2)]
    for number, label in enumerate(labels):
        columns += [Column(label), *([Column("ratio", "ratio")] if number else [])]
    columns.append(Column("in all", rank=3))
    kept, rest = _cut([call for call in compared.calls if call.row.kind != "driver"], shown)
    rows = [_several_row(call, compared.program) for call in kept]
    if rest:
        rows.append(_sum_row(f"{len(rest)} others", [
            sum(call.instructions[column] for call in rest) for column in range(len(kernels))],
            "rest"))
    rows.append(_sum_row("program, in user mode", [kernel.user for kernel in kernels], "total"))
    rows.append(_sum_row("kernel", [of_kernel(kernel) for kernel in kernels], "total",
                         compared.verdicts,
                         [_spread(kernel.spread, compared.program) for kernel in kernels]))
    return Grid(columns=columns, rows=rows)


def _several_row(call: ComparedCall, program: Program) -> GridRow:
    counts = [row.count if row else 0 for row in call.rows]
    said = show_figure(counts[0]) if len(set(counts)) == 1 else "/".join(map(str, counts))
    each = call.each
    cells = [Cell(call_label(call.row), key=call_label(call.row)),
             Cell(said if any(counts) else "")]
    for column, value in enumerate(each):
        row = call.rows[column]
        cells.append(Cell("-" if value is None else show_figure(round(value)), key=repr(value),
                          under=_spread(row.spread, program, row.count or 1) if row else ""))
        if column:
            first = each[0]
            ratio = value / first if value is not None and first else None
            cells.append(Cell(show_ratio(ratio), call.verdicts[column - 1] or "faint",
                              key=repr(ratio)))
    change = call.change(len(each) - 1)
    return GridRow([*cells, Cell(show_change(change), key=str(change))])


def _sum_row(name: str, counts: Sequence[int], kind: Kind,
             verdicts: Sequence[str] = (), under: Sequence[str] = ()) -> GridRow:
    cells = [Cell(name), Cell("")]
    for column, count in enumerate(counts):
        cells.append(Cell(show_figure(count), key=str(count),
                          under=under[column] if under else ""))
        if column:
            ratio = count / counts[0] if counts[0] else None
            cells.append(Cell(show_ratio(ratio), verdicts[column - 1] if verdicts else "",
                              key=repr(ratio)))
    change = counts[-1] - counts[0]
    return GridRow([*cells, Cell(show_change(change), key=str(change))], kind)


def _in_all(call: ComparedCall, column: int) -> str:
    """The ratio of all calls of a kind, which the table has for one call: the two differ where
    there are more or fewer of them."""
    if not call.instructions[0]:
        return "(new)"
    counts = {row.count if row else 0 for row in (call.rows[0], call.rows[column])}
    ratio = show_ratio(call.instructions[column] / call.instructions[0])
    return ratio if len(counts) == 1 else f"{ratio} in all"


def change_sentences(compared: ComparedProgram, column: int) -> Iterator[str]:
    """What a later kernel makes dearer and cheaper, and where."""
    labels = program_labels(compared.program)
    first, kernel = compared.program.kernels[0], compared.program.kernels[column]
    one, other = of_kernel(first), of_kernel(kernel)
    verdict = _WORDS.get(compared.verdict(None, column), compared.verdicts[column - 1])
    judged: dict[str, list[str]] = {}
    for call in compared.calls:
        if (word := _WORDS.get(compared.verdict(call, column))) is not None:
            judged.setdefault(word, []).append(f"{call_label(call.row)} {_in_all(call, column)}")
    calls = "; ".join(f"{word}: {_first_of(judged[word])}" for word in _WORDS.values()
                      if word in judged)
    yield (f"{labels[column]} beside {labels[0]}: the kernel executes "
           f"{show_ratio(other / one if one else None)} ({show_change(other - one)}), "
           f"{verdict} in all{f'; of the calls {calls}' if calls else ''}.")
    gross = sum(abs(call.change(column)) for call in compared.calls if call.row.kind != "driver")
    explained = sorted((call for call in compared.calls if call.row.kind != "driver"
                        and _is_told(compared, call, column, gross)), key=lambda call: (
            call.verdicts[column - 1] != "regressed", -abs(call.change(column))))
    for call in explained[:_EXPLAINED]:
        nodes = nodes_of(compared, [call], [0, column])
        yield f"{call_label(call.row)}: {show_change(call.change(column))}, {_carried(nodes)}"


def _is_told(compared: ComparedProgram, call: ComparedCall, column: int, gross: int) -> bool:
    """Is it said of a call why it differs? Where counts are not exact, of one that is judged."""
    verdict = call.verdicts[column - 1]
    much = abs(call.change(column)) >= max(1, _CARRIES * gross)
    return verdict == "regressed" or (much and verdict != "within noise" and (
        compared.program.exact or verdict == "improved"))


def _first_of(names: Sequence[str]) -> str:
    more = len(names) - len(names[:_NAMED])
    return listed([*names[:_NAMED], *([f"{more} more"] if more else [])])


def _carried(nodes: Sequence[PairedNode]) -> str:
    """The functions that carry a difference, and the parts of the call tree."""
    functions = [f"{name} {show_change(change)}" for name, change in function_changes(nodes)
                 if change][:_FUNCTIONS]
    trees = [f"{part.name} {show_change(part.change)}" for part in parts(nodes)[:_FUNCTIONS]]
    below = f"; with all they call: {listed(trees)}" if set(trees) - set(functions) else ""
    return f"in {listed(functions)}{below}." if functions else "in no function."


def program_facts(compared: ComparedProgram) -> list[Fact]:
    """What a reader has to know to repeat or doubt the figures."""
    return list(_facts(compared, program_labels(compared.program)))


def _facts(compared: ComparedProgram, labels: Sequence[str]) -> Iterator[Fact]:
    program = compared.program
    for label, kernel in zip(labels, program.kernels, strict=True):
        spec = "" if label == kernel.spec else f"{kernel.spec}, "
        ended = f"exit status {kernel.status}" if kernel.signal is None else (
            f"ended by signal {kernel.signal}")
        yield label, f"{spec}{kernel.release}; {ended}{_repeated(kernel)}"
        if kernel.regions is not None:
            yield "", _region(kernel.regions)
    machine = program.conditions.machine
    system = program.conditions.filesystem
    yield "machine", "; ".join(f"{name} {machine[name]}" for name in (
        "qemu", "cpu", "cpus", "memory") if name in machine)
    if not program.exact:
        yield from _inexact(program, labels)
    yield "file system", f"{system.kind}, {show_size(system.block_size)} blocks"
    if any(kernel.driver for kernel in program.kernels):
        drivers = listed([show_figure(kernel.driver) for kernel in program.kernels])
        yield "disk's driver", f"{drivers} instructions, in no row: the RAM disk is the machine's"
    yield from disk_facts(program.kernels, labels)
    if compared.thresholds:
        limits = show_thresholds(list(zip(labels[1:], compared.thresholds, strict=True)))
        yield "verdicts", (f"dearer or cheaper: by more than {limits}; not judged: interrupts, and "
                           f"what is under {float(MATTERS):.0%} of the kernel's instructions")
    yield from accepted_calls(compared)
    lost = max(kernel.unattributed for kernel in program.kernels)
    if lost:
        yield "note", f"{show_figure(lost)} instructions are of nothing that is known"
    for note in notes_by_kernel(KernelRecord(
            spec=kernel.spec, release=kernel.release, digest=kernel.digest,
            provenance=kernel.provenance) for kernel in program.kernels):
        yield "note", note
    yield from (("note", note) for note in compared.notes)


def accepted_calls(compared: ComparedProgram) -> list[Fact]:
    """What is accepted of the program's regressions, or was to be."""
    return acceptance_lines([(one.call, one) for one in compared.accepted],
                            program_labels(compared.program))


def _inexact(program: Program, labels: Sequence[str]) -> Iterator[Fact]:
    """What several CPUs mean for the counts."""
    yield "not exact", ("with several CPUs every run has other counts: these are of the run in "
                        "which the kernel executed the median, and in brackets are the fewest and "
                        "the most of all runs")
    spun = listed([show_figure(spinning(kernel)) for kernel in program.kernels])
    yield "waiting", (f"{spun} instructions, in the rows, in which a CPU waits for another one; "
                      f"with nothing to do it is {IDLE}")
    for label, kernel in zip(labels, program.kernels, strict=True):
        if kernel.cpus == 1:
            yield "note", (f"only one CPU executed anything on {label}: the program has no use for "
                           "more, or the kernel found no other")


def _repeated(kernel: ProgramOnKernel) -> str:
    if kernel.repetitions == 1:
        return ""
    equal = all(row.spread is None or row.spread[0] == row.spread[1] for row in kernel.calls)
    return f"; the median of {kernel.repetitions} runs{', all equal' if equal else ''}"


def _region(regions: Repetitions) -> str:
    """How often the region was executed, and what each time took."""
    number = sum(times for _, times in regions.values)
    value, times = max(regions.values, key=lambda pair: (pair[1], -pair[0]))
    if number == 1:
        return f"the region, once: {show_figure(value)} instructions"
    return (f"the region, {number} times: {show_figure(value)} instructions in "
            f"{show_percent(times / number)} of them")
