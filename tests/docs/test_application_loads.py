# SPDX-License-Identifier: GPL-2.0-or-later
"""The scripts of loads, among commands that do nothing: one that fails is not passed over."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import applications

LOADS = ROOT / "benchmarks" / "loads"
# However often a load repeats something, twice shows what it does.
ARGUMENTS = {load.script: [re.sub(r"^\d+$", "2", argument) for argument in load.arguments]
             for load in applications.ALL.values() if load.script}
DATA = [script for script, _ in applications._DATA.values()]
SU = """#!/bin/sh
exec sh -c "$5"
"""


def ran(folder: Path, script: str, *, failing: str = "") -> int:
    """The exit status of a script, one of whose commands fails; psql does where it would not find
    the server."""
    commands, there = folder / "commands", folder / "there"
    commands.mkdir(), there.mkdir()
    for source in LOADS.glob("*.sh"):
        text = re.sub(r"/tmp\b", str(folder), source.read_text())
        (there / source.name).write_text(re.sub(r"/usr/lib/postgresql/15/bin", "none", text))
    (there / "region").symlink_to("/bin/true")
    (there / "tree").mkdir()
    text = " ".join(path.read_text() for path in there.glob("*.sh"))
    for name in sorted(set(re.findall(r"[a-z][a-z0-9_-]+", text)) - {"export", "sh", "exit"}):
        body = SU if name == "su" else f"#!/bin/sh\nexit {int(name == failing)}\n"
        if name == "psql":
            body = f'#!/bin/sh\n[ "$PGHOST" = {folder} ] && exit {int(failing == name)}\n'
        (commands / name).write_text(body)
        (commands / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", *applications._script(script, *ARGUMENTS.get(script, ()))], cwd=there,
        env={"PATH": f"{commands}:/bin"}, stdin=subprocess.DEVNULL, capture_output=True,
        check=False).returncode


@pytest.mark.parametrize("script", [*ARGUMENTS, *DATA])
def test_a_load_ends_well_where_all_of_it_does(tmp_path: Path, script: str) -> None:
    assert ran(tmp_path, script) == 0


@pytest.mark.parametrize(("script", "command"), [
    ("postgresql.sh", "psql"), ("postgresql.sh", "pgbench"), ("postgresql.sh", "tar"),
    ("postgresql_data.sh", "initdb"), ("redis.sh", "redis-benchmark"), ("fio.sh", "dd"),
    ("fio.sh", "fio"), ("sqlite.sh", "awk"), ("sqlite_data.sh", "sqlite3"), ("tree.sh", "tar"),
    ("tree.sh", "sync"), ("tree_data.sh", "cp")])
def test_a_load_fails_where_a_command_of_it_does(tmp_path: Path, script: str,
                                                 command: str) -> None:
    assert ran(tmp_path, script, failing=command) != 0
