# SPDX-License-Identifier: GPL-2.0-or-later
"""What is shown of a program: its calls, their functions, or their call tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tailwalk.cli.console import terminal_of_output
from tailwalk.errors import UsageError
from tailwalk.words import listed

if TYPE_CHECKING:
    from tailwalk.compare.program import ComparedCall, ComparedProgram
    from tailwalk.report.grid import Shown
    from tailwalk.runs.program import Program

_MOST_SIDES = 2  # kernels, of functions and trees


@dataclass(frozen=True, kw_only=True)
class View:
    """What was asked for; without `only`, of all of them."""

    only: Sequence[str]
    functions: bool
    tree: bool
    folded: bool
    raw: bool
    everything: bool

    @classmethod
    def taken(cls, given: dict[str, Any]) -> View:
        """Take it out of a command's parameters."""
        return cls(**{name: given.pop(name) for name in (
            "only", "functions", "tree", "folded", "raw", "everything")})

    def check(self, kernels: int) -> None:
        """Raise UsageError where this cannot be shown of so many kernels."""
        asked = [f"--{name}" for name in ("functions", "tree", "folded") if getattr(self, name)]
        if len(asked) > 1:
            raise UsageError(f"{listed(asked)} each say what to print; give one of them.")
        if asked and kernels > _MOST_SIDES:
            raise UsageError(f"{asked[0]} is of one kernel, or of two side by side, and {kernels} "
                             "are named: leave out all but two, or name two runs of tailwalk runs "
                             "list to tailwalk why.")

    def of(self, compared: ComparedProgram) -> Shown | str:
        """What is printed."""
        from tailwalk.report.profile_tree import folded_stacks, tree_text
        from tailwalk.report.program import (
            SHOWN,
            functions_shown,
            program_forest,
            program_shown,
        )

        shown = None if self.everything else SHOWN
        if self.functions:
            return functions_shown(compared, self.chosen(compared), raw=self.raw, shown=shown)
        if self.folded or self.tree:
            forest = program_forest(compared, self.chosen(compared), raw=self.raw)
            terminal = terminal_of_output()
            return folded_stacks(forest) if self.folded else tree_text(
                forest, everything=self.everything, width=terminal.width if terminal else None,
                ascii_only=terminal is not None and terminal.options.ascii_only)
        return program_shown(compared, shown=shown)

    def graph(self, compared: ComparedProgram) -> str:
        """The flame graph."""
        from tailwalk.report.profile_tree import flame_svg
        from tailwalk.report.program import program_forest

        return flame_svg(program_forest(compared, self.chosen(compared), raw=self.raw))

    def chosen(self, compared: ComparedProgram) -> list[ComparedCall]:
        """The calls that are asked for; raises UsageError for one that is not made."""
        require_calls(compared.program, self.only)
        return [call for call in compared.calls if call.row.kind != "driver"
                and (not self.only or call.row.call in self.only)]


def require_calls(program: Program, only: Sequence[str]) -> None:
    """Raise UsageError where a program makes no call of a name on any kernel."""
    known = {row.call for kernel in program.kernels for row in kernel.calls}
    for name in only:
        if name not in known:
            raise UsageError(f"--call {name}: the program makes no such call. It makes "
                             f"{listed(sorted(known))}.")
