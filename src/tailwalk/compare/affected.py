# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a machine affected? What decides among the growths of its cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tailwalk.compare.growth import Growth, State, worst


@dataclass(frozen=True)
class Affection:
    """What the growths of a run say of the machine.

    Attributes:
        deciding: the growth that the verdict rests on: of the smallest write nearest to the
            folio's start, where the walk behind the written range is longest.
        further: the growths of the same write further into the folio.
    """

    deciding: Growth
    further: Sequence[Growth]

    @property
    def state(self) -> State:
        """An affected or unclear growth further into the folio counts."""
        one = self.deciding
        return one.state if one.state != "not affected" else worst(
            [other.state for other in self.further])

    @property
    def in_single_pages(self) -> bool:
        """Was the file cached in single pages, whatever was asked for?"""
        return all(step.figure.written == 0 for step in self.deciding.steps)


def affection(grown: Sequence[Growth]) -> Affection | None:
    """What decides among the growths of one run; None where no case of it overwrites, which is what
    tells of a machine."""
    grown = [one for one in grown if one.base.case.declared.family == "overwrite"]
    if not grown:
        return None
    one = min(grown, key=lambda one: (one.base.case.offset, one.base.case.length))
    return Affection(one, [other for other in grown if other is not one
                           and other.base.case.length == one.base.case.length
                           and other.base.case.offset > one.base.case.offset])
