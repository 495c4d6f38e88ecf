# SPDX-License-Identifier: GPL-2.0-or-later
"""What an argument stands for: a kernel to measure, or a record to read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tailwalk.errors import RecordError
from tailwalk.kernels import parse_spec
from tailwalk.progress import SILENT, Progress
from tailwalk.runs import Run, read_run
from tailwalk.runs.program import PROGRAM_SCHEMA, Program, decode_program, read_program_record
from tailwalk.runs.record import RUN_SCHEMA, decode_run, read_bytes, read_runs, schema_of

if TYPE_CHECKING:
    from tailwalk.profile.record import Profile

_SPEC = re.compile(r"(debian|src|debug|image):.*", re.DOTALL)
_RUN, _PROGRAM = (schema.partition("/")[0] for schema in (RUN_SCHEMA, PROGRAM_SCHEMA))
_RUN_ID = re.compile(r"[0-9a-f]{4,12}")


def is_spec(argument: str) -> bool:
    """Is the argument a kernel spec, and not a record's path or a run's id?

    Raises SpecError for what is none of them.
    """
    if _SPEC.fullmatch(argument) is None and (
            is_path(argument) or _RUN_ID.fullmatch(argument)):
        return False
    parse_spec(argument)
    return True


def may_be_spec(word: str) -> bool:
    """Does the word look like a spec?"""
    return _SPEC.fullmatch(word) is not None


def is_path(argument: str) -> bool:
    """Is the argument meant as a file, and not as the id of a kept run?"""
    return argument.endswith(".json") or "/" in argument or (
        argument != "" and Path(argument).exists())


def may_be_argument(word: str) -> bool:
    """Does the word look like a spec, the id of a run or a record's file, whether or not there is
    such a thing?"""
    return bool(_SPEC.fullmatch(word) or _RUN_ID.fullmatch(word)) or word.endswith(".json")


def names_program(argument: str) -> bool:
    """Is the argument the file or the id of a program's record, as far as can be known without
    reading what is no file?"""
    if is_spec(argument):
        return False
    path = Path(argument)
    with suppress(RecordError):  # which reading it raises, too
        return (path.is_file() and _kind(read_bytes(path), argument) == _PROGRAM
                if is_path(argument) else isinstance(_kept(argument), Program))
    return False


def _kind(content: bytes, source: str) -> str:
    return schema_of(content, source).partition("/")[0]


def _kept(name: str, progress: Progress = SILENT) -> Run | Program:
    from tailwalk.runs.store import Store

    return Store(progress=progress).get(name)


def read_argument(argument: str, *, progress: Progress = SILENT) -> Run:
    """The run in a file, or the kept run with an id that begins so; raises RecordError."""
    if is_path(argument):
        return read_run(Path(argument))
    found = _kept(argument, progress)
    if isinstance(found, Program):
        raise RecordError(f"{argument} is the record of a program, {found.command[0]}, where one "
                          "of cases was expected. compare, why and report take it, beside other "
                          "records of the program.")
    return found


def read_program(argument: str, *, progress: Progress = SILENT) -> Program:
    """As `read_argument`, of a program's record."""
    if is_path(argument):
        return read_program_record(Path(argument))
    found = _kept(argument, progress)
    if isinstance(found, Run):
        raise RecordError(f"{argument} is a run of cases, where the record of a program was "
                          "expected: the two do not compare. Name records of one kind.")
    return found


def read_arguments(argument: str) -> list[Run]:
    """As `read_argument`, of a file that may hold a list of runs."""
    return read_runs(Path(argument)) if is_path(argument) else [read_argument(argument)]


@dataclass(frozen=True)
class Records:
    """Records by their kinds."""

    runs: list[Run] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)


def read_records(arguments: Iterable[str], *, progress: Progress = SILENT) -> Records:
    """The records that arguments name; raises RecordError for those of other kinds."""
    found = Records()
    for argument in arguments:
        if not is_path(argument):
            kept = _kept(argument, progress)
            if isinstance(kept, Program):
                found.programs.append(kept)
            else:
                found.runs.append(kept)
            continue
        content = read_bytes(Path(argument))
        kind = _kind(content, argument)
        if kind == _RUN:
            found.runs.append(decode_run(content, argument))
        elif kind == "tailwalk.profile":
            from tailwalk.profile.record import decode_profile

            found.profiles.append(decode_profile(content, argument))
        elif kind == _PROGRAM:
            found.programs.append(decode_program(content, argument))
        else:
            raise RecordError(f"{argument} is a record of kind {kind!r}; a report is made of runs, "
                              "profiles and programs: name runs by their ids, which tailwalk "
                              "runs list shows.")
    return found
