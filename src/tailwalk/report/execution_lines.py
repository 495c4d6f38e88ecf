# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program's run counted, in lines."""

from __future__ import annotations

import signal

from tailwalk.cases import show_size
from tailwalk.runs.execution import Execution


def execution_lines(execution: Execution) -> list[str]:
    """The counts, how the program ended, and on what."""
    found = execution.instructions
    system = execution.conditions.filesystem
    total = found.user + found.kernel
    exact = "" if "cpus" not in execution.conditions.machine else (
        f", of one run of many that {execution.conditions.machine['cpus']} CPUs can have")
    share = found.kernel / total if total else 0.0
    tasks = _number(execution.tasks, "task")
    switches = _number(execution.switches, "context switch", "es")
    return [
        f"{total:,} instructions: {found.user:,} of the program in user mode, the start-up of its "
        f"C library included; {found.kernel:,} of the kernel on its behalf ({share:.1%}){exact}",
        f"besides, {found.others:,} of the kernel's own threads meanwhile; {tasks}, {switches}",
        f"{_ending(execution)} on {execution.kernel.spec} ({execution.kernel.release}), "
        f"{system.kind} with {show_size(system.block_size)} blocks",
    ]


def _number(number: int, what: str, plural: str = "s") -> str:
    return f"{number:,} {what}{plural if number != 1 else ''}"


def _ending(execution: Execution) -> str:
    if execution.signal is not None:
        try:
            name = signal.Signals(execution.signal).name
        except ValueError:
            name = f"signal {execution.signal}"
        return f"ended by {name}"
    return f"exit status {execution.status}"
