# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of what was measured: schema, version, reading and writing."""

from tailwalk.runs.amount import Amount
from tailwalk.runs.record import (
    RUN_SCHEMA,
    Conditions,
    Figure,
    FolioCount,
    KernelRecord,
    Run,
    read_run,
    read_runs,
    write_run,
)

__all__ = [
    "RUN_SCHEMA",
    "Amount",
    "Conditions",
    "Figure",
    "FolioCount",
    "KernelRecord",
    "Run",
    "read_run",
    "read_runs",
    "write_run",
]
