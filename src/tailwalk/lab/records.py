# SPDX-License-Identifier: GPL-2.0-or-later
"""What an argument stands for: a kernel to measure, or a record to read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tailwalk.errors import RecordError
from tailwalk.kernels import parse_spec
from tailwalk.progress import SILENT, Progress
from tailwalk.runs import Run, read_run
from tailwalk.runs.record import RUN_SCHEMA, decode_run, read_bytes, read_runs, schema_of

if TYPE_CHECKING:
    from tailwalk.profile.record import Profile

_SPEC = re.compile(r"(debian|src|debug|image):.*", re.DOTALL)
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


def read_argument(argument: str, *, progress: Progress = SILENT) -> Run:
    """The run in a file, or the kept run with an id that begins so; raises RecordError."""
    if is_path(argument):
        return read_run(Path(argument))
    from tailwalk.runs.store import Store

    return Store(progress=progress).get(argument)


def read_arguments(argument: str) -> list[Run]:
    """As `read_argument`, of a file that may hold a list of runs."""
    return read_runs(Path(argument)) if is_path(argument) else [read_argument(argument)]


def read_records(arguments: Iterable[str], *,
                 progress: Progress = SILENT) -> tuple[list[Run], list[Profile]]:
    """The runs and the profiles that arguments name; raises RecordError for other records."""
    runs: list[Run] = []
    profiles: list[Profile] = []
    for argument in arguments:
        if not is_path(argument):
            runs.append(read_argument(argument, progress=progress))
            continue
        content = read_bytes(Path(argument))
        kind = schema_of(content, argument).partition("/")[0]
        if kind == RUN_SCHEMA.partition("/")[0]:
            runs.append(decode_run(content, argument))
        elif kind == "tailwalk.profile":
            from tailwalk.profile.record import decode_profile

            profiles.append(decode_profile(content, argument))
        else:
            raise RecordError(f"{argument} is a record of kind {kind!r}; a report is made of runs "
                              "and profiles.")
    return runs, profiles
