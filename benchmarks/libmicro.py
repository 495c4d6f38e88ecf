# SPDX-License-Identifier: GPL-2.0-or-later
"""Do the cases of suite `libmicro` and libMicro's own binaries agree?

    python benchmarks/libmicro.py BIN [CASE]... [--kernel SPEC]...

BIN holds libMicro's binaries (version 1505), linked statically, which run under `exec`. Where the
kernel does nothing but the call in a sample, the kernel's instructions are compared: libMicro's are
those of a run with 400 samples less those of one with 100, which leaves no start-up, and less those
of its `nop` ("runs"). Where libMicro leaves something unmeasured, such as the seek before a write,
all instructions are compared, the program's own too, of which there are some 10 for each system
call: libMicro's are what it prints, the median of 400 samples, less that of `nop` ("clock"), since
a guest's clock advances by a nanosecond an instruction.

What chance decides is the median of three rounds: whether a timer tick lands in so short a call as
getpid, and where the kernel puts the process's mappings.

Exits 1 where a case is beyond 2% and is not listed here as one that may be.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tailwalk.cases import MIB, SUITES, Filesystem, find_cases
from tailwalk.lab.lab import Lab
from tailwalk.programs.plan import ExecPlan, MadeFile
from tailwalk.rigs.plan import Plan
from tailwalk.rigs.running import Gathered
from tailwalk.runs.amount import Amount
from tailwalk.runs.libmicro import parse_libmicro

LIMIT = 0.02
SAMPLES = (100, 400)
"""Of a sample, libMicro keeps 8 bytes: so few fill no second page, which would be faulted in."""

ROUNDS = 3

_TASKS = "several tasks are in a sample"
NOT_SINGLE: Mapping[str, str] = {
    "fork_10": _TASKS, "exit_10": _TASKS, "exit_10_nolibc": _TASKS, "pthread": _TASKS,
    "exec": f"{_TASKS}, and the program executed is another"}
"""The cases that libMicro does not measure singly, with the reason."""

_WINDOWS = "as it lies in the windows of 64 KiB that a fault maps, it costs 23,400 to 27,600"
_BATCHES = "pages are given back in batches: either of two costs can be the median"
_AMONG = "as its mapping lies among others, a call costs 3,176 to 3,763 on v6.18"
DIFFERS: Mapping[str, str] = {
    "mprot_z128k": _AMONG, "mprot_wz128k": _AMONG, "mprot_tw128k": _AMONG,
    "mmap_ru128k": _WINDOWS, "mmap_rt128k": _WINDOWS,
    "unmap_wu128k": _BATCHES, "unmap_wt128k": _BATCHES, "unmap_wa128k": _BATCHES,
    "mmap_wa128k": "its calls vary by a sixth, and both medians lie in between",
    "socketpair": "libMicro closes one of the two descriptors, so each call takes new memory",
    "pipe_pst1": "39 of libMicro's are its program's own, which checks what each call gave"}
"""The cases that may be beyond the limit, with the reason."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """How libMicro measures a case.

    Attributes:
        binary: its binary.
        options: of that.
        calls: calls of the case in a sample.
        alone: is the call all that the kernel does in a sample?
        tmpfs: does the file lie in a tmpfs?
        rounds: it is run so often.
    """

    binary: str
    options: Sequence[str] = ()
    calls: float = 1
    alone: bool = True
    tmpfs: bool = False
    rounds: int = 1


@dataclass(frozen=True)
class Output:
    """A run of a binary: instructions of the kernel in all, and the median that it printed, which
    is instructions too, with what it took off for the clock."""

    kernel: int
    median: float


@dataclass(frozen=True)
class Row:
    """A case's instructions a call, and the way in which libMicro's were found."""

    case: str
    ours: float
    theirs: float
    way: str

    @property
    def difference(self) -> float:
        """Of ours to theirs, as a share of theirs."""
        return self.ours / self.theirs - 1

    @property
    def beyond(self) -> bool:
        """Is it beyond what it may be?"""
        return abs(self.difference) > LIMIT


def _benchmarks() -> Iterator[tuple[str, Benchmark]]:
    yield "file_lock", Benchmark(binary="file_lock")
    for one in ("getpid", "sigaction", "sigprocmask"):
        yield one, Benchmark(binary=one, rounds=ROUNDS)
    for one in ("dup", "socketpair", "signal"):
        yield one, Benchmark(binary=one, alone=False)
    file = ("-f", "/mnt/data")
    here, there = "/mnt/0/1/2/3/4/5/6/7/8/9", "/mnt/1/2/3/4/5/6/7/8/9/0"
    for place, tmpfs in (("usr", False), ("tmp", True)):
        for one in ("close", "open"):
            yield f"{one}_{place}", Benchmark(binary=one, options=file, alone=False, tmpfs=tmpfs)
        for one, rounds in (("stat", 1), ("fcntl", ROUNDS)):
            yield f"{one}_{place}", Benchmark(
                binary=one, options=file, tmpfs=tmpfs, rounds=rounds)
        for one, asks in (("chdir", ""), ("chgetwd", "-g")):
            yield f"{one}_{place}", Benchmark(
                binary="chdir", options=(*asks.split(), here, there), calls=2, tmpfs=tmpfs)
        yield f"realpath_{place}", Benchmark(binary="realpath", options=("-f", here), tmpfs=tmpfs)
    for place, tmpfs in (("u", False), ("t", True)):
        yield f"lseek_{place}8k", Benchmark(
            binary="lseek", options=("-s", "8k", *file), tmpfs=tmpfs, rounds=ROUNDS)
        for size in ("1k", "10k", "100k"):
            for one in ("read", "write", "writev", "pread", "pwrite"):
                yield f"{one}_{place}{size}", Benchmark(
                    binary=one, options=("-s", size, *file), tmpfs=tmpfs,
                    alone=one in ("pread", "pwrite"))
    for one, binary in (("mmap", "mmap"), ("unmap", "munmap")):
        for place, mapped in (("u", file[1]), ("t", file[1]), ("a", "MAP_ANON")):
            for touch in ("", "r", "w"):
                for length in ("8k", "128k"):
                    yield f"{one}_{touch}{place}{length}", Benchmark(
                        binary=binary, alone=False, tmpfs=place == "t", rounds=ROUNDS,
                        options=(*([f"-{touch}"] if touch else ()), "-l", length, "-f", mapped))
    for touch, lengths in (("", ("8k", "128k")), ("w", ("8k", "128k")), ("tw", ("8k",))):
        for length in lengths:
            yield f"mprot_{touch}z{length}", _mprotect(touch, length)
    for length in ("128k", "4m"):
        yield f"mprot_tw{length}", _mprotect("tw", length)
    for one in ("poll", "select"):
        for number in (10, 100, 1000):
            options = ("-n", str(number))
            yield f"{one}_{number}", Benchmark(binary=one, options=options)
            yield f"{one}_w{number}", Benchmark(
                binary=one, options=(*options, "-w", str(number // 10)))
    for way, transport in (("p", "pipe"), ("s", "sock"), ("t", "tcp")):
        for size in ("1", "4k"):
            yield f"pipe_{way}st{size}", Benchmark(
                binary="pipe", options=("-m", "st", "-x", transport, "-s", size), alone=False)


def _mprotect(touch: str, length: str) -> Benchmark:
    # A call of ours is to no access and back, which are two samples.
    return Benchmark(binary="mprotect", calls=0.5,
                     options=(*(f"-{one}" for one in touch), "-l", length, "-f", "/dev/zero"))


BENCHMARKS = dict(_benchmarks())


def read_output(text: str, kernel: int) -> Output:
    """What a binary printed with -S; raises ValueError where it printed no result."""
    results = [result for section in parse_libmicro(text) for result in section.results]
    taken = re.search(r"getnsecs overhead\s+(\d+)", text)
    if len(results) != 1 or taken is None:
        raise ValueError(f"libMicro printed no result: {text!r}")
    return Output(kernel, 1000 * results[0].usecs + int(taken[1]))


def sample_of(benchmark: Benchmark, outputs: Sequence[Output],
              nothing: Sequence[Output]) -> float:
    """Instructions in a sample, by the runs of a binary and of `nop` in one round."""
    if not benchmark.alone:
        return outputs[-1].median - nothing[-1].median
    more = [last.kernel - first.kernel for first, last in (outputs, nothing)]
    return (more[0] - more[1]) / (SAMPLES[1] - SAMPLES[0])


def row_of(case: str, amount: Amount, samples: Sequence[float]) -> Row:
    """A case's row: our figure beside libMicro's samples, one a round."""
    benchmark = BENCHMARKS[case]
    if benchmark.alone and amount.user is None:
        raise ValueError(f"{case}: its figure does not say what of it is the kernel's")
    ours = amount.value - (amount.user or 0) if benchmark.alone else amount.value
    return Row(case, ours, median(samples) / benchmark.calls,
               "runs" if benchmark.alone else "clock")


def table(rows: Sequence[Row]) -> str:
    """The rows under titles, each that is beyond the limit with the reason where it is known."""
    lines = [f"{'case':15} {'ours':>9} {'libMicro':>11} {'apart':>7}  by"]
    for row in rows:
        why = f"  beyond: {DIFFERS.get(row.case, '?')}" if row.beyond else ""
        lines.append(f"{row.case:15} {row.ours:9,.0f} {row.theirs:11,.1f} {row.difference:+7.1%}  "
                     f"{row.way}{why}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Guests:
    """Where libMicro's binaries are run."""

    lab: Lab
    spec: str
    binaries: Path
    setting: Path

    def rounds(self, benchmark: Benchmark) -> list[list[Output]]:
        """The runs of a binary in each round, in the order of their samples."""
        return [[self._run(benchmark, samples, number)
                 for samples in (SAMPLES if benchmark.alone else SAMPLES[-1:])]
                for number in range(benchmark.rounds)]

    def _run(self, benchmark: Benchmark, samples: int, number: int) -> Output:
        said = Gathered()
        done = self.lab.execute(self.spec, ExecPlan(
            program=self.setting, files=[self.binaries / benchmark.binary],
            arguments=[str(number), f"./{benchmark.binary}", "-1", "-S", "-D", "3600",
                       "-C", str(samples + 30 * number), *benchmark.options],
            made=[MadeFile("data", 10 * MIB)],
            filesystem=Filesystem(kind="tmpfs" if benchmark.tmpfs else "ext4")), sink=said.take)
        return read_output(said.stdout.decode(), done.execution.instructions.kernel)


def compared(guests: Guests, cases: Sequence[str]) -> list[Row]:
    """The rows of these cases."""
    run, = guests.lab.measure([guests.spec], Plan(cases=find_cases(cases)))
    ours = {figure.case.name: figure.main for figure in run.figures}
    nop = Benchmark(binary="nop", rounds=ROUNDS)
    with ThreadPoolExecutor(2) as pool:
        nothing, *found = pool.map(guests.rounds, [nop, *(BENCHMARKS[case] for case in cases)])
    return [row_of(case, ours[case], [sample_of(BENCHMARKS[case], *both)
                                      for both in zip(rounds, nothing, strict=False)])
            for case, rounds in zip(cases, found, strict=True)]


def main() -> None:
    """Measure, print a table a kernel, and exit."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("cases", nargs="*", help="default: all that libMicro measures singly")
    parser.add_argument("--kernel", dest="kernels", action="append",
                        help="may be repeated; default: debian:6.12 and debian:6.18")
    given = parser.parse_args()
    for case in given.cases:
        if case not in BENCHMARKS:
            parser.error(f"{case}: {NOT_SINGLE.get(case, 'no case of suite libmicro')}")
    cases = given.cases or [case for case in SUITES["libmicro"] if case not in NOT_SINGLE]
    unknown = 0
    with tempfile.TemporaryDirectory() as folder:
        setting = Path(folder) / "setting"
        subprocess.run(["cc", "-O2", "-static", "-o", setting,
                        Path(__file__).with_name("libmicro_setting.c")], check=True)
        for spec in given.kernels or ["debian:6.12", "debian:6.18"]:
            rows = compared(Guests(Lab(), spec, given.binaries, setting), cases)
            unknown += sum(row.beyond and row.case not in DIFFERS for row in rows)
            print(f"{spec}, ext4 with 4 KiB blocks, and tmpfs; instructions a call, exact rig\n"
                  f"{table(rows)}\n", flush=True)
    for case, why in NOT_SINGLE.items():
        print(f"{case}: not compared, {why}")
    sys.exit(1 if unknown else 0)


if __name__ == "__main__":
    main()
