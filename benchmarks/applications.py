# SPDX-License-Identifier: GPL-2.0-or-later
"""What applications pay the kernel for a transaction, a write or a tree of files.

    python benchmarks/applications.py DIRECTORY [LOAD...]

Runs every load of loads/ under `tailwalk exec` and keeps its record in the directory, as
LOAD-debian.json and LOAD-src.json: what is there already is not run again. `tailwalk exec
DIRECTORY/LOAD-debian.json` shows one; `python tests/docs/application_tables.py DIRECTORY` makes
the tables of the documentation of all. What the loads begin with (a server's data, a database, a
repository) is made in a guest once, and kept there too.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tailwalk.cases import KIB, Filesystem, show_size
from tailwalk.cli.console import open_progress
from tailwalk.compiling import compiler
from tailwalk.errors import TailwalkError
from tailwalk.files import replace_file
from tailwalk.lab.lab import Lab
from tailwalk.programs.plan import ExecPlan
from tailwalk.region import build_region_program, region_header
from tailwalk.rigs.cores import collected
from tailwalk.rigs.programs import Asked
from tailwalk.rigs.running import Gathered
from tailwalk.runs.program import Program, joined
from tailwalk.runs.record import encode

LOADS = Path(__file__).with_name("loads")
DEBIAN = ("debian:6.12", "debian:6.18", "debian:7.3")
SOURCE = ("src:6.12", "src:6.18", "src:6.18+tail", "src:6.18+span", "src:6.18+flush", "src:7.3",
          "src:7.3+span", "src:7.3+flush")
KERNELS = {"debian": DEBIAN, "src": SOURCE}

_SMALL = ("sqlite3", "redis-server", "git", "tar")
_DATA = {"base": ("sqlite_data.sh", _SMALL), "tree.tar": ("tree_data.sh", _SMALL),
         "data.tar": ("postgresql_data.sh", ("postgresql",))}
_CACHED = {"written": "written by 2 MiB", "read_in": "read in"}


@dataclass(frozen=True, kw_only=True)
class Load:
    """An application at work.

    Attributes:
        text: of it, for people; `cached`: how its file came into the page cache.
        unit: what is counted, `counted` times.
        script: of loads/, or none for the program `overwrites`.
        data: that it begins with.
        sets: of kernels that it can run on: the minimal ones have no sockets, no System V memory
            and no signalfd(2).
        between: the calls after and before which is counted, where it does not mark a region.
    """

    text: str
    unit: str
    counted: int
    script: str = ""
    arguments: Sequence[str] = ()
    data: str = ""
    packages: Sequence[str] = ()
    cached: str = ""
    block_size: int = 4 * KIB
    memory: int = 1024
    sets: Sequence[str] = ("debian", "src")
    between: tuple[str, str] = ("", "")
    files: Sequence[str] = field(default=("cached.sh", "region"))

    @property
    def cached_text(self) -> str:
        """How its file came into the page cache, for people."""
        return _CACHED.get(self.cached, "")


def _loads() -> Iterator[tuple[str, Load]]:
    for cached in _CACHED:
        for commit in ("on", "off"):
            yield f"postgresql-{commit}-{cached}", Load(
                text=f"PostgreSQL, synchronous_commit={commit}", unit="transaction", counted=400,
                script="postgresql.sh", arguments=(commit, cached, "400"), data="data.tar",
                packages=("postgresql",), cached=cached, sets=("debian",))
    for name, text, journal, synchronous, warm, counted in (
            # A WAL is copied to the database after every 1,000 pages: once in 1,000 transactions,
            # and from the first time on it grows no more.
            ("rollback", "rollback journal", "DELETE", "FULL", 100, 400),
            ("wal", "WAL", "WAL", "FULL", 1500, 1000),
            ("wal-normal", "WAL, synchronous=NORMAL", "WAL", "NORMAL", 1500, 1000)):
        for cached in _CACHED:
            yield f"sqlite-{name}-{cached}", Load(
                text=f"SQLite, {text}", unit="transaction", counted=counted, script="sqlite.sh",
                arguments=(journal, synchronous, cached, str(warm), str(counted)), data="base",
                packages=_SMALL, cached=cached, between=("chdir", "clone3"), files=("cached.sh",))
    for often in ("always", "everysec"):
        yield f"redis-{often}", Load(
            text=f"Redis, append-only file, appendfsync {often}", unit="SET", counted=2000,
            script="redis.sh", arguments=(often, "2000"), packages=_SMALL, sets=("debian",))
    for size, sync in ((8 * KIB, 0), (8 * KIB, 1), (8 * KIB, 32), (KIB, 0)):
        yield f"fio-{size}-{sync}", Load(
            text=f"fio, {_overwrites(size, sync)}", unit="write", counted=2048,
            script="fio.sh", arguments=(str(size), str(sync), "written", "2048"),
            packages=("fio",), cached="written", memory=1536, sets=("debian",))
    for sync, cached, block_size in (
            (32, "read_in", 4 * KIB), (32, "written", 4 * KIB), (32, "written", KIB),
            (0, "read_in", 4 * KIB), (0, "written", 4 * KIB), (0, "written", KIB)):
        yield f"overwrites-{sync}-{cached}-{block_size}", Load(
            text=_overwrites(8 * KIB, sync), unit="write", counted=2048,
            arguments=("8192", str(sync), cached, "64", "2048"), cached=cached,
            block_size=block_size, files=())
    for name, text in (("clone", "git clone"), ("pack", "tar, a tree packed"),
                       ("unpack", "tar, a tree unpacked")):
        yield f"tree-{name}", Load(
            text=text, unit="tree", counted=1, script="tree.sh", arguments=(name,),
            data="tree.tar", packages=_SMALL, files=("region",))


def _overwrites(size: int, sync: int) -> str:
    synced = "never synced" if not sync else "fdatasync " + (
        "after each" if sync == 1 else f"after every {sync}")
    return f"{show_size(size)} overwrites, {synced}"


ALL = dict(_loads())


def _script(name: str, *arguments: str) -> list[str]:
    """Arguments of a shell for a script that fails where a command in it does."""
    return ["-e", f"./{name}", *arguments]


def _plan(load: Load, folder: Path) -> ExecPlan:
    filesystem = Filesystem(block_size=load.block_size)
    if not load.script:
        # Its own name is on its stack: the figures are not to depend on where the directory is.
        return ExecPlan(program=Path("overwrites"), arguments=load.arguments,
                        filesystem=filesystem)
    files = [LOADS / load.script, *(
        LOADS / name if name.endswith(".sh") else folder / name for name in load.files)]
    # A minimal kernel begins no script by itself.
    return ExecPlan(
        program=Path("/bin/sh"), arguments=_script(load.script, *load.arguments),
        filesystem=filesystem, packages=load.packages, between=load.between, seconds=3600,
        files=[*files, *([folder / load.data] if load.data else [])])


def _make_data(lab: Lab, folder: Path, name: str) -> None:
    script, packages = _DATA[name]
    said = Gathered()
    [ran] = lab.execute_all([DEBIAN[0]], Asked(plan=ExecPlan(
        program=Path("/bin/sh"), arguments=_script(script), packages=packages,
        user="user" if "postgresql" in packages else "", files=[LOADS / script],
        seconds=3600)), sinks=[said.take])
    _require_success(ran.program, name, said)
    replace_file(folder / name, said.stdout)


def _build(folder: Path) -> None:
    (folder / "tailwalk.h").write_text(region_header())
    shutil.copy(build_region_program(), folder / "region")
    subprocess.run([compiler(), "-O2", "-static", "-Wall", "-Wextra", "-I", folder, "-o",
                    folder / "overwrites", LOADS / "overwrites.c"], check=True)


def measure(lab: Lab, folder: Path, name: str) -> None:
    """Run a load on the kernels that it has no record of in the directory."""
    load = ALL[name]
    for kernels in load.sets:
        record = folder / f"{name}-{kernels}.json"
        if record.exists():
            continue
        if load.data and not (folder / load.data).exists():
            _make_data(lab, folder, load.data)
        specs = KERNELS[kernels]
        said = [Gathered() for _ in specs]
        asked = Asked(plan=_plan(load, folder.resolve()), memory=load.memory)
        with contextlib.chdir(folder):
            found = collected(lab.execute_each(list(enumerate(specs)), asked,
                                               sinks=[one.take for one in said]))
        programs = [found[number].program for number in range(len(specs))]
        for program, one in zip(programs, said, strict=True):
            _require_success(program, name, one)
        replace_file(record, encode(joined(programs)))


def _require_success(program: Program, name: str, said: Gathered) -> None:
    [kernel] = program.kernels
    if kernel.status != 0:
        sys.exit(f"{name} failed on {kernel.spec}, exit status {kernel.status}: "
                 f"{said.stderr.decode(errors='replace')}")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("loads", nargs="*", metavar="LOAD", help=", ".join(ALL))
    given = parser.parse_args()
    for name in given.loads:
        if name not in ALL:
            parser.error(f"{name} is no load: {', '.join(ALL)}")
    given.directory.mkdir(parents=True, exist_ok=True)
    _build(given.directory)
    with open_progress() as progress:
        lab = Lab(progress=progress)
        try:
            for name in given.loads or ALL:
                measure(lab, given.directory, name)
        except TailwalkError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
