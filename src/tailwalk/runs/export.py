# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures as a table for other tools: CSV, and Parquet (optional extra `parquet`)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tailwalk.extras import import_extra
from tailwalk.runs.record import Run, write_whole
from tailwalk.words import visible

_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


class ExportLine(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one figure; sizes and offsets in bytes, the figure and its interval in `unit`.

    See `Run`, `Figure`, `Amount` and `Case` for what each means; `call` is the case's workload, and
    a parameter that it has not is None; `calls` is how many calls or samples the figure rests on;
    `parameters` are those without a field here, and a table has it where any line does.
    """

    run: str
    created: str
    tailwalk: str
    rig: str
    unit: str
    kernel: str
    release: str
    kernel_digest: str
    filesystem: str
    block_size: int
    mount_options: str
    inputs: str
    case: str
    call: str
    size: int | None
    vectors: int | None
    offset: int | None
    fill: int | None
    file_size: int | None
    uptodate: bool | None
    figure: float
    user: int | None
    share: float | None
    steady: bool
    interval_low: float | None
    interval_high: float | None
    calls: int
    written_order: int | None
    notes: str
    parameters: str = ""


def lines(runs: Sequence[Run]) -> Iterator[ExportLine]:
    """The figures of the runs, run by run, with every metric."""
    for run in runs:
        system = run.conditions.filesystem
        for figure in run.figures:
            case = figure.case
            for amount in figure.ranked:
                low, high = amount.interval or (None, None)
                yield ExportLine(
                    run=run.id, created=run.created, tailwalk=run.tailwalk, rig=run.rig,
                    unit=amount.unit, kernel=run.kernel.spec, release=run.kernel.release,
                    kernel_digest=run.kernel.digest, filesystem=system.kind,
                    block_size=system.block_size, mount_options=system.mount_options,
                    inputs=run.inputs, case=case.name, call=case.workload,
                    size=case.get("size"), vectors=case.get("vectors"), offset=case.get("offset"),
                    fill=case.get("fill"), file_size=case.get("file_size"),
                    uptodate=None if case.get("uptodate") is None else case.uptodate,
                    figure=amount.value, user=amount.user, share=amount.share,
                    steady=amount.reliable, interval_low=low, interval_high=high,
                    calls=amount.number, written_order=figure.written,
                    notes="; ".join(figure.notes), parameters=case.further)


def _columns(rows: Sequence[ExportLine]) -> list[msgspec.structs.FieldInfo]:
    return [member for member in msgspec.structs.fields(ExportLine)
            if member.name != "parameters" or any(row.parameters for row in rows)]


def to_csv(runs: Sequence[Run]) -> str:
    """One line a figure under a heading."""
    rows = list(lines(runs))
    names = [member.name for member in _columns(rows)]
    return csv_text(names, ([getattr(row, name) for name in names] for row in rows))


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
    rows = list(lines(runs))
    columns: dict[str, Any] = {}
    for member in _columns(rows):
        allowed = getattr(member.type, "__args__", (member.type,))  # those of `int | None`
        kind = next(kind for kind in types if kind in allowed)
        values = [getattr(row, member.name) for row in rows]
        if kind is float:
            values = [None if value is None else float(value) for value in values]
        columns[member.name] = arrow.array(values, types[kind])
    sink = arrow.BufferOutputStream()
    parquet.write_table(arrow.table(columns), sink, compression="zstd")
    write_whole(path, sink.getvalue().to_pybytes())
