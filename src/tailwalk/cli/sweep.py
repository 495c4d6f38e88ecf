# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk sweep`: cost over folio size and place of the write in the folio."""

from __future__ import annotations

from typing import Any

import click

from tailwalk.cases import PLACES, parse_size
from tailwalk.cases.sweep import RANDOM
from tailwalk.cli.console import open_lab
from tailwalk.cli.options import (
    append_option,
    calls_option,
    case_option,
    dask_option,
    filesystem_from,
    filesystem_options,
    fresh_option,
    refuse_conditions,
    size,
)
from tailwalk.cli.outputs import Outputs, json_list, output_options
from tailwalk.compare.sweep import arrange
from tailwalk.lab.plans import sweep_plan
from tailwalk.lab.records import is_spec
from tailwalk.report.sections import sweep_section
from tailwalk.report.sweep import heatmap_svg, sweep_shown
from tailwalk.rigs.plan import SWEEP_CALLS

_FILLS = "4KiB,16KiB,64KiB,256KiB,1MiB,2MiB"


def _parts(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:  # noqa: ARG001
    return [part.strip() for part in value.split(",")]


@click.command()
@click.argument("kernels", nargs=-1, required=True, metavar="SPEC|RUN...")
@case_option("pwrite_u1k", metavar="CASE")
@click.option("--fills", default=_FILLS, callback=_parts, show_default=True, metavar="SIZE,...",
              help="Sizes of the writes that fill the page cache: they decide folio order.")
@click.option("--offsets", "places", default="first,quarter,half,last,random", callback=_parts,
              show_default=True, metavar="PLACE,...",
              help=f"Where in the folio: {', '.join(PLACES)}, {RANDOM}, or an offset.")
@click.option("--partial", is_flag=True,
              help="Leave every folio of two pages or more not uptodate.")
@click.option("--file-size", type=size, default="10MiB", show_default=True,
              help="Size of the file.")
@calls_option(SWEEP_CALLS, "Calls counted for each cell.")
@append_option
@output_options("table", "json", form_help="json is the list of the kernels' records.",
                record="Also write the list of the kernels' records to this file.",
                svg="Also draw the heat maps.",
                html="Also write heat maps and laws as one self-contained page.")
@fresh_option
@dask_option
@filesystem_options
def sweep(kernels: tuple[str, ...], fresh: bool, dask: str | None, **given: Any) -> None:
    """Measure a case over folio size and place in the folio.

    Prints for each kernel a heat map and the law that its cells follow: what a buffer before, in
    and after the write costs. The first kernel is the baseline of what is recovered. A cell whose
    folio is not what was asked for stands in parentheses and is not used.
    """
    outputs = Outputs().check(read=kernels)
    refuse_conditions(kernels, given)
    plan = None
    if any(map(is_spec, kernels)):
        filesystem = filesystem_from(given)
        fills = [parse_size(text) for text in given.pop("fills")]
        plan = sweep_plan(fills=fills, filesystem=filesystem, **given)
    with open_lab(fresh=fresh, dask=dask) as lab:
        runs = lab.runs(kernels, plan)
    arranged = arrange(runs)
    outputs.put(lambda: sweep_shown(arranged), record=lambda: json_list(runs),
                svg=lambda: heatmap_svg(arranged), sections=lambda: [sweep_section(arranged, runs)])
