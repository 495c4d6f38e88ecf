# SPDX-License-Identifier: GPL-2.0-or-later
"""A sweep's heat maps as one self-contained SVG."""

from __future__ import annotations

from tailwalk.cases import show_size
from tailwalk.compare.sweep import Sweep
from tailwalk.report.grid import Cell
from tailwalk.report.marks import escape, shade
from tailwalk.report.sweep import HeatMap, heat_maps, law_formula

_CELL_WIDTH = 92
_CELL_HEIGHT = 26
_LEFT = 110
_TITLE = 26
_GAP = 52

_STYLE = """
text { font: 13px ui-monospace, monospace; fill: var(--ink, #1a1a1a); }
.title { font-weight: bold; }
.dim { opacity: 0.75; }
.dark { fill: #fff; }
.light { fill: #1a1a1a; }
rect.cell { stroke: var(--paper, #fff); }
@media (prefers-color-scheme: dark) {
  svg.sheet { --ink: #e8e8e8; --paper: #16181d; background: #16181d; }
}
"""
_COOL, _HOT = (245, 245, 245), (178, 24, 43)


def heatmap_svg(sweep: Sweep) -> str:
    """Every map of the sweep under the other; cells carry their figures as text and, for
    pointers and screen readers, a title with the place in words."""
    blocks: list[str] = []
    height, width = 16, 0
    for one in heat_maps(sweep):
        text, block_height, block_width = _block(one)
        blocks.append(f'<g transform="translate(16 {height})">{text}</g>')
        height += block_height + _GAP
        width = max(width, block_width)
    return (f'<svg class="sheet" xmlns="http://www.w3.org/2000/svg" role="img" '
            f'viewBox="0 0 {width + 32} {height}" width="{width + 32}" height="{height}">'
            f"<title>Cost over folio size and place of the write</title>"
            f"<style>{_STYLE}</style>{''.join(blocks)}</svg>\n")


def _block(one: HeatMap) -> tuple[str, int, int]:
    found, grid = one.found, one.grid
    title = f"{one.title}: {found.run.metric.title.lower()}"
    headings = [column.heading for column in grid.columns[2:]]
    if "random" not in headings:
        headings.insert(len(found.columns), "random")
    places = {heading: column for column, heading in enumerate(headings)}
    parts = [f'<text class="title" y="12">{escape(title)}</text>',
             *(f'<text class="dim" x="{_LEFT + (column + 1) * _CELL_WIDTH - 8}" '
               f'y="{_TITLE + 12}" text-anchor="end">{escape(name)}</text>'
               for column, name in enumerate(headings))]
    top = _TITLE + 20
    for number, (row, shown) in enumerate(zip(found.rows, grid.rows, strict=True)):
        y = top + number * _CELL_HEIGHT
        parts.append(f'<text y="{y + 17}">{show_size(row.fill)}, order {shown.cells[1].text}'
                     "</text>")
        for column, cell in zip(grid.columns[2:], shown.cells[2:], strict=True):
            x = _LEFT + places[column.heading] * _CELL_WIDTH
            if cell.key:
                where = "random offsets" if column.heading == "random" else column.heading
                parts.append(_cell(cell, f"{show_size(row.fill)} folio, {where}", x, y))
            elif cell.text:
                parts.append(f'<text x="{x + _CELL_WIDTH - 8}" y="{y + 17}" '
                             f'text-anchor="end">{cell.text}</text>')
    bottom = top + len(grid.rows) * _CELL_HEIGHT + 18
    flat = "" if found.flatness is None else f"flatness {found.flatness:.2f}; "
    law = "too few usable cells for a law" if found.law is None else (
        law_formula(found.law) if found.law.fits else "no law of this form fits")
    parts.append(f'<text class="dim" y="{bottom}">{flat}{escape(law)}</text>')
    return "".join(parts), bottom, _LEFT + len(headings) * _CELL_WIDTH


def _cell(cell: Cell, place: str, x: int, y: int) -> str:
    colour = "#ddd" if cell.heat is None else shade(cell.heat, _COOL, _HOT)
    ink = "dark" if cell.heat is not None and cell.heat > 0.6 else "light"
    figure = cell.text if cell.heat is not None else f"({cell.text})"
    said = escape(f"{place}: {cell.text}{', not used: ' + cell.under if cell.under else ''}")
    return (f'<g><title>{said}</title><rect class="cell" x="{x}" y="{y}" width="{_CELL_WIDTH}" '
            f'height="{_CELL_HEIGHT}" fill="{colour}"/><text class="{ink}" '
            f'x="{x + _CELL_WIDTH - 8}" y="{y + 17}" text-anchor="end">{figure}</text></g>')
