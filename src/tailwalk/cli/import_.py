# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk runs import`: records from elsewhere, and another benchmark's output as runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tailwalk.cases import Filesystem
from tailwalk.cli.console import open_progress, say, show, write
from tailwalk.cli.options import options_given, size
from tailwalk.errors import RecordError, UsageError
from tailwalk.runs.record import UNKNOWN, read_bytes
from tailwalk.runs.store import Store, keep_copies

_UNSAID = ("kernel", "fs", "fs_block_size", "mount_options", "fill", "file_size")
"""The parameters for what a record says and libMicro's output does not."""


@click.command(name="import")
@click.argument("sources", nargs=-1, required=True, metavar="FILE|DIR...",
                type=click.Path(path_type=Path))
@click.option("--from", "benchmark", type=click.Choice(["libmicro"]),
              help="The files are no records but this benchmark's output; the options from "
                   "--kernel to --file-size say what it does not.")
@click.option("--kernel", metavar="NAME",
              help="What to call the kernel of output that has no header.")
@click.option("--fs", default=UNKNOWN, show_default=True,
              help="The file system it was measured on.")
@click.option("--fs-block-size", type=size, default=None, help="Its block size.")
@click.option("--mount-options", default="", help="Its mount options.")
@click.option("--fill", type=size, default="1MiB", show_default=True,
              help="Size of the writes that cached the file.")
@click.option("--file-size", type=size, default="10MiB", show_default=True,
              help="Size of the file.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
              help="Where to write the records.  [default: the results directory]")
def import_(sources: tuple[Path, ...], benchmark: str | None, output: Path | None,
            **unsaid: Any) -> None:
    """Keep copies of records from elsewhere: files, or all *.json files in directories.

    A file that is no run, or is damaged, is named and left out; the status is then 2.

    With --from libmicro, the files are what libMicro's bench script or its programs print. There is
    one run for each kernel that they name (!OS_release). Each result of a case is a sample; three
    and more a kernel give intervals, four and more a test, so import several files of each. The
    names of the records are printed: compare them with tailwalk compare.
    """
    if output is not None and not output.is_dir():
        raise RecordError(f"there is no directory {output} to write records to: make it first.")
    if benchmark is not None:
        _import_libmicro(sources, Store(output), **unsaid)
        return
    if given := options_given(_UNSAID):
        raise UsageError(f"{', '.join(given)}: a record says that itself. Leave it out, or say "
                         "--from libmicro of files that libMicro wrote.")
    with open_progress() as progress:
        done = keep_copies(Store(output, progress=progress), sources, progress=progress)
    say(f"{done.added} kept, {done.there} there before.")
    if done.failed:
        raise RecordError(f"{done.failed} of {done.added + done.there + done.failed} files could "
                          "not be imported; they are named above.")


def _import_libmicro(sources: tuple[Path, ...], store: Store, *, kernel: str | None, fs: str,
                     fs_block_size: int | None, mount_options: str, fill: int,
                     file_size: int) -> None:
    from tailwalk.report.comparison import run_shown
    from tailwalk.runs.libmicro import import_libmicro

    texts = {str(path): read_bytes(path).decode("utf-8", "replace") for path in sources}
    filesystem = Filesystem(kind=fs, block_size=fs_block_size or (0 if fs == UNKNOWN else 4096),
                            mount_options=mount_options)
    imported = import_libmicro(texts, kernel=kernel, filesystem=filesystem, fill=fill,
                               file_size=file_size)
    for run in imported.runs:
        show(run_shown(run))
        known = store.find(run.inputs)
        path = store.path(known or run)
        if known is None:
            store.add(run)
        write(f"\n{path}\n\n")
    for clause in imported.left_out:
        say(f"left out: {clause}", aside=True)
