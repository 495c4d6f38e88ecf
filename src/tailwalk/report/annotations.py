# SPDX-License-Identifier: GPL-2.0-or-later
"""A gate as workflow commands of GitHub, which it shows on the page of a workflow's run."""

from __future__ import annotations

from tailwalk.report.gate import Gate, Outcome
from tailwalk.words import everywhere, visible

_KINDS: dict[Outcome, str] = {"regressed": "error", "failed": "warning", "unjudged": "warning",
                             "accepted": "notice"}
_NEWLINE = "\n"


def github(gate: Gate) -> list[str]:
    """A line each: errors first, and of them the worst, since GitHub shows ten of a kind."""
    gate = everywhere(gate, visible)
    return [f"::{kind} title={_property(f'{one.name} on {one.kernel}')}::"
            f"{_data(_NEWLINE.join(one.lines))}"
            for outcome, kind in _KINDS.items() for one in gate.worst_first(outcome)]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
