# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk track`: cases over the releases of a kernel line."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailwalk.cli.console import open_progress, show, write
from tailwalk.cli.measure import pool_at
from tailwalk.cli.options import (
    dask_option,
    exact_plan_from,
    exact_plan_options,
    require_writable,
)
from tailwalk.compare.threshold import check_threshold
from tailwalk.errors import ArchiveError, GuestError, KernelError, TailwalkError, UsageError
from tailwalk.kernels.spec import parse_spec, require_measurable
from tailwalk.progress import Progress
from tailwalk.rigs.plan import Plan
from tailwalk.runs.record import encode, write_whole

if TYPE_CHECKING:
    from tailwalk.compare.steps import LeftOut, Track
    from tailwalk.kernels import Kernel
    from tailwalk.runs import Run

# What is wrong with one kernel and says nothing of the others.
_OF_ONE_KERNEL = (ArchiveError, KernelError, GuestError)


@click.command()
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option("--line", metavar="SERIES,...",
              help="Every release of these series that the archive holds and that can boot: 6.18 "
                   "means 6.18.y, 7 means 7.x.")
@click.option("--newest", type=click.IntRange(min=1), metavar="N",
              help="Of each 6.x or 7.x of --line only the newest N.")
@click.option("--threshold", type=float, metavar="PERCENT",
              help="A step is a figure that differs by more from the one before.  [default: 1 "
                   "between kernels of one source, 5 between others]")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table",
              show_default=True, help="json is the track; csv has one line a figure.")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE",
              help="Also draw the chart.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE",
              help="Also write a page with chart, table and steps.")
@click.option("--fresh", is_flag=True, help="Measure again what was measured before.")
@dask_option
@exact_plan_options
def track(specs: tuple[str, ...], line: str | None, newest: int | None,
          threshold: float | None, form: str, svg: Path | None, html: Path | None, fresh: bool,
          dask: str | None, **given: Any) -> None:
    """Follow cases over kernel releases, and name the steps.

    Give the kernels in the order to follow, or --line. A kernel that cannot be had or does not
    boot is left out and named. Kernels measured before are not measured again.
    """
    if bool(specs) == bool(line):
        raise UsageError("give either kernels to follow, or --line, such as --line 6.12,6.18,7.")
    if newest is not None and not line:
        raise UsageError("--newest chooses from --line; the kernels named are followed as they "
                         "are.")
    for spec in specs:
        parse_spec(spec)
    require_measurable(*specs)
    require_writable(svg, html)
    check_threshold(threshold)
    plan = exact_plan_from(given)
    with open_progress() as progress:
        chosen = list(dict.fromkeys(specs)) if specs else _line(str(line), newest, progress)
        runs, left_out = _measure(chosen, plan, fresh=fresh, dask=dask, progress=progress)
    from tailwalk.compare.steps import track as follow

    found = follow(runs, left_out=left_out, threshold=threshold)
    if svg is not None:
        from tailwalk.report.track_svg import track_svg

        write_whole(svg, track_svg(found).encode())
    if html is not None:
        from tailwalk.report.page import page
        from tailwalk.report.page_track import track_section

        write_whole(html, page([track_section(found, runs)]).encode())
    _print(found, runs, form)


def _print(found: Track, runs: Sequence[Run], form: str) -> None:
    if form == "json":
        write(encode(found).decode())
    elif form == "csv":
        from tailwalk.runs.export import to_csv

        write(to_csv(runs))
    else:
        from tailwalk.report.track_table import track_table

        show(lambda console: track_table(found, console))


def _line(line: str, newest: int | None, progress: Progress) -> list[str]:
    from tailwalk.kernels.line import line_of
    from tailwalk.kernels.listing import list_kernels

    series = [one.strip() for one in line.split(",")]
    kernels = line_of(list_kernels(progress=progress).available, series, newest=newest)
    new = [kernel for kernel in kernels if not kernel.cached]
    if new:
        size = sum(kernel.download for kernel in new) / 2**20
        progress.note(f"{len(kernels)} kernels, {len(new)} of them to fetch ({size:.0f} MiB).")
    return [kernel.spec for kernel in kernels]


def _measure(specs: Sequence[str], plan: Plan, *, fresh: bool, dask: str | None,
             progress: Progress) -> tuple[list[Run], list[LeftOut]]:
    """The runs of the kernels that could be measured, in order, and what became of the others."""
    from tailwalk.compare.steps import LeftOut
    from tailwalk.kernels import resolve
    from tailwalk.rigs.bench import Bench
    from tailwalk.rigs.exact import measure_each
    from tailwalk.runs.store import Store

    bench = Bench.prepare(progress=progress)
    kernels: dict[str, Kernel] = {}
    failed: dict[str, TailwalkError] = {}
    for spec in specs:
        try:
            kernels[spec] = resolve(spec, progress=progress)
        except _OF_ONE_KERNEL as error:
            failed[spec] = error
            progress.note(f"{spec} is left out: {error}")
    runs: dict[str, Run] = {}
    names = list(kernels)
    with closing(measure_each(list(kernels.values()), plan, bench=bench,
                              store=Store(progress=progress), fresh=fresh,
                              pool=pool_at(dask))) as finished:
        for number, outcome in finished:
            spec = names[number]
            if not isinstance(outcome, TailwalkError):
                runs[spec] = outcome.run
            elif isinstance(outcome, _OF_ONE_KERNEL):
                failed[spec] = outcome
                progress.note(f"{spec} is left out: {outcome}")
            else:
                raise outcome
    if not runs:
        raise next(iter(failed.values()))
    return [runs[spec] for spec in specs if spec in runs], [
        LeftOut(spec=spec, reason=str(failed[spec]).partition("\n")[0],
                after=sum(other in runs for other in specs[:number]))
        for number, spec in enumerate(specs) if spec in failed]
