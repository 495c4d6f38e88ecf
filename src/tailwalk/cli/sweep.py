# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk sweep`: cost over folio size and place of the write in the folio."""

from __future__ import annotations

from typing import Any

import click

from tailwalk.cases import PLACES, Case, find_cases, parse_size
from tailwalk.cases.sweep import RANDOM, sweep_cases
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
from tailwalk.cli.outputs import Outputs, file_option, format_option, json_list
from tailwalk.compare.sweep import arrange
from tailwalk.errors import UsageError
from tailwalk.lab.records import is_spec
from tailwalk.report.heatmap import sweep_maps
from tailwalk.rigs.plan import SWEEP_CALLS, Plan

_FILLS = "4KiB,16KiB,64KiB,256KiB,1MiB,2MiB"


@click.command()
@click.argument("kernels", nargs=-1, required=True, metavar="SPEC|RUN...")
@case_option("pwrite_u1k", metavar="CASE")
@click.option("--fills", default=_FILLS, show_default=True, metavar="SIZE,...",
              help="Sizes of the writes that fill the page cache: they decide folio order.")
@click.option("--offsets", default="first,quarter,half,last,random", show_default=True,
              metavar="PLACE,...",
              help=f"Where in the folio: {', '.join(PLACES)}, {RANDOM}, or an offset.")
@click.option("--partial", is_flag=True,
              help="Leave every folio of two pages or more not uptodate.")
@click.option("--file-size", type=size, default="10MiB", show_default=True,
              help="Size of the file.")
@calls_option(SWEEP_CALLS, "Calls counted for each cell.")
@append_option
@file_option("--svg", help="Also draw the heat maps.")
@file_option("--html", help="Also write heat maps and laws as one self-contained page.")
@format_option("table", "json", help="json is a list of the kernels' records.")
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
    plan = _plan(given) if any(map(is_spec, kernels)) else None
    with open_lab(fresh=fresh, dask=dask) as lab:
        runs = lab.runs(kernels, plan)
    arranged = arrange(runs)

    def drawing() -> str:
        from tailwalk.report.heatmap_svg import heatmap_svg

        return heatmap_svg(arranged)

    def page_text() -> str:
        from tailwalk.report.page import page
        from tailwalk.report.page_sweep import sweep_section

        return page([sweep_section(arranged, runs)])

    outputs.save("svg", drawing)
    outputs.save("html", page_text)
    outputs.show(lambda console: sweep_maps(arranged, console), json=lambda: json_list(runs))


def _plan(given: dict[str, Any]) -> Plan:
    filesystem = filesystem_from(given)
    fills = [parse_size(text) for text in given["fills"].split(",")]
    places = [text.strip() for text in given["offsets"].split(",")]
    cases: list[Case] = []
    for case in find_cases(given["names"]):
        sized = case.changed(file_size=given["file_size"])
        cases += sweep_cases(sized, fills=fills, places=places, filesystem=filesystem,
                             partial=given["partial"])
    if not cases:
        raise UsageError("no cell is left: with --partial, give --offsets that spare the last "
                         "page of a folio, such as first or half.")
    return Plan(cases=cases, filesystem=filesystem, calls=given["calls"],
                append=given["append"]).check()
