# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk sweep`: cost over folio size and place of the write in the folio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from tailwalk.cases import PLACES, Case, find_cases, parse_size
from tailwalk.cases.sweep import RANDOM, sweep_cases
from tailwalk.cli.console import open_progress, show, write
from tailwalk.cli.measure import is_spec, refuse_conditions, runs_for
from tailwalk.cli.options import (
    dask_option,
    filesystem_from,
    filesystem_options,
    require_writable,
    size,
)
from tailwalk.errors import UsageError
from tailwalk.report.heatmap import sweep_maps
from tailwalk.rigs.plan import SWEEP_CALLS, Plan
from tailwalk.runs.record import encode, write_whole

_FILLS = "4KiB,16KiB,64KiB,256KiB,1MiB,2MiB"


@click.command()
@click.argument("kernels", nargs=-1, required=True, metavar="SPEC|RUN...")
@click.option("-c", "--case", "names", multiple=True, default=("pwrite_u1k",),
              show_default="pwrite_u1k", metavar="CASE", help="What to measure; may be repeated.")
@click.option("--fills", default=_FILLS, show_default=True, metavar="SIZE,...",
              help="Sizes of the writes that fill the page cache: they decide folio order.")
@click.option("--offsets", default="first,quarter,half,last,random", show_default=True,
              metavar="PLACE,...",
              help=f"Where in the folio: {', '.join(PLACES)}, {RANDOM}, or an offset.")
@click.option("--partial", is_flag=True,
              help="Leave every folio of two pages or more not uptodate.")
@click.option("--file-size", type=size, default="10MiB", show_default=True,
              help="Size of the file.")
@click.option("--calls", type=int, default=SWEEP_CALLS, show_default=True,
              help="Calls counted for each cell.")
@click.option("--append", default="", metavar="TEXT",
              help="More kernel parameters for the guest.")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE",
              help="Also draw the heat maps.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE",
              help="Also write heat maps and laws as one self-contained page.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table",
              show_default=True, help="json is a list of the kernels' records.")
@click.option("--fresh", is_flag=True, help="Measure again what was measured before.")
@dask_option
@filesystem_options
def sweep(kernels: tuple[str, ...], form: str, svg: Path | None, html: Path | None,
          fresh: bool, dask: str | None, **given: Any) -> None:
    """Measure a case over folio size and place in the folio.

    Prints for each kernel a heat map and the law that its cells follow: what a buffer before, in
    and after the write costs. The first kernel is the baseline of what is recovered. A cell whose
    folio is not what was asked for stands in parentheses and is not used.
    """
    require_writable(svg, html, read=kernels)
    refuse_conditions(kernels, given)
    plan = _plan(given) if any(map(is_spec, kernels)) else None
    with open_progress() as progress:
        runs = runs_for(kernels, plan, fresh=fresh, dask=dask, progress=progress)
    from tailwalk.compare.sweep import arrange

    arranged = arrange(runs)
    if svg is not None:
        from tailwalk.report.heatmap_svg import heatmap_svg
        write_whole(svg, heatmap_svg(arranged).encode())
    if html is not None:
        from tailwalk.report.page import page
        from tailwalk.report.page_sweep import sweep_section
        write_whole(html, page([sweep_section(arranged, runs)]).encode())
    if form == "json":
        write("[\n" + ",\n".join(encode(run).decode().rstrip() for run in runs) + "\n]\n")
    else:
        show(lambda console: sweep_maps(arranged, console))


def _plan(given: dict[str, Any]) -> Plan:
    filesystem = filesystem_from(given)
    fills = [parse_size(text) for text in given["fills"].split(",")]
    places = [text.strip() for text in given["offsets"].split(",")]
    cases: list[Case] = []
    for case in find_cases(given["names"]):
        sized = msgspec.structs.replace(case, file_size=given["file_size"])
        cases += sweep_cases(sized, fills=fills, places=places, filesystem=filesystem,
                             partial=given["partial"])
    if not cases:
        raise UsageError("no cell is left: with --partial, give --offsets that spare the last "
                         "page of a folio, such as first or half.")
    return Plan(cases=cases, filesystem=filesystem, calls=given["calls"],
                append=given["append"]).check()
