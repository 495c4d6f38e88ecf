# SPDX-License-Identifier: GPL-2.0-or-later
"""What an argument stands for: a kernel to measure, or a record to read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tailwalk.errors import RecordError
from tailwalk.kernels import parse_spec
from tailwalk.progress import SILENT, Progress
from tailwalk.runs import Run, read_run
from tailwalk.runs.program import PROGRAM_SCHEMA, Program, decode_program
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
    """Is the argument the file of a program's record?"""
    return not is_spec(argument) and Path(argument).is_file() and _kind(
        read_bytes(Path(argument)), argument) == _PROGRAM


def _kind(content: bytes, source: str) -> str:
    return schema_of(content, source).partition("/")[0]


def read_argument(argument: str, *, progress: Progress = SILENT) -> Run:
    """The run in a file, or the kept run with an id that begins so; raises RecordError."""
    if is_path(argument):
        return read_run(Path(argument))
    from tailwalk.runs.store import Store

    return Store(progress=progress).get(argument)


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
            found.runs.append(read_argument(argument, progress=progress))
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
                              "profiles and programs.")
    return found
