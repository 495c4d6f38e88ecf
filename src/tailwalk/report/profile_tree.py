# SPDX-License-Identifier: GPL-2.0-or-later
"""Profiles as call trees: text with inclusive counts, and folded stacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tailwalk.profile.pairing import PairedNode, paired_tree
from tailwalk.profile.record import Profile
from tailwalk.report.names import cut_apart
from tailwalk.report.profile_words import show_change, side_labels

# Paths that stay below this share of the dearest call's instructions are left out.
_LEAST_SHARE = 0.005
_LEAST_NAME = 12  # characters of a name, however deep in the tree it stands


def tree_text(profiles: Sequence[Profile], *, everything: bool = False,
              raw: bool = False, width: int | None = None, ascii_only: bool = False) -> str:
    """The call tree, a line a function: instructions with all it calls, for each profile, and
    their difference. The dearest children come first; small ones are left out, and counted,
    unless `everything` is wanted. Lines are as long as they have to be, or names are cut so that
    they fit a `width`."""
    headings, rows = tree_rows(profiles, everything=everything, raw=raw)
    dearest = max(profile.count for profile in profiles)
    widths = [max(len(heading), len(f"{dearest:,}")) for heading in headings]
    lines = [_line(headings, widths, "instructions with callees")]
    names = {depth: frozenset(name for at, name, _ in rows if at == depth)
             for depth in {depth for depth, _, _ in rows}}
    for depth, name, counts in rows:
        indent = "  " * depth
        shown = name if width is None else cut_apart(names[depth], max(
            _LEAST_NAME, width - len(_line(_cells(counts), widths, indent))),
            ascii_only=ascii_only)[name]
        lines.append(_line(_cells(counts), widths, indent + shown))
    return "\n".join(lines) + "\n"


def tree_rows(profiles: Sequence[Profile], *, everything: bool = False,
              raw: bool = False) -> tuple[list[str], list[tuple[int, str, Sequence[int]]]]:
    """What `tree_text` shows, as headings and, for each line, depth, name and inclusive counts."""
    nodes = paired_tree(profiles, raw=raw)
    least = 0 if everything else _LEAST_SHARE * max(profile.count for profile in profiles)
    labels = side_labels(profiles)
    return [*labels, *(["difference"] if len(labels) == 2 else [])], list(_visible(nodes, least))


def folded_stacks(profiles: Sequence[Profile], *, raw: bool = False) -> str:
    """One line a call path: its functions, separated by semicolons, and the instructions of the
    last, for each profile: what flame-graph tools read (two counts: difffolded's form)."""
    nodes = paired_tree(profiles, raw=raw)
    paths: list[str] = []
    lines = []
    for node in nodes:
        paths.append(f"{paths[node.parent]};{node.name}" if node.parent >= 0 else node.name)
        if any(node.counts):
            lines.append(f"{paths[-1]} {' '.join(map(str, node.counts))}\n")
    return "".join(lines)


def _visible(nodes: Sequence[PairedNode],
             least: float) -> Iterator[tuple[int, str, Sequence[int]]]:
    """Depth, name and inclusive counts of what is shown, in the order of the tree."""
    children: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        children.setdefault(node.parent, []).append(index)

    def below(parent: int, depth: int) -> Iterator[tuple[int, str, Sequence[int]]]:
        ordered = sorted(children.get(parent, []), key=lambda child: -max(nodes[child].inclusive))
        shown = [child for child in ordered if max(nodes[child].inclusive) >= least]
        hidden = ordered[len(shown):]
        if len(hidden) == 1:
            shown, hidden = ordered, []
        for child in shown:
            yield depth, _name(nodes[child]), nodes[child].inclusive
            yield from below(child, depth + 1)
        if hidden:
            yield depth, f"({len(hidden)} smaller)", [
                sum(nodes[child].inclusive[side] for child in hidden)
                for side in range(len(nodes[0].inclusive))]

    return below(-1, 0)


def _name(node: PairedNode) -> str:
    most = max(node.entered)
    return f"{node.name} ({most} times)" if most > 1 else node.name


def _cells(counts: Sequence[int]) -> list[str]:
    cells = [f"{count:,}" for count in counts]
    return [*cells, show_change(counts[1] - counts[0])] if len(counts) == 2 else cells


def _line(cells: Sequence[str], widths: Sequence[int], text: str) -> str:
    numbers = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return f"{numbers}  {text}"
