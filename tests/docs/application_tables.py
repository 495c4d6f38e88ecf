# SPDX-License-Identifier: GPL-2.0-or-later
"""The documentation's tables of applications, made from the records of benchmarks/applications.py.

    python tests/docs/application_tables.py DIRECTORY

reads the directory's records and puts the tables between the comments that name them.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from made_tables import blocks_of, names_of, remade_blocks, table_of
from pages import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
from applications import ALL, Load
from tailwalk.cases import show_size
from tailwalk.compare.program import (
    ComparedCall,
    compare_program,
    nodes_of,
    of_kernel,
)
from tailwalk.profile.pairing import function_changes
from tailwalk.report.profile_words import show_change
from tailwalk.report.words import short_names
from tailwalk.runs.program import Program, ProgramOnKernel, read_program_record

PAGES = tuple(ROOT / "docs" / "explanation" / f"{name}.md"
              for name in ("applications", "span", "flush"))
_BLOCKS = blocks_of("application_tables.py")

_WRITE_WALKS = {"ext4_block_write_begin", "block_commit_write", "__block_commit_write"}
_WRITEBACK_WALKS = {"mpage_process_page_bufs", "ext4_bio_write_folio", "ext4_finish_bio"}

_CALLS = 2
_FUNCTIONS = 3
_CARRIES = 0.03  # of what the kernel executes, for a call that changed to be named


@dataclass(frozen=True)
class Application:
    """A load and its record."""

    load: Load
    program: Program

    def on(self, shown: Callable[[str], bool]) -> Application:
        """The same of some of its kernels, by their specs."""
        return Application(self.load, msgspec.structs.replace(self.program, kernels=[
            kernel for kernel in self.program.kernels if shown(kernel.spec)]))

    def each(self, kernel: ProgramOnKernel) -> float:
        """What the kernel executed for each transaction or write, its own threads included."""
        return of_kernel(kernel) / self.load.counted

    def cells(self) -> list[str]:
        """The figure on each kernel, with its ratio to the first and the verdict."""
        first = self.each(self.program.kernels[0])
        cells = [f"{first:,.0f}"]
        for kernel, verdict in zip(self.program.kernels[1:],
                                   compare_program(self.program).verdicts, strict=True):
            text = f"{self.each(kernel):,.0f} ({self.each(kernel) / first:.2f})"
            cells.append(f"**{text}**" if verdict == "regressed" else text)
        return cells


def read(directory: Path) -> dict[tuple[str, str], Application]:
    """The applications of a directory, by load and set of kernels."""
    found = {}
    for name, load in ALL.items():
        for kernels in load.sets:
            program = read_program_record(directory / f"{name}-{kernels}.json")
            found[name, kernels] = Application(load, program)
    return found


Found = Mapping[tuple[str, str], Application]


def remade(text: str, found: Found) -> str:
    """A page's text with its tables made anew."""
    return remade_blocks(_BLOCKS, text, lambda name: TABLES[name](found))


def names(text: str) -> list[str]:
    """The tables of a page."""
    return names_of(_BLOCKS, text)


def _of(found: Found, kernels: str) -> list[Application]:
    return [one for (_, used), one in found.items() if used == kernels]


def _columns(applications: Sequence[Application]) -> list[str]:
    return _names(applications[0].program)


def _names(program: Program) -> list[str]:
    return short_names([(kernel.spec, kernel.release) for kernel in program.kernels])


def debian(found: Found) -> str:
    """Every load on Debian's kernels."""
    there = _of(found, "debian")
    return table_of(["application", "file in the page cache", "for each", *_columns(there)], (
        [_text(one.load), one.load.cached_text, one.load.unit, *one.cells()] for one in there))


def source(found: Found) -> str:
    """What runs on minimal kernels, but for what databases do, which has a table of its own."""
    there = [one for one in _of(found, "src") if not _is_database(one.load)]
    return table_of(["application", "for each", *_columns(there)], (
        [one.load.text, one.load.unit, *one.cells()] for one in there))


def databases(found: Found) -> str:
    """What databases do, on minimal kernels without `flush`, and the walks in it on the second."""
    there = [one.on(lambda spec: not spec.endswith("+flush")) for one in _databases(found)]
    columns = _columns(there)
    return table_of([
        "load", "blocks", "file in the page cache", *columns,
        f"walks on {columns[1]}: write + writeback"], ([
            *_database_cells(one), " + ".join(
                f"{_in(one, functions):,.0f}" for functions in (_WRITE_WALKS, _WRITEBACK_WALKS))]
            for one in there))


def flush(found: Found) -> str:
    """What they do with `flush`, beside `span` and the first kernel."""
    there = [one.on(lambda spec: spec in {"src:6.12", "src:6.18+span"} or spec.endswith("+flush"))
             for one in _databases(found)]
    return table_of(["load", "blocks", "file in the page cache", *_columns(there)],
                    map(_database_cells, there))


def _databases(found: Found) -> list[Application]:
    return [one for one in _of(found, "src") if _is_database(one.load)]


def _database_cells(one: Application) -> list[str]:
    return [one.load.text, show_size(one.load.block_size), one.load.cached_text, *one.cells()]


def _is_database(load: Load) -> bool:
    return bool(load.cached)


def _text(load: Load) -> str:
    return load.text if load.block_size == 4096 else (
        f"{load.text}, blocks of {show_size(load.block_size)}")


def _in(one: Application, functions: set[str]) -> float:
    counts: Counter[str] = Counter()
    for row in one.program.kernels[1].calls:
        for function in row.functions:
            counts[function.function] += function.instructions
    return sum(counts[name] for name in functions) / one.load.counted


def changes(found: Found) -> str:
    """The calls that changed most on Debian's kernels, and in which functions."""
    there = _of(found, "debian")
    return table_of(
        ["application", "file in the page cache", "on", "call", "times", "for each", "ratio", "in"],
        (line for one in there for line in _changes(one)))


def _changes(one: Application) -> Iterator[list[str]]:
    compared = compare_program(one.program)
    least = _CARRIES * of_kernel(one.program.kernels[0])
    columns = _names(one.program)
    for column in range(1, len(columns)):
        calls = sorted(_by_call(compared.calls).items(), key=lambda call: -abs(_change(
            call[1], column)))
        for name, rows in calls[:_CALLS]:
            change = _change(rows, column)
            if abs(change) < least:
                continue
            nodes = nodes_of(compared, rows, [0, column])
            first = sum(row.instructions[0] for row in rows)
            yield [_text(one.load), one.load.cached_text, columns[column], f"`{name}`",
                   _times(rows, column), show_change(round(change / one.load.counted)),
                   f"{1 + change / first:.2f}" if first else "new",
                   _functions(function_changes(nodes), change)]


def _times(calls: Sequence[ComparedCall], column: int) -> str:
    """How often, on both kernels; nothing for threads."""
    first, other = (sum(row.count for call in calls if (row := call.rows[at]) is not None)
                    for at in (0, column))
    return f"{first:,} and {other:,}" if first != other else f"{first:,}" if first else ""


def _by_call(calls: Iterable[ComparedCall]) -> dict[str, list[ComparedCall]]:
    """Kinds of calls, whatever their files and sizes: which of a program's files a call meets
    first may be another on each kernel. The driver is the machine's, and where interrupts land is
    chance."""
    found: dict[str, list[ComparedCall]] = {}
    for call in calls:
        if call.row.kind not in ("driver", "interrupt"):
            found.setdefault(call.row.call, []).append(call)
    return found


def _change(calls: Iterable[ComparedCall], column: int) -> int:
    return sum(call.change(column) for call in calls)


def _functions(changed: Iterable[tuple[str, int]], change: int) -> str:
    """Those that carry a change, none of it against its sign."""
    carrying = sorted(((name, by) for name, by in changed if by * change > 0),
                      key=lambda one: -abs(one[1]))
    return ", ".join(f"`{name}`" for name, _ in carrying[:_FUNCTIONS])


TABLES: dict[str, Callable[[Found], str]] = {
    "debian": debian, "source": source, "databases": databases, "flush": flush,
    "changes": changes}


def main(directory: str) -> None:
    """Make the pages' tables anew."""
    found = read(Path(directory))
    for page in PAGES:
        page.write_text(remade(page.read_text(), found))


if __name__ == "__main__":
    main(*sys.argv[1:])
