# SPDX-License-Identifier: GPL-2.0-or-later
"""Workloads of a test's own, beside those that there are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailwalk.cases import workloads
from tailwalk.cases.workload import find_workload, workload_names

GETTID = '''
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="gettid", family="process", pattern="gettid", call="gettid(2)")
'''

SETTLE = '''
from tailwalk.cases.cached_file import CACHED_FILE
from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="settle", family="sync", pattern="settle", call="fsync(2)", parameters=(
        Parameter(name="depth", unit="number", meaning="how deep", default=1),
        Parameter(name="span", unit="bytes", meaning="how wide", default=0)),
    needs=(CACHED_FILE,))
'''

TWINS = {
    "workloads/gettid.c": b'''#include "workload.h"
static void prepare(struct work *work)
{
	add_step(work, (struct step){ CALL(gettid), .number = 4000 });
}
const struct workload workload_gettid = { .prepare = prepare };
''',
    "workloads/settle.c": b'''#include "workload.h"
static void prepare(struct work *work)
{
	const struct settle_parameters *of = PARAMETERS(settle, work);

	add_step(work, (struct step){ CALL(getppid), .gives = (long)(of->depth + of->span) - 2 });
}
const struct workload workload_settle = { .prepare = prepare };
'''}
"""The one is a call that no kernel has, the other gives what nobody expects."""


def _forgotten() -> None:
    workload_names.cache_clear()
    find_workload.cache_clear()
    for name in ("gettid", "settle"):
        sys.modules.pop(f"{workloads.__name__}.{name}", None)


@pytest.fixture
def made_workloads(tmp_path_factory: pytest.TempPathFactory,
                   monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of two more workloads: gettid, which has no parameter and no file, and settle, of
    a cached file and with parameters that no other has."""
    folder = tmp_path_factory.mktemp("workloads")
    (folder / "gettid.py").write_text(GETTID)
    (folder / "settle.py").write_text(SETTLE)
    with monkeypatch.context() as patch:
        patch.setattr(workloads, "__path__", [*workloads.__path__, str(folder)])
        _forgotten()
        yield folder
    _forgotten()
