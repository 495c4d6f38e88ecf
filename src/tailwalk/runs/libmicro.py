# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading what libMicro prints into runs.

Three lineages print three forms of one table (libMicro 0.4.0 of Sun, the forks 0.4.x-rh and 1505):
header lines that begin with `!`, comment lines that begin with `#`, a line of column titles, a
line for each result. The columns `errors` and `cnt/samp` are missing in 1505, where a sample is one
call; columns after them are each benchmark's own: `size`, and for writev `vec`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import msgspec

from tailwalk.bounds import LONGEST_RELEASE
from tailwalk.cache import digest_bytes
from tailwalk.cases import MIB, Case, Filesystem, all_workloads
from tailwalk.errors import RecordError, UsageError
from tailwalk.runs.amount import amount_of
from tailwalk.runs.metrics import TIME
from tailwalk.runs.record import UNKNOWN, Conditions, Figure, KernelRecord, Run, made_now
from tailwalk.words import listed

IMPORTED = "libMicro"
"""What the probe of an imported run begins with, where the host rig's is a digest."""

_HEADER = re.compile(r"!\s*([^:\t]+?)\s*[:\t]\s*(.*)")
_RESULT = re.compile(r"(\S+)\s+(\d+)\s+(\d+)\s+(-?\d+\.\d+)\s+(\d+)\b(.*)")
_ERROR = re.compile(r"(\S+) ERROR (\d+ .*)")
_TITLES = "usecs/call"
_LONGEST = 1e12


@dataclass(frozen=True, kw_only=True)
class Result:
    """One line of results.

    Attributes:
        name: as given by -N, else the benchmark's.
        processes: -P.
        threads: -T.
        usecs: microseconds a call.
        samples: what they are the median (or mean, with -M) of.
        columns: what else the line says, by the column's title.
    """

    name: str
    processes: int
    threads: int
    usecs: float
    samples: int
    columns: Mapping[str, int] = field(default_factory=dict)


@dataclass
class ResultSection:
    """The results under one header."""

    header: dict[str, str] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Imported:
    """The runs, one a kernel and machine, and what was left out of them and why, as clauses."""

    runs: Sequence[Run]
    left_out: Sequence[str]


def parse_libmicro(text: str) -> list[ResultSection]:
    """The sections of libMicro's output; none where the text holds no result.

    A header line after results begins a new section: archives are often concatenated. A result on
    a last line without its end is taken for a failure.
    """
    sections = [ResultSection()]
    titles: list[str] | None = None
    for line in text.splitlines(keepends=True):
        section = sections[-1]
        if line.startswith("!"):
            if section.results or section.failures:
                section = ResultSection()
                sections.append(section)
                titles = None
            if match := _HEADER.match(line):
                title = re.sub(r"[_\s]+", " ", match[1]).strip().lower()
                section.header[title] = match[2].strip()
        elif line.lstrip().startswith("#"):
            continue
        elif _TITLES in line:  # behind `Running: NAME` where -E was given and not sent elsewhere
            titles = line.split()
        elif match := _RESULT.match(line):
            if line.endswith("\n"):
                section.results.append(_result(match, titles))
            else:  # its last number may lack digits
                section.failures.append(f"{match[1]} is on a last line that is cut short")
        elif match := _ERROR.match(line):
            section.failures.append(f"{match[1]} failed ({match[2]})")
    return [section for section in sections if section.results or section.failures]


def _result(match: re.Match[str], titles: Sequence[str] | None) -> Result:
    rest = [int(word) if word.isdecimal() else -1 for word in match[6].split()]
    if titles is None:  # printed without (-H): told by the number of columns
        titles = ["size", "vec"] if match[1].startswith("writev") else ["size"]
        batched = len(rest) == len(titles) + 2
        titles = ["samples", *(["errors", "cnt/samp"] if batched else []), *titles]
    own = titles[titles.index("samples") + 1:] if "samples" in titles else []
    return Result(name=match[1], processes=int(match[2]), threads=int(match[3]),
                  usecs=float(match[4]), samples=int(match[5]),
                  columns=dict(zip(own, rest, strict=False)))


def import_libmicro(texts: Mapping[str, str], *, kernel: str | None = None,
                    filesystem: Filesystem | None = None, fill: int = MIB,
                    file_size: int = 10 * MIB) -> Imported:
    """The runs in libMicro's output.

    Args:
        texts: the content of each file by its name.
        kernel: what to call the kernel of results that no header names.
        filesystem: what the results were measured on; the output does not say.
        fill: size of the writes that cached the file; libMicro's own script takes 1 MiB.
        file_size: bytes in the file; libMicro's own script takes 10 MiB.

    Every result of a case is one sample, in the files' order; those of another machine, kernel or
    version of libMicro are another run's. Raises RecordError where a file holds no result of
    writes to a file, UsageError where a kernel is not named.
    """
    left_out: dict[str, None] = {}
    origins: dict[tuple[str, ...], list[tuple[ResultSection, list[tuple[Case, Result]]]]] = {}
    for name, text in texts.items():
        found = 0
        for section in parse_libmicro(text):
            taken = list(_write_cases(section, left_out, fill=fill, file_size=file_size))
            if taken:
                release = section.header.get("os release") or kernel
                if release is None:
                    raise UsageError(f"{name} does not say on which kernel it was measured (it "
                                     "has no line !OS_release): name it with --kernel.")
                if len(release) > LONGEST_RELEASE:
                    raise UsageError(f"{name}: {len(release)} signs are no kernel's name, which "
                                     f"has {LONGEST_RELEASE} at most.")
                origin = (release, section.header.get("os build", ""), _version(section.header),
                          *_machine(section.header).values())
                origins.setdefault(origin, []).append((section, taken))
                found += len(taken)
        if not found:
            raise RecordError(f"{name} holds no result of libMicro's {listed(_on_a_file())} on a "
                              "file: give the output of its bench script or of these binaries.")
    filesystem = filesystem or Filesystem(kind=UNKNOWN, block_size=0)
    runs = [_run(release, parts, filesystem) for (release, *_), parts in origins.items()]
    return Imported(runs, list(left_out))


@cache
def _on_a_file() -> tuple[str, ...]:
    """The workloads that libMicro's results on a cached file are of."""
    return tuple(workload.name for workload in all_workloads() if workload.verb)


@cache
def _name() -> re.Pattern[str]:
    return re.compile(rf"({'|'.join(_on_a_file())})(?:_([a-z]*?)\d+[km]?)?")


def _write_cases(section: ResultSection, left_out: dict[str, None], *, fill: int,
                 file_size: int) -> Iterator[tuple[Case, Result]]:
    left_out.update(dict.fromkeys(
        failure for failure in section.failures if _name().match(failure)))
    for result in section.results:
        match = _name().fullmatch(result.name)
        if match is None:
            continue
        reason = _reason_against(result, match[2])
        if reason:
            left_out[f"{result.name} {reason}"] = None
            continue
        size, call = result.columns["size"], match[1]
        name = "" if result.name == call else result.name
        case = Case.of(call, name=name, size=size, fill=fill, file_size=file_size)
        if "vec" in result.columns:
            case = case.changed(vectors=result.columns["vec"])
        yield case, result


def _reason_against(result: Result, target: str | None) -> str | None:
    """Why a result is not what a case measures, as the end of a clause."""
    if target == "n":
        return "writes to /dev/null"
    if result.processes != 1 or result.threads != 1:
        return f"ran in {result.processes} processes of {result.threads} threads"
    if result.usecs <= 0:
        return f"took {result.usecs} usecs: libMicro took the clock for dearer than it was"
    if result.usecs > _LONGEST:
        return f"took {result.usecs:g} usecs, which no call takes"
    if result.columns.get("errors"):
        return f"had {result.columns['errors']} errors"
    if result.columns.get("size", 0) < 1:
        return "says no size"
    return None


def _run(release: str, parts: Sequence[tuple[ResultSection, list[tuple[Case, Result]]]],
         filesystem: Filesystem) -> Run:
    header = parts[0][0].header
    samples: dict[Case, list[Result]] = {}
    for _, taken in parts:
        for case, result in taken:
            samples.setdefault(case, []).append(result)
    build = header.get("os build", "")
    conditions = Conditions(
        filesystem=filesystem, probe=f"{IMPORTED} {_version(header)}",
        machine=_machine(header))
    figures = [_figure(case, results) for case, results in samples.items()]
    return Run(
        **made_now(),
        rig="host",
        kernel=KernelRecord(
            spec=release, release=release, digest=digest_bytes(release.encode(), build.encode()),
            provenance={name: value for name, value in (
                ("build", build), ("date", header.get("date", "")),
                ("compiler", header.get("compiler ver.", ""))) if value}),
        conditions=conditions,
        inputs=digest_bytes(release.encode(), msgspec.json.encode(conditions),
                            msgspec.json.encode(figures)),
        figures=figures)


def _machine(header: Mapping[str, str]) -> dict[str, str]:
    return {name: header[key] for name, key in (
        ("machine", _first(header, "machine name", "hostname")), ("cpu", "cpu name"),
        ("cpus", _first(header, "#cpus", "num cpus"))) if header.get(key)}


def _first(header: Mapping[str, str], *keys: str) -> str:
    return next((key for key in keys if key in header), keys[0])


def _version(header: Mapping[str, str]) -> str:
    return header.get("libmicro #") or header.get("version") or "of unknown version"


def _figure(case: Case, results: Sequence[Result]) -> Figure:
    samples = [1000 * result.usecs for result in results]
    notes = [f"imported from libMicro: {len(results)} result{'s' if len(results) > 1 else ''}, "
             f"each the median of {results[0].samples} samples or so"]
    batch = results[0].columns.get("cnt/samp", 1)
    if case.declared.outside and batch > 1:
        notes.append(f"libMicro wrote {batch} calls one after the other from offset 0 on, not "
                     "each at offset 0")
    return Figure(case=case, metrics={TIME.name: amount_of(TIME, samples)}, notes=notes)
