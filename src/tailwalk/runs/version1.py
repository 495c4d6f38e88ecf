# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures and cases as the first versions of the formats had them, brought up to date.

What is none of these is left as it is: the present version's own reader says what is wrong.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tailwalk.cases import case_of_run1
from tailwalk.runs.metrics import INSTRUCTIONS, TIME

_AMOUNT = ("value", "user", "share", "steady", "interval", "calls")
_NAMES = {metric.unit: metric.name for metric in (INSTRUCTIONS, TIME)}


def metric_from_1(unit: Any) -> str:
    """The metric that a unit stood for; raises msgspec.ValidationError for another."""
    if not isinstance(unit, str) or unit not in _NAMES:
        raise msgspec.ValidationError(f"{unit!r} is no unit: {' and '.join(_NAMES)} are")
    return _NAMES[unit]


def case_from_1(case: Any) -> Any:
    """A case of version 1 of any format."""
    return msgspec.to_builtins(case_of_run1(case)) if isinstance(case, dict) else case


def figure_from_1(figure: Any, unit: Any) -> Any:
    """A figure of version 1 of a run or profile, in the unit given."""
    if not isinstance(figure, dict):
        return figure
    amount = {name: value for name, value in figure.items() if name in _AMOUNT}
    rest = {name: value for name, value in figure.items() if name not in _AMOUNT}
    rest["case"] = case_from_1(figure.get("case"))
    return {**rest, "metrics": {metric_from_1(unit): {**amount, "unit": unit}}}
