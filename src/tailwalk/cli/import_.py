# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk import`: other benchmarks' output into runs."""

from __future__ import annotations

from pathlib import Path

import click

from tailwalk.cases import Filesystem
from tailwalk.cli.console import say, show, write
from tailwalk.cli.options import size
from tailwalk.cli.suggestions import SuggestingGroup
from tailwalk.errors import RecordError
from tailwalk.runs.libmicro import import_libmicro
from tailwalk.runs.record import UNKNOWN, read_bytes


@click.group(cls=SuggestingGroup)
def import_() -> None:
    """Read another benchmark's output into runs."""


@import_.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...",
                type=click.Path(path_type=Path))
@click.option("--kernel", metavar="NAME",
              help="What to call the kernel of output that has no header.")
@click.option("--fs", default=UNKNOWN, show_default=True,
              help="The file system it was measured on; libMicro does not say.")
@click.option("--fs-block-size", type=size, default=None, help="Its block size.")
@click.option("--mount-options", default="", help="Its mount options.")
@click.option("--fill", type=size, default="1MiB", show_default=True,
              help="Size of the writes that cached the file.")
@click.option("--file-size", type=size, default="10MiB", show_default=True,
              help="Size of the file.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
              help="Where to write the records.  [default: the results directory]")
def libmicro(files: tuple[Path, ...], kernel: str | None, fs: str, fs_block_size: int | None,
             mount_options: str, fill: int, file_size: int, output: Path | None) -> None:
    """Read libMicro's output: what its bench script or its write, pwrite and writev print.

    There is one run for each kernel that the files name (!OS_release). Each result of a case is a
    sample; three and more a kernel give intervals, four and more a test, so import several files
    of each. The names of the records are printed: compare them with tailwalk compare.
    """
    from tailwalk.report.comparison import run_shown
    from tailwalk.runs.store import Store

    texts = {str(path): read_bytes(path).decode("utf-8", "replace") for path in files}
    filesystem = Filesystem(kind=fs, block_size=fs_block_size or (0 if fs == UNKNOWN else 4096),
                            mount_options=mount_options)
    imported = import_libmicro(texts, kernel=kernel, filesystem=filesystem, fill=fill,
                               file_size=file_size)
    if output is not None and not output.is_dir():
        raise RecordError(f"there is no directory {output} to write records to: make it first.")
    store = Store(output)
    for run in imported.runs:
        show(run_shown(run))
        known = store.find(run.inputs)
        path = store.path(known or run)
        if known is None:
            store.add(run)
        write(f"\n{path}\n\n")
    for clause in imported.left_out:
        say(f"left out: {clause}", aside=True)
