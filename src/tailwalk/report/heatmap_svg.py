# SPDX-License-Identifier: GPL-2.0-or-later
"""A sweep's heat maps as one self-contained SVG."""

from __future__ import annotations

from xml.sax.saxutils import escape

from tailwalk.cases import show_size
from tailwalk.compare.sweep import MapRow, Sweep, SweepMap
from tailwalk.report.heatmap import heat, law_formula, map_title, sweep_labels
from tailwalk.report.words import UNIT_TITLES, show_figure, show_recovery

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


def heatmap_svg(sweep: Sweep) -> str:
    """Every map of the sweep under the other; cells carry their figures as text and, for
    pointers and screen readers, a title with the place in words."""
    blocks: list[str] = []
    height, width = 16, 0
    labels = sweep_labels(sweep)
    for kernels in sweep.maps:
        for number, one in enumerate(kernels):
            recovering = sweep.bad is not None and number > sweep.bad
            text, block_height, block_width = _block(one, labels[number], recovering)
            blocks.append(f'<g transform="translate(16 {height})">{text}</g>')
            height += block_height + _GAP
            width = max(width, block_width)
    return (f'<svg class="sheet" xmlns="http://www.w3.org/2000/svg" role="img" '
            f'viewBox="0 0 {width + 32} {height}" width="{width + 32}" height="{height}">'
            f"<title>Cost over folio size and place of the write</title>"
            f"<style>{_STYLE}</style>{''.join(blocks)}</svg>\n")


def _block(one: SweepMap, label: str, recovering: bool) -> tuple[str, int, int]:
    title = f"{map_title(one, label)}: {UNIT_TITLES[one.run.unit].lower()}"
    columns = [*one.columns, "random", *(["recovered"] if recovering else [])]
    parts = [f'<text class="title" y="12">{escape(title)}</text>',
             *(f'<text class="dim" x="{_LEFT + (column + 1) * _CELL_WIDTH - 8}" '
               f'y="{_TITLE + 12}" text-anchor="end">{escape(name)}</text>'
               for column, name in enumerate(columns))]
    values = [cell.value for row in one.rows for cell in row.places.values() if not cell.doubt]
    cheapest = min(values, default=1.0)
    top = _TITLE + 20
    for number, row in enumerate(one.rows):
        y = top + number * _CELL_HEIGHT
        label = f"{show_size(row.fill)}, order {'?' if row.order is None else row.order}"
        parts.append(f'<text y="{y + 17}">{label}</text>')
        parts += _row(one, row, y, cheapest, recovering)
    bottom = top + len(one.rows) * _CELL_HEIGHT + 18
    flat = "" if one.flatness is None else f"flatness {one.flatness:.2f}; "
    law = "too few usable cells for a law" if one.law is None else (
        law_formula(one.law) if one.law.fits else "no law of this form fits")
    parts.append(f'<text class="dim" y="{bottom}">{flat}{escape(law)}</text>')
    return "".join(parts), bottom, _LEFT + len(columns) * _CELL_WIDTH


def _row(one: SweepMap, row: MapRow, y: int, cheapest: float, recovering: bool) -> list[str]:
    parts = []
    for column, place in enumerate(one.columns):
        cell = row.places.get(place)
        if cell is not None:
            parts.append(_cell(cell.value, f"{show_size(row.fill)} folio, {place}", column, y,
                               cheapest, cell.doubt))
    after = len(one.columns)
    if row.random is not None:
        parts.append(_cell(round(row.random), f"{show_size(row.fill)} folio, random offsets",
                           after, y, cheapest, ""))
    if recovering and row.recovery is not None:
        parts.append(f'<text x="{_LEFT + (after + 2) * _CELL_WIDTH - 8}" y="{y + 17}" '
                     f'text-anchor="end">{show_recovery(row.recovery)}</text>')
    return parts


def _cell(value: float, place: str, column: int, y: int, cheapest: float, doubt: str) -> str:
    warmth = heat(value, cheapest)
    red, green, blue = (round(245 - warmth * (245 - end)) for end in (178, 24, 43))
    colour = "#ddd" if doubt else f"rgb({red},{green},{blue})"
    ink = "dark" if warmth > 0.6 and not doubt else "light"
    figure = f"({show_figure(value)})" if doubt else show_figure(value)
    said = escape(f"{place}: {show_figure(value)}{', not used: ' + doubt if doubt else ''}")
    x = _LEFT + column * _CELL_WIDTH
    return (f'<g><title>{said}</title><rect class="cell" x="{x}" y="{y}" width="{_CELL_WIDTH}" '
            f'height="{_CELL_HEIGHT}" fill="{colour}"/><text class="{ink}" '
            f'x="{x + _CELL_WIDTH - 8}" y="{y + 17}" text-anchor="end">{figure}</text></g>')
