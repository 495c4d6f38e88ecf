# SPDX-License-Identifier: GPL-2.0-or-later
"""Profiles as call trees: text with inclusive counts, folded stacks, and one self-contained SVG: a
flame graph each, on one scale, coloured by the change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tailwalk.profile.pairing import PairedNode, paired_tree
from tailwalk.profile.record import Profile
from tailwalk.report.chart import escape, shade
from tailwalk.report.names import cut_apart
from tailwalk.report.profile_words import show_change, side_labels
from tailwalk.report.words import case_labels, show_figure, show_unit
from tailwalk.words import everywhere, visible

# Paths that stay below this share of the dearest call's instructions are left out.
_LEAST_SHARE = 0.005
_LEAST_NAME = 12  # characters of a name, however deep in the tree it stands

_WIDTH = 1200
_MARGIN = 16
_FRAME = 19  # height of a frame
_LETTER = 6.7  # width of a letter at the frames' font size
_NARROWEST = 0.4  # a frame below this many pixels cannot be seen
_HEAD = 66
_GAP = 34

_STYLE = """
text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: var(--ink, #1a1a1a); }
.title { font-weight: bold; }
.dim { opacity: 0.75; }
.frame text { font: 11px ui-monospace, monospace; fill: #1a1a1a; }
.frame rect { stroke: var(--paper, #fff); stroke-width: 0.6; }
.frame:hover rect, .frame.said rect { stroke: var(--ink, #000); stroke-width: 1.6; }
@media (prefers-color-scheme: dark) {
  svg.alone { --ink: #e8e8e8; --paper: #16181d; background: #16181d; }
}
"""
_SAME = (226, 222, 210)
_MORE = (214, 40, 40)
_FEWER = (52, 110, 190)


@dataclass(frozen=True)
class Forest:
    """What is drawn as a call tree: the paths, what to call each side, and the words for what it is
    a tree of."""

    nodes: Sequence[PairedNode]
    labels: Sequence[str]
    title: str
    unit: str = "instructions/call"

    @property
    def totals(self) -> list[int]:
        """All instructions, by side."""
        return [sum(node.counts[side] for node in self.nodes) for side in range(len(self.labels))]


def forest_of(profiles: Sequence[Profile], *, raw: bool = False) -> Forest:
    """The call trees of one profile or two."""
    profiles = everywhere(profiles, visible)
    return Forest(paired_tree(profiles, raw=raw), side_labels(profiles), flame_title(profiles))


def tree_text(forest: Forest, *, everything: bool = False, width: int | None = None,
              ascii_only: bool = False) -> str:
    """The call tree, a line a function: instructions with all it calls, for each side, and
    their difference. The dearest children come first; small ones are left out, and counted,
    unless `everything` is wanted. Lines are as long as they have to be, or names are cut so that
    they fit a `width`."""
    headings, rows = tree_rows(forest, everything=everything)
    dearest = max(forest.totals)
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


def tree_rows(forest: Forest, *, everything: bool = False) -> (
        tuple[list[str], list[tuple[int, str, Sequence[int]]]]):
    """What `tree_text` shows, as headings and, for each line, depth, name and inclusive counts."""
    least = 0 if everything else _LEAST_SHARE * max(forest.totals)
    labels = forest.labels
    return [*labels, *(["difference"] if len(labels) == 2 else [])], list(
        _visible(forest.nodes, least))


def folded_stacks(forest: Forest) -> str:
    """One line a call path: its functions, separated by semicolons, and the instructions of the
    last, for each side: what flame-graph tools read (two counts: difffolded's form)."""
    nodes = forest.nodes
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


@dataclass(frozen=True)
class _Frame:
    """Where a node is drawn, in pixels and levels."""

    node: PairedNode
    left: float
    width: float
    level: int


def flame_svg(forest: Forest, *, alone: bool = True, most: int | None = None) -> str:
    """Each side's call tree with the system call's entry on top, a frame as wide as the
    instructions executed in the function and all it calls; all sides on one scale. Beside
    another side a frame's colour tells by how much the function's own instructions differ.
    Every frame carries its figures as a title.

    `alone`: as a file of its own, with title, legend and dark theme; else for a page that has them.
    `most`: of all frames of a side only the widest, so many or fewer.
    """
    nodes, labels, totals = forest.nodes, forest.labels, forest.totals
    scale = (_WIDTH - 2 * _MARGIN) / max(*totals, 1)
    largest = max((abs(_change(node)) for node in nodes), default=0) or 1
    parts = []
    if alone:
        title, legend = escape(forest.title), escape(flame_legend(forest))
        parts += [f'<text class="title" x="{_MARGIN}" y="24">{title}</text>',
                  f'<text class="dim" x="{_MARGIN}" y="43">{legend}</text>']
    height = _HEAD if alone else _FRAME
    for side, total in enumerate(totals):
        frames = _frames(nodes, side, scale, most)
        parts.append(f'<text class="title" x="{_MARGIN}" y="{height}">{escape(labels[side])}: '
                     f"{show_figure(total)} kernel {show_unit(forest.unit)}</text>")
        parts += [_drawn(frame, side, height + 8, forest, largest) for frame in frames]
        height += 8 + _FRAME * (1 + max((frame.level for frame in frames), default=0)) + _GAP
    space = 'xmlns="http://www.w3.org/2000/svg" class="alone" ' if alone else ""
    return (f'<svg {space}role="img" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
            f'height="{height}"><title>{escape(forest.title)}</title>'
            f"<style>{_STYLE}</style>{''.join(parts)}</svg>\n")


def flame_title(profiles: Sequence[Profile]) -> str:
    """What a flame graph of the profiles shows."""
    case = case_labels([profiles[0].figure.case])[0]
    return f"Where one call of {case} executes instructions"


def flame_legend(forest: Forest) -> str:
    """How to read it."""
    if len(forest.labels) == 1:
        return "width: instructions with callees"
    one, other = forest.labels
    return ("width: instructions with callees, on one scale; colour: the function's own "
            f"instructions, red where {other} executes more than {one}, blue where fewer")


def _change(node: PairedNode) -> int:
    return node.counts[-1] - node.counts[0]


def _frames(nodes: Sequence[PairedNode], side: int, scale: float,
            most: int | None) -> list[_Frame]:
    """The frames of a side; a function's own instructions are at the right of its callees'."""
    narrowest = _NARROWEST
    while len(frames := list(_placed(nodes, side, scale, narrowest))) > (most or len(frames)):
        narrowest *= 1.25
    return frames


def _placed(nodes: Sequence[PairedNode], side: int, scale: float,
            narrowest: float) -> Iterator[_Frame]:
    placed: dict[int, _Frame] = {}
    filled: dict[int, float] = {-1: float(_MARGIN)}
    for index, node in enumerate(nodes):
        width = node.inclusive[side] * scale
        above = placed.get(node.parent)
        if width < narrowest or (node.parent >= 0 and above is None):
            continue
        left = filled[node.parent]
        filled[node.parent] = left + width
        filled[index] = left
        placed[index] = _Frame(node, left, width, above.level + 1 if above else 0)
        yield placed[index]


def _drawn(frame: _Frame, side: int, top: int, forest: Forest, most: int) -> str:
    node = frame.node
    letters = int((frame.width - 6) / _LETTER)
    name = node.name if len(node.name) <= letters else (
        f"{node.name[:letters - 1]}…" if letters > 3 else "")
    y = top + frame.level * _FRAME
    text = f'<text x="{frame.left + 3:.1f}" y="{y + 13}">{escape(name)}</text>' if name else ""
    return (f'<g class="frame"><title>{escape(_said(node, side, forest))}</title>'
            f'<rect x="{frame.left:.1f}" y="{y}" width="{frame.width:.2f}" height="{_FRAME}" '
            f'rx="1.5" fill="{_colour(node, most)}"/>{text}</g>')


def _said(node: PairedNode, side: int, forest: Forest) -> str:
    labels = forest.labels
    if len(labels) == 1:
        return (f"{node.name}: {show_figure(node.inclusive[0])} {forest.unit} with callees, "
                f"{show_figure(node.counts[0])} itself")
    own = " and ".join(f"{show_figure(count)} on {label}"
                       for count, label in zip(node.counts, labels, strict=True))
    return (f"{node.name} on {labels[side]}: {show_figure(node.inclusive[side])} "
            f"{forest.unit} with callees "
            f"({show_change(node.inclusive[1] - node.inclusive[0])}); itself {own} "
            f"({show_change(_change(node))})")


def _colour(node: PairedNode, most: int) -> str:
    change = _change(node) if len(node.counts) > 1 else 0
    # The square root keeps a tenth of the largest change visible.
    return shade((abs(change) / most) ** 0.5 * 0.85, _SAME, _MORE if change > 0 else _FEWER)
