# SPDX-License-Identifier: GPL-2.0-or-later
"""The notes of a run's figures, for readers."""

from __future__ import annotations

from tailwalk.runs.record import Run


def grouped_notes(run: Run) -> list[str]:
    """Every note once, with the names of the cases it is about."""
    cases: dict[str, dict[str, None]] = {}
    for figure in run.figures:
        for note in figure.notes:
            cases.setdefault(note, {})[figure.case.name] = None
    return [f"{', '.join(names)}: {note}" for note, names in cases.items()]
