# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk model`: is a design of the walk right, and what does it cost?"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from tailwalk.cases import Filesystem
from tailwalk.cli.console import open_lab, open_progress, show, tell, write
from tailwalk.cli.options import case_option, cases_from, condition_options, number, size
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.cli.suggestions import SuggestingGroup
from tailwalk.errors import UsageError
from tailwalk.lab.records import read_arguments
from tailwalk.model.words import MODES, Mode
from tailwalk.report.grid import Grid, Shown

if TYPE_CHECKING:
    from tailwalk.model.predict import Place


@click.group(cls=SuggestingGroup)
def model() -> None:
    """Check designs of the walk and predict their cost, without a kernel; replay holds the model
    against one.

    Designs: full (to v7.2), tail (upstream's, from v7.3), seek, span, flush, bitmap (iomap's),
    and wrong ones, which a check must catch: cut-always, off-by-one, clean-commit, and of
    writeback forget-early, forget-chosen, keep-none, mark-late, peek, end-early, count-late and
    track-early.
    """


_modes_option = click.option(
    "--mode", "modes", multiple=True, type=click.Choice(MODES),
    help="Mode of the file system; may be repeated.  [default: all]")


def _tell_all(parts: Iterable[str | Grid]) -> None:
    """Write lines and tables."""
    for part in parts:
        if isinstance(part, str):
            tell(f"{part}\n")
        else:
            show(Shown(title="", parts=[part]))


@model.command()
@click.argument("design")
@click.option("--against", default="full", show_default=True, metavar="DESIGN",
              help="The design that it has to be equivalent to.")
@click.option("--buffers", type=number(1, 4096), default=4, show_default=True,
              help="Buffers in the largest ring explored, 1 to 4096.")
@click.option("--depth", type=number(0, 1000), default=6, show_default=True,
              help="Moves explored in that ring, 0 to 1000.")
@_modes_option
@click.option("--fs-block-size", "block_size", type=size, default="4KiB", show_default=True,
              help="Block size in that ring.")
def check(design: str, against: str, buffers: int, depth: int, modes: tuple[Mode, ...],
          block_size: int) -> None:
    """Explore every state of two designs side by side, within bounds.

    Exits 1 where they are not equivalent, with a shortest run that shows it.
    """
    from tailwalk.model.check import check as run_check
    from tailwalk.model.designs import find_design
    from tailwalk.model.telling import tell_check

    begun = time.process_time()
    with open_progress() as progress:
        done = run_check(find_design(design), find_design(against), modes=modes or MODES,
                         buffers=buffers, depth=depth, block_size=block_size, progress=progress)
        seconds = time.process_time() - begun
        progress.note(f"{done.transitions:,} transitions in {seconds:.1f} CPU seconds, "
                      f"{done.transitions / seconds:,.0f} a second")
    _tell_all(tell_check(done))
    if not done.equivalent:
        sys.exit(1)


@model.command()
@click.argument("design")
def prove(design: str) -> None:
    """Prove for a ring of any length that a design's walks do what the full walks do.

    By induction over the walk, with z3 (the extra `proof`). For flush also that writeback does the
    same, whoever marks buffers meanwhile. Exits 1 where an obligation fails, with a
    counterexample.
    """
    from tailwalk.model.proof import prove as run_proof
    from tailwalk.model.telling import tell_proof

    proof = run_proof(design)
    _tell_all(tell_proof(proof))
    if not proof.holds:
        sys.exit(1)


@model.command()
@click.argument("spec", metavar="SPEC")
@click.option("--design", default="full", show_default=True,
              help="The design of the kernel's walks.")
@click.option("--sequences", type=number(), default=1000, show_default=True, metavar="N",
              help="Random sequences, of 20 steps each.")
@click.option("--first", type=number(), default=1, show_default=True, metavar="N",
              help="The number of the first sequence: one of the same number has the same steps.")
@_modes_option
@click.option("--fs-block-size", "block_size", type=size, default=None,
              help="Block size.  [default: 1KiB and 4KiB]")
@click.option("--workers", type=number(1, 1024), default=None, metavar="N",
              help="Guests side by side, at least 1.  [default: one for each core]")
def replay(spec: str, design: str, sequences: int, first: int, modes: tuple[Mode, ...],
           block_size: int | None, workers: int | None) -> None:
    """Replay random sequences of system calls on a kernel, and compare it with the model.

    After every step: the call's result, the file's size, its bytes as far as they are cached, its
    data and holes, and the flags of its folio. Exits 1 at a difference, with the steps that it
    takes.
    """
    from tailwalk.conformance import SHAPES, ReplayGoal, replayable
    from tailwalk.conformance import replay as run_replay
    from tailwalk.conformance.text import tell_replay
    from tailwalk.model.designs import find_design

    goal = ReplayGoal(sequences=sequences, seed=first, shapes=tuple(
        shape for shape in SHAPES
        if shape.mode in (modes or MODES) and block_size in (None, shape.block_size))).check()
    chosen = replayable(find_design(design))
    with open_lab() as lab:
        done = run_replay(lab.kernel(spec), chosen, goal, workers=workers, progress=lab.progress)
        lab.progress.note(f"{done.tally.sequences:,} sequences in {done.seconds:.1f} s")
    _tell_all(tell_replay(done))
    if done.finding is not None:
        sys.exit(1)


@model.command()
@case_option("pwrite_u1k", help="What to predict; may be repeated.")
@click.option("-d", "--design", "designs", multiple=True, default=("full", "tail"),
              show_default="full, tail", metavar="DESIGN",
              help="With which walks; may be repeated.")
@click.option("--fs-block-size", type=size, default="4KiB", show_default=True,
              help="Block size of the file system.")
@condition_options
@click.option("--folio", type=size, default=None, metavar="SIZE",
              help="Size of the folios.  [default: what --fill asks for]")
@click.option("--calibrate", metavar="RUN",
              help="Also predict instructions, with coefficients from this run: a record's file, "
                   "what sweep --format json writes of one kernel, or a kept run's id.")
@click.option("--check", "checks", multiple=True, metavar="RUN",
              help="Predict every cell of another run of that kernel; may be repeated.")
@output_options("table", "csv", form_help="csv has the counts and figures in full.")
def predict(designs: tuple[str, ...], fs_block_size: int, folio: int | None,
            calibrate: str | None, checks: tuple[str, ...], **given: Any) -> None:
    """Predict what a call costs: visits exactly, and instructions from a run.

    --offset random stands for the mean over all blocks of a folio. With --calibrate, every cell
    of the run is shown first, beside what the model says of it, then the cells of --check, which
    the coefficients know nothing of.
    """
    from tailwalk.model.calibrate import calibrate as fit
    from tailwalk.model.designs import find_design
    from tailwalk.model.predict import RANDOM, cost_of
    from tailwalk.model.telling import tell_calibration, tell_costs, tell_costs_csv

    if checks and calibrate is None:
        raise UsageError("--check compares figures with predictions, which --calibrate makes: "
                         "give both.")
    place: Place | None = None
    if given["offset"] == RANDOM:
        place, given["offset"] = RANDOM, "first"
    cases = cases_from(given, Filesystem(block_size=fs_block_size).check())
    costs = [cost_of(case, find_design(design), block_size=fs_block_size, folio=folio, place=place)
             for case in cases for design in designs]
    calibration = None
    if calibrate is not None:
        runs = read_arguments(calibrate)
        if len(runs) != 1:
            raise UsageError(f"--calibrate {calibrate}: it holds {len(runs)} runs, and "
                             "coefficients are one kernel's: sweep one kernel into the file.")
        calibration = fit(runs[0])
    figures = (None if calibration is None
               else [calibration.instructions(cost) for cost in costs])
    if Outputs().form == "csv":
        write("".join(f"{line}\n" for line in tell_costs_csv(costs, figures)))
        return
    if calibration is not None:
        _tell_all(tell_calibration(calibration, [
            (run, calibration.predict(run)) for argument in checks
            for run in read_arguments(argument)]))
        write("\n")
    _tell_all(tell_costs(costs, figures, calibration))
