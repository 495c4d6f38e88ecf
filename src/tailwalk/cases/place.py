# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a case's files lie: in the file system under test, or in a tmpfs beside it."""

from __future__ import annotations

from dataclasses import replace

from tailwalk.cases.workload import Parameter, Preparation, Values
from tailwalk.errors import UsageError

_MEANING = "in a tmpfs that is mounted for it"


def _check(case: str, values: Values) -> None:
    if values["place"] == 1 and not values.get("uptodate", True):
        raise UsageError(f"case {case}: files in a tmpfs never leave the page cache, so that no "
                         "folio can be left not uptodate. Leave --partial out.")


PLACE = Preparation(
    name="place", prepared="{place}", check=_check, parameters=(
        Parameter(name="place", unit="number", default=0, unsaid=True,
                  words={"u": "", "t": _MEANING},
                  meaning="where files lie: 0 in the file system under test, 1 in a tmpfs"),))
PLACE_BY_NAME = replace(
    PLACE, parameters=(replace(PLACE.parameters[0], words={"usr": "", "tmp": _MEANING}),))
"""The same where libMicro's names say `usr` and `tmp`."""
