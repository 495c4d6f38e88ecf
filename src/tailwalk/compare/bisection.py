# SPDX-License-Identifier: GPL-2.0-or-later
"""Bisection over an ordered list whose members may refuse to be tested.

One end is old, the other new, in git bisect's sense: somewhere between what was and what came. Each
test halves what is left, so that it takes as few as any method can; a member that cannot be tested
is passed over for the nearest that can.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

State = Literal["old", "new", "skipped"]


@dataclass
class Bisection:
    """Where the first new one of `size` members is.

    Member 0 is old and the last is new. Ask `next_index` what to test, `tell` it what was found,
    until there is nothing to test.
    """

    size: int
    states: dict[int, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = {0: "old", self.size - 1: "new", **self.states}

    @property
    def last_old(self) -> int:
        """The newest member before every new one that was found old."""
        return max(index for index, state in self.states.items()
                   if state == "old" and index < self.first_new)

    @property
    def first_new(self) -> int:
        """The oldest member that was found new."""
        return min(index for index, state in self.states.items() if state == "new")

    def next_index(self) -> int | None:
        """The member to test: of those that can be, the nearest to the middle; None at the end."""
        low, high = self.last_old, self.first_new
        open_ = [index for index in range(low + 1, high) if index not in self.states]
        return min(open_, key=lambda index: abs(2 * index - low - high), default=None)

    def tell(self, index: int, state: State) -> None:
        """Say what a test found."""
        self.states[index] = state

    @property
    def suspects(self) -> range:
        """The members that may be the first new one: that alone, or those passed over before it
        too."""
        return range(self.last_old + 1, self.first_new + 1)
