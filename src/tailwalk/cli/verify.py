# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk verify`: random operations and power cuts against a kernel's ext4."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from tailwalk.cli.console import open_lab
from tailwalk.cli.options import append_option, number
from tailwalk.cli.outputs import Outputs, output_options
from tailwalk.errors import UsageError
from tailwalk.files import try_replacing
from tailwalk.verify import Goal, find_configurations
from tailwalk.verify import verify as run_verification
from tailwalk.verify.record import encode
from tailwalk.verify.session import DEFAULT_MEMORY, Manner
from tailwalk.verify.text import verification_text
from tailwalk.verify.verify import MOST_FAILING_WRITES, MOST_WRITERS, Engine

_OPERATIONS = 20_000
_POWER_CUTS = 10


@click.command()
@click.argument("spec", metavar="SPEC")
@click.option("--operations", type=number(0), default=None, metavar="N",
              help=f"Random operations, shared among the configurations.  [default: {_OPERATIONS}, "
                   "or as many as --seconds leaves time for]")
@click.option("--power-cuts", type=number(0), default=None, metavar="N",
              help=f"Guests to kill while they write.  [default: {_POWER_CUTS}, or as many as "
                   "--seconds leaves time for]")
@click.option("--seconds", type=number(0, whole=False), default=None, metavar="N",
              help="Begin nothing more after so many seconds.")
@click.option("--first", type=number(0), default=1, show_default=True, metavar="N",
              help="The number of the first session: one of the same number does the same "
                   "operations.")
@click.option("--config", "configurations", multiple=True, metavar="NAME",
              help="A configuration, such as 1k-journal, or all with a part of the name, such as "
                   "1k or journal; may be repeated.  [default: all]")
@click.option("--engine", type=click.Choice(get_args(Engine)), default="auto", show_default=True,
              help="What QEMU runs the guests with; auto is KVM where it works.")
@click.option("--memory", type=number(64, 65536), default=DEFAULT_MEMORY, show_default=True,
              metavar="MIB", help="Memory of a guest, at least 64.")
@click.option("--fail-allocations", "failing", type=number(0, 50), default=0,
              metavar="PERCENT",
              help="Share of the allocations in writes that fail, on a debug: kernel; 0 to 50.")
@click.option("--writers", type=number(1, MOST_WRITERS), default=1, show_default=True, metavar="N",
              help="Processes that write to the same files, each its own bytes of every block; "
                   f"1 to {MOST_WRITERS}.")
@click.option("--direct", is_flag=True, help="Have direct I/O among the operations.")
@click.option("--fail-writes", "failing_writes", type=number(0, MOST_FAILING_WRITES), default=0,
              metavar="PERCENT",
              help="Share of the disk's writes that fail before power cuts, with --operations 0; "
                   f"0 to {MOST_FAILING_WRITES}.")
@append_option
@click.option("--workers", type=number(1, 1024), default=None, metavar="N",
              help="Guests side by side, at least 1.  [default: one for each core]")
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIRECTORY",
              help="Keep the disk image of a finding here.")
@output_options("text", "json", form_help="json is the record itself.",
                record="Also write the record to this file.")
@click.pass_context
def verify(context: click.Context, spec: str, *, operations: int | None, power_cuts: int | None,
           seconds: float | None, first: int, configurations: tuple[str, ...], engine: Engine,
           memory: int, append: str, failing: int, writers: int, direct: bool,
           failing_writes: int, workers: int | None, keep: Path | None) -> None:
    """Put a kernel under data-integrity tests.

    Random writes, truncations, holes, syncs, dropped caches, remounts and memory pressure on files
    with large folios, compared with a shadow copy; and power cuts, after which everything that was
    made durable must be there. Status 0: nothing was found; 1: something was, and the output says
    how to replay it.
    """
    if seconds is None:
        operations = _OPERATIONS if operations is None else operations
        power_cuts = _POWER_CUTS if power_cuts is None else power_cuts
    goal = Goal(operations=operations, power_cuts=power_cuts, seconds=seconds).check()
    chosen = find_configurations(configurations)
    outputs = Outputs().check()
    if keep is not None:
        try:
            keep.mkdir(parents=True, exist_ok=True)
            try_replacing(keep / "image")
        except OSError as error:
            raise UsageError(f"--keep {keep}: nothing can be kept there "
                             f"({error.strerror}).") from error
    with open_lab() as lab:
        verification = run_verification(
            lab.kernel(spec), goal, configurations=chosen, seed=first, engine=engine, memory=memory,
            append=append, keep=keep, workers=workers, progress=lab.progress,
            manner=Manner(failing=failing, writers=writers, direct=direct,
                          failing_writes=failing_writes))
    outputs.put(lambda: verification_text(verification), record=lambda: encode(verification))
    if verification.finding is not None:
        context.exit(1)
