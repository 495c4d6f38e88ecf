# SPDX-License-Identifier: GPL-2.0-or-later
"""Coverage-guided fuzzing of the C that reads what a guest or a host sends: libFuzzer with the
address and undefined-behaviour sanitizers, begun with real jobs.

    python tests/fuzz/fuzz.py [--seconds 30] [HARNESS]...
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tailwalk.cases import find_cases
from tailwalk.cases.workload import all_workloads
from tailwalk.compiling import c_sources
from tailwalk.machines import GUEST
from tailwalk.probe.declared import with_declared
from tailwalk.probe.job import job_line
from tailwalk.rigs.job import case_line

HERE = Path(__file__).parent
_FLAGS = ("-std=gnu11", "-g", "-O1", "-w", "-fsanitize=fuzzer,address,undefined",
          "-fno-sanitize-recover=all", "-D_GNU_SOURCE", "-I.", f"-I{GUEST.name}")
_PROBE = ("job.c", "channel.c", "case.c", "main.c", "verbs.c", "declared.c", "memory.c",
          "pages.c", "user.c", "file.c", "pipe.c", "uring.c", "room.c", "names.c", "children.c",
          "preparations/")


@dataclass(frozen=True)
class Harness:
    """What is fuzzed: a room's C with a harness of this folder, and its flags."""

    room: str
    files: tuple[str, ...]
    flags: tuple[str, ...] = ()

    def sources(self) -> dict[str, bytes]:
        """Every file of the program, by its place below the directory that it is compiled in."""
        found = c_sources(self.room)
        if self.room == "probe":
            found = with_declared(found, all_workloads())
        return found


HARNESSES = {
    "job": Harness("probe", (*_PROBE, "workloads/", "fuzz/job.c"), ("-Dmain=probe_main",)),
    "trace": Harness("plugins", ("output.c", "fuzz/trace.c", "fuzz/machine.c"),
                     ("-DAPI=1",)),
    "calls": Harness("plugins", ("output.c", "fuzz/calls.c", "fuzz/machine.c"), ("-DAPI=1",)),
}


def seeds(name: str) -> Iterator[bytes]:
    """What the fuzzer begins with: for the probe's reader real jobs, for plugins machines that
    come to each marker."""
    if name == "job":
        for case in find_cases(["seed"]):
            yield case_line("case", case, calls=3) + b"end\n"
        yield (job_line("mount", kind="ext4") + job_line("pin", cpu=1)
               + job_line("user", name="root") + job_line("input", length=5) + b"\x7fELF\n"
               + job_line("file", name="a b", mode=0o755, length=3) + b"abc"
               + job_line("make", name="data", size=4096, fill=512)
               + job_line("run", arguments=2, variables=1, length=14, directory="/mnt")
               + b"/a\0a\0b c\0A=B\0" + job_line("end"))
    else:
        for mark in range(8):
            yield bytes([1, 0, 0, 0, 0, 16, 0, 0, 4, mark << 1 | 1, 0, 2, 1 << 2, 0xe8, 0, 0, 0,
                         *range(64)])
        for place in range(16):  # of fuzz/calls.c
            yield bytes([1, 0, 0, 0, 0, 16, 0, 0, 4, 3 << 1 | 1, 0, 2, 1 << 2, 0xe8, 0, 0, 0, 0,
                         0, 0, 0, place, 0, 0, 0, 0, 0, 0, 3, *range(1, 64)])


def build(name: str, folder: Path) -> Path:
    """Compile a harness in an empty folder."""
    harness = HARNESSES[name]
    own = {f"fuzz/{path.name}": path.read_bytes() for path in HERE.glob("*.[ch]")}
    sources = {**harness.sources(), **own}
    for file, body in sources.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(body)
    wanted = [file for file in sources if file.endswith(".c")
              and file.startswith((*harness.files, "fuzz/frames.c"))]
    subprocess.run([shutil.which("clang") or "clang-14", *_FLAGS, *harness.flags, "-Ifuzz",
                    "-o", "fuzzer", *wanted], cwd=folder, check=True)
    return folder / "fuzzer"


def run(name: str, folder: Path, *, seconds: int) -> int:
    """Build a harness and let it run; the status that its fuzzer ends with, 0 where it found
    nothing. What it finds is left in the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    program = build(name, folder)
    for number, seed in enumerate(seeds(name)):
        (corpus / str(number)).write_bytes(seed)
    return subprocess.run([
        program, "corpus", f"-max_total_time={seconds}", "-max_len=8192", "-timeout=10",
        "-rss_limit_mb=2048", "-print_final_stats=1"], cwd=folder,
        check=False, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}).returncode


def main() -> int:
    """Run the harnesses that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="for each harness")
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"))
    parser.add_argument("harness", nargs="*", choices=[*HARNESSES, []])
    given = parser.parse_args()
    status = 0
    for name in given.harness or HARNESSES:
        print(f"{name}: {given.seconds} s", flush=True)
        status |= run(name, given.folder.absolute() / name, seconds=given.seconds)
    return int(status != 0)


if __name__ == "__main__":
    sys.exit(main())
