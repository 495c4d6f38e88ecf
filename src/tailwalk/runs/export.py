# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures as a table for other tools: CSV, and Parquet (optional extra `parquet`)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tailwalk.extras import import_extra
from tailwalk.runs.amount import Amount
from tailwalk.runs.record import Figure, Run, write_whole
from tailwalk.words import visible

_Get = Callable[[Run, Figure, Amount], Any]
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def _of_case(name: str) -> _Get:
    return lambda _, figure, __: figure.case.get(name)


_COLUMNS: dict[str, tuple[type, _Get]] = {
    "run": (str, lambda run, *_: run.id),
    "created": (str, lambda run, *_: run.created),
    "tailwalk": (str, lambda run, *_: run.tailwalk),
    "rig": (str, lambda run, *_: run.rig),
    "unit": (str, lambda *parts: parts[2].unit),
    "kernel": (str, lambda run, *_: run.kernel.spec),
    "release": (str, lambda run, *_: run.kernel.release),
    "kernel_digest": (str, lambda run, *_: run.kernel.digest),
    "filesystem": (str, lambda run, *_: run.conditions.filesystem.kind),
    "block_size": (int, lambda run, *_: run.conditions.filesystem.block_size),
    "mount_options": (str, lambda run, *_: run.conditions.filesystem.mount_options),
    "inputs": (str, lambda run, *_: run.inputs),
    "case": (str, lambda _, figure, __: figure.case.name),
    "call": (str, lambda _, figure, __: figure.case.workload),
    **{name: (int, _of_case(name)) for name in ("size", "vectors", "offset", "fill", "file_size")},
    "uptodate": (bool, lambda _, figure, __: (
        None if figure.case.get("uptodate") is None else figure.case.uptodate)),
    "figure": (float, lambda *parts: parts[2].value),
    "user": (int, lambda *parts: parts[2].user),
    "share": (float, lambda *parts: parts[2].share),
    "steady": (bool, lambda *parts: parts[2].reliable),
    "interval_low": (float, lambda *parts: parts[2].interval and parts[2].interval[0]),
    "interval_high": (float, lambda *parts: parts[2].interval and parts[2].interval[1]),
    "calls": (int, lambda *parts: parts[2].number),
    "written_order": (int, lambda _, figure, __: figure.written),
    "notes": (str, lambda _, figure, __: "; ".join(figure.notes)),
    "parameters": (str, lambda _, figure, __: figure.case.further),
}
"""What a line says of one metric of one figure; see `Run`, `Figure`, `Amount` and `Case` for what
each means. `call` is the case's workload, and a parameter that it has not is None; `calls` is how
many calls or samples the figure rests on; `parameters` are those without a column here, and a table
has it where any line does."""


def lines(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """The figures of the runs, run by run, with every metric: column to value."""
    for run in runs:
        for figure in run.figures:
            for amount in figure.ranked:
                yield {name: get(run, figure, amount) for name, (_, get) in _COLUMNS.items()}


def _table(runs: Sequence[Run]) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns that the lines of the runs need, and the lines."""
    rows = list(lines(runs))
    return [name for name in _COLUMNS
            if name != "parameters" or any(row[name] for row in rows)], rows


def to_csv(runs: Sequence[Run]) -> str:
    """One line a figure under a heading."""
    names, rows = _table(runs)
    return csv_text(names, ([row[name] for name in names] for row in rows))


def csv_text(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV; true and false in lower case, nothing for None. What a terminal would obey
    is escaped, and a text that a spreadsheet would run has an apostrophe before it."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(
        [heading, *(map(_field, row) for row in rows)])
    return stream.getvalue()


def _field(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if text.startswith(_RUN_BY_SPREADSHEETS) else text


def write_parquet(runs: Sequence[Run], path: Path) -> None:
    """The same table as a Parquet file, with typed columns.

    Raises ToolError where pyarrow is not installed, RecordError where the file cannot be written.
    """
    arrow, parquet = (import_extra(module, extra="parquet", what="a Parquet file")
                      for module in ("pyarrow", "pyarrow.parquet"))
    types = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
    names, rows = _table(runs)
    columns = {name: arrow.array([None if row[name] is None else kind(row[name]) for row in rows],
                                 types[kind])
               for name in names for kind in [_COLUMNS[name][0]]}
    sink = arrow.BufferOutputStream()
    parquet.write_table(arrow.table(columns), sink, compression="zstd")
    write_whole(path, sink.getvalue().to_pybytes())
