# SPDX-License-Identifier: GPL-2.0-or-later
"""What a database pays the kernel for a transaction, on several kernels.

    python benchmarks/databases.py [SPEC...] [--only LOAD]

Runs database_load.c (linked with Debian's libsqlite3-dev) under `tailwalk exec` and prints one
table: kernel instructions a transaction or write, the kernel's own threads (journal, writeback)
included, each with its ratio to the first SPEC's. Every figure is the difference of two runs, of
which one ends before the counted transactions: what comes before them is in both. The same
kernels and probe give the same table; another probe moved the figures by up to 0.2%.
"""

from __future__ import annotations

import argparse
import contextlib
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tailwalk.cases import KIB, Filesystem, show_size
from tailwalk.compiling import compiler
from tailwalk.kernels import Kernel
from tailwalk.kernels.symbols import read_symbols
from tailwalk.lab.lab import Lab
from tailwalk.programs.plan import ExecPlan
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import as_finished
from tailwalk.rigs.exec import execute
from tailwalk.rigs.recording import symbol_text
from tailwalk.rigs.running import Gathered
from tailwalk.vm.qemu import plugin_interface

SPECS = ("src:6.12", "src:6.18", "src:6.18+tail", "src:6.18+span", "src:7.3", "src:7.3+span")
HERE = Path(__file__).parent
PACKAGE = HERE.parent / "src" / "tailwalk"
PROGRAM = Path("database_load")

# Up to v6.13 long runs are computed by crc_pcl().
CHECKSUMS = ("crc32", "crc_pcl")
WRITE_WALKS = {"ext4_block_write_begin", "block_commit_write", "__block_commit_write"}
WRITEBACK_WALKS = {"mpage_process_page_bufs", "ext4_bio_write_folio", "ext4_finish_bio"}


@dataclass(frozen=True, kw_only=True)
class Load:
    """A row of the table; `name`, `cached` and `mib` are database_load.c's arguments, as are
    `warm` and `counted`, transactions or writes."""

    name: str
    text: str
    cached: str
    mib: int
    warm: int
    counted: int
    block_size: int = 4 * KIB


def _sqlite(name: str, text: str, warm: int, counted: int) -> Iterator[Load]:
    for cached in ("read", "2097152"):
        yield Load(name=name, text=f"SQLite, {text}", cached=cached, mib=32, warm=warm,
                   counted=counted)


def _overwrites(name: str, text: str) -> Iterator[Load]:
    for block_size, cached in ((4 * KIB, "read"), (4 * KIB, "2097152"), (1 * KIB, "2097152")):
        yield Load(name=name, text=text, cached=cached, mib=64, warm=512, counted=2048,
                   block_size=block_size)


# SQLite copies a WAL to the database after every 1,000 pages: once in 1,000 transactions.
LOADS = (
    *_sqlite("rollback", "rollback journal", 100, 400),
    *_sqlite("wal", "WAL", 1000, 1000),
    *_sqlite("wal-normal", "WAL, synchronous=NORMAL", 1000, 1000),
    *_overwrites("overwrite-sync", "8 KiB overwrites, fdatasync every 32"),
    *_overwrites("overwrite", "8 KiB overwrites, never synced"),
)


@dataclass(frozen=True)
class Cell:
    """Kernel instructions a transaction or write by function, and the cached pages by the order of
    their folios."""

    functions: Counter[str]
    pages: dict[int, int]
    each: int

    def total(self) -> float:
        """All of them."""
        return self.functions.total() / self.each

    def checksums(self) -> float:
        """Those of the checksums of ext4's metadata and journal."""
        return sum(count for name, count in self.functions.items()
                   if any(part in name for part in CHECKSUMS)) / self.each

    def of(self, names: set[str]) -> float:
        """Those in the functions named."""
        return sum(self.functions[name] for name in names) / self.each

    def order(self) -> int:
        """The order of the folios that hold most of the file."""
        return max(self.pages, key=lambda order: self.pages[order])


def build(plugin: Path, interface: int) -> None:
    """Compile the program and the plugin to the working directory."""
    cc = compiler()
    subprocess.run([cc, "-O2", "-Wall", "-Wextra", "-static", "-I", PACKAGE / "probe", "-o",
                    PROGRAM, HERE / "database_load.c", PACKAGE / "probe" / "folios.c",
                    PACKAGE / "probe" / "pages.c", "-lsqlite3", "-lm"],
                   check=True, stderr=subprocess.DEVNULL)
    subprocess.run([cc, "-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-fvisibility=hidden",
                    f"-DAPI={interface}", "-I", PACKAGE / "plugins", "-o", plugin,
                    HERE / "address_counts.c"], check=True)


@dataclass(frozen=True)
class Ran:
    """A run: the kernel's instructions by address, the same in one number as `tailwalk exec` counts
    them, and the cached pages by order."""

    addresses: dict[int, int]
    instructions: int
    pages: dict[int, int]


def run(kernel: Kernel, load: Load, counted: int, *, bench: Bench, plugin: Path) -> Ran:
    """Run the program with so many counted transactions or writes."""
    with tempfile.NamedTemporaryFile() as output:
        value = f"{plugin},output={output.name}"
        said = Gathered()
        done = execute(kernel, ExecPlan(
            program=PROGRAM, filesystem=Filesystem(block_size=load.block_size),
            arguments=(load.name, load.cached, str(load.mib), str(load.warm), str(counted))),
            bench=bench, plugins=[value], sink=said.take)
        if done.execution.status != 0:
            sys.exit(f"{load} on {kernel.spec} failed: {said.stderr.decode()}")
        content = output.read()
    found = done.execution.instructions
    lines = (line.split() for line in said.stdout.decode().splitlines())
    return Ran(dict(struct.iter_unpack("=QQ", content)), found.kernel + found.others,
               {int(order): int(pages) for order, pages in lines})


def measure(kernel: Kernel, load: Load, *, bench: Bench, plugin: Path) -> Cell:
    """A cell of the table."""
    before = run(kernel, load, 0, bench=bench, plugin=plugin)
    after = run(kernel, load, load.counted, bench=bench, plugin=plugin)
    booted = bench.boot(kernel, Filesystem(block_size=load.block_size))
    symbols = read_symbols(symbol_text(bench, kernel, booted), kernel.spec)
    functions: Counter[str] = Counter()
    for address in before.addresses.keys() | after.addresses.keys():
        function = symbols.find(address)
        functions[function.name if function else "?"] += (
            after.addresses.get(address, 0) - before.addresses.get(address, 0))
    expected = after.instructions - before.instructions
    if abs(functions.total() - expected) > expected / 1000:
        sys.exit(f"{load} on {kernel.spec}: {functions.total()} instructions by address, "
                 f"{expected} by task.")
    return Cell(functions, after.pages, load.counted)


def row(load: Load, cells: list[Cell]) -> str:
    """A line of the table; the walks are those on the second kernel."""
    first = cells[0].total()
    second = cells[min(1, len(cells) - 1)]
    orders = [str(cell.order()) for cell in cells]
    way = "read in" if load.cached == "read" else f"written by {show_size(int(load.cached))}"
    return " | ".join([
        f"| {load.text}", show_size(load.block_size), way,
        orders[0] + (f" / {'/'.join(dict.fromkeys(orders[1:]))}" if orders[1:] else ""),
        *(f"{cell.total():,.0f} ({cell.total() / first:.2f})" for cell in cells),
        f"{second.of(WRITE_WALKS):,.0f} + {second.of(WRITEBACK_WALKS):,.0f} |"])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("specs", nargs="*", default=SPECS, metavar="SPEC")
    parser.add_argument("--only", choices=sorted({load.name for load in LOADS}))
    parser.add_argument("--functions", type=int, default=0, metavar="N",
                        help="name the N dearest functions of each cell too")
    given = parser.parse_args()
    loads = [load for load in LOADS if given.only in (None, load.name)]
    lab = Lab()
    kernels, bench = [lab.kernel(spec) for spec in given.specs], lab.bench
    cells: dict[int, Cell] = {}
    work = [(kernel, load) for load in loads for kernel in kernels]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        plugin = Path(folder) / "address_counts.so"
        build(plugin, plugin_interface(bench.qemu))
        jobs = [partial(measure, kernel, load, bench=bench, plugin=plugin)
                for kernel, load in work]
        for number, outcome in as_finished(jobs):
            if not isinstance(outcome, Cell):
                raise outcome
            cells[number] = outcome
            kernel, load = work[number]
            print(f"{len(cells)} of {len(work)}: {load.text}, {load.cached}, {load.block_size}, "
                  f"{kernel.spec}: {outcome.total():,.0f}", file=sys.stderr, flush=True)
    print("| load | blocks | in the page cache | order | " + " | ".join(given.specs)
          + " | walks of the write + of its writeback |")
    print("|---" * (5 + len(kernels)) + "|")
    for at, load in enumerate(loads):
        print(row(load, [cells[at * len(kernels) + of] for of in range(len(kernels))]))
    for number, (kernel, load) in enumerate(work):
        for name, count in cells[number].functions.most_common(given.functions):
            print(f"{kernel.spec}, {load.text}, {load.cached}, {load.block_size}: {name} "
                  f"{count / load.counted:,.0f}")
    for at, spec in enumerate(given.specs):
        sums = [cells[number].checksums() for number in range(at, len(work), len(kernels))]
        print(f"of which checksums on {spec}: {min(sums):,.0f} to {max(sums):,.0f}")


if __name__ == "__main__":
    main()
