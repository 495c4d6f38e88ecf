# SPDX-License-Identifier: GPL-2.0-or-later
"""Bisection over an ordered list whose members may refuse to be tested.

One end is good, the other bad, and somewhere between a good one is followed by a bad one. Each
test halves what is left, so that it takes as few as any method can; a member that cannot be tested
is passed over for the nearest that can.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

State = Literal["good", "bad", "skipped"]


@dataclass
class Bisection:
    """Where the first bad one of `size` members is.

    Member 0 is good and the last is bad. Ask `next_index` what to test, `tell` it what was found,
    until there is nothing to test.
    """

    size: int
    states: dict[int, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = {0: "good", self.size - 1: "bad", **self.states}

    @property
    def last_good(self) -> int:
        """The newest member before every bad one that was found good."""
        return max(index for index, state in self.states.items()
                   if state == "good" and index < self.first_bad)

    @property
    def first_bad(self) -> int:
        """The oldest member that was found bad."""
        return min(index for index, state in self.states.items() if state == "bad")

    def next_index(self) -> int | None:
        """The member to test: of those that can be, the nearest to the middle; None at the end."""
        low, high = self.last_good, self.first_bad
        open_ = [index for index in range(low + 1, high) if index not in self.states]
        return min(open_, key=lambda index: abs(2 * index - low - high), default=None)

    def tell(self, index: int, state: State) -> None:
        """Say what a test found."""
        self.states[index] = state

    @property
    def suspects(self) -> range:
        """The members that may be the first bad one: that alone, or those passed over before it
        too."""
        return range(self.last_good + 1, self.first_bad + 1)
