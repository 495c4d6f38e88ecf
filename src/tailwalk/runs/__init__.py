# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of what was measured: schema, version, reading and writing."""

from tailwalk.runs.amount import Amount
from tailwalk.runs.record import Conditions, Figure, KernelRecord, Run, read_run, write_run

__all__ = ["Amount", "Conditions", "Figure", "KernelRecord", "Run", "read_run", "write_run"]
