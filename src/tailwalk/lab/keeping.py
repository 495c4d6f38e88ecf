# SPDX-License-Identifier: GPL-2.0-or-later
"""What is kept of runs, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tailwalk.errors import RecordError, UsageError
from tailwalk.progress import SILENT, Progress
from tailwalk.runs import read_run
from tailwalk.runs.index import Entry
from tailwalk.runs.metrics import RIGS
from tailwalk.runs.store import Store


@dataclass
class Copied:
    """How many files were added to the store, were there before, and are no runs."""

    added: int = 0
    there: int = 0
    failed: int = 0


def keep_copies(store: Store, sources: Sequence[Path], *, progress: Progress = SILENT) -> Copied:
    """Add the runs in files, or in all *.json files of directories, to a store; `progress` is told
    of those that are none.

    Raises UsageError for a directory without such a file.
    """
    done = Copied()
    for source in sources:
        paths = sorted(source.glob("*.json")) if source.is_dir() else [source]
        if not paths:
            raise UsageError(f"{source} holds no *.json file.")
        for path in paths:
            try:
                run = read_run(path)
            except RecordError as error:
                progress.note(str(error))
                done.failed += 1
                continue
            if store.path(run).exists():
                done.there += 1
            else:
                store.add(run)
                done.added += 1
    return done


def superseded(found: Sequence[Entry]) -> list[Entry]:
    """All but the newest of the repeatable runs with the same inputs; repeats of others are
    samples of their own."""
    repeatable = [entry for entry in found if RIGS[entry.rig].metric.repeatable]
    newest = {entry.inputs: entry for entry in repeatable}
    return [entry for entry in repeatable if newest[entry.inputs] is not entry]


def older_than_days(found: Sequence[Entry], days: int) -> list[Entry]:
    """Those that are older; raises UsageError for more days than there were."""
    try:
        limit = datetime.now(UTC) - timedelta(days=days)
    except OverflowError as error:
        raise UsageError(f"--older-than {days}: so many days ago there were no runs.") from error
    return [entry for entry in found if _moment(entry.created) < limit]


def _moment(created: str) -> datetime:
    moment = datetime.fromisoformat(created)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
