# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk upgrade` on kernels that panic, hang and are reset in the middle of a case: that one
has the reason in its place, and the others their figures. And one that is stopped itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from processes import gone, guests
from tailwalk.cases import Filesystem, all_workloads, workloads
from tailwalk.cases.workload import find_workload, workload_names
from tailwalk.cli import group
from tailwalk.compiling import c_sources
from tailwalk.errors import GuestError
from tailwalk.lab.lab import Lab
from tailwalk.probe.build import compile_probe
from tailwalk.refusals import left_folders
from tailwalk.rigs import alone, counting

pytestmark = pytest.mark.guest

TROUBLES = ("panic", "hang", "reset", "halt")
SECONDS = 30.0
DECLARED = """
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(name="{name}", family="{family}", pattern="{name}", call="{name}",
                    counted="{counted}")
"""
TWIN = """
#include <fcntl.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "workload.h"

/* What is done on 6.18 alone; elsewhere it is a call like another. */
static long trouble(const long *with)
{{
	struct utsname this;

	(void)with;
	uname(&this);
	if (strncmp(this.release, "6.18", 4))
		return 0;
	if (!strcmp("{trouble}", "hang"))
		for (;;)
			pause();
	if (!strcmp("{trouble}", "reset"))
		return reboot(RB_AUTOBOOT);
	if (!strcmp("{trouble}", "halt"))
		return reboot(RB_HALT_SYSTEM);
	return write(open("/proc/sysrq-trigger", O_WRONLY), "c", 1);
}}

static void prepare(struct work *work)
{{
	add_step(work, (struct step){{ WHOLE(trouble), .any = 1 }});
}}

const struct workload workload_{name} = {{ .prepare = prepare }};
"""


def _forgotten(names: list[str]) -> None:
    workload_names.cache_clear()
    find_workload.cache_clear()
    for name in names:
        sys.modules.pop(f"{workloads.__name__}.{name}", None)


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench, own_bench) -> Iterator[None]:
    """A lab whose cases include two of each trouble: `panic`, whose calls are alike, and
    `panicsync`, whose are not."""
    kinds = {trouble + suffix: (trouble, family, counted) for trouble in TROUBLES
             for suffix, family, counted in (("", "process", "mode"), ("sync", "sync", "median"))}
    folder, twins = tmp_path / "workloads", {}
    folder.mkdir()
    for name, (trouble, family, counted) in kinds.items():
        (folder / f"{name}.py").write_text(
            DECLARED.format(name=name, family=family, counted=counted))
        twins[f"workloads/{name}.c"] = TWIN.format(name=name, trouble=trouble).encode()
    for module in (alone, counting):
        monkeypatch.setattr(module, "FRAME_SECONDS", SECONDS)
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workloads, "__path__", [*workloads.__path__, str(folder)])
    _forgotten([*kinds])
    probe = compile_probe(own_bench.cache, {**c_sources("probe"), **twins}, all_workloads())
    monkeypatch.setattr(Lab, "bench", replace(bench, probe=probe))
    yield
    monkeypatch.undo()
    _forgotten([*kinds])


def upgrade(*cases: str) -> Result:
    arguments = [part for name in cases for part in ("--case", name)]
    return CliRunner().invoke(group, [
        "upgrade", "debian:6.12", "debian:6.18", *arguments, "--calls", "30", "--why", "1",
        "-o", "upgrade.json", "--junit", "upgrade.xml"])


SAID = {"panic": "the kernel panicked (Kernel panic - not syncing: sysrq triggered crash)",
        "hang": "gave no sign in time", "reset": "it was reset or powered off",
        "halt": "was halted or powered off"}


@pytest.mark.usefixtures("workshop")
@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_case_is_named_and_the_others_have_their_figures(trouble: str) -> None:
    good = ["getpid", "pwrite_u1k", "fdatasync_u1k"]
    plain = {one["case"]: one["figures"] for one in read(upgrade(*good), 0)}
    found = {one["case"]: one for one in read(upgrade(
        "getpid", trouble, "pwrite_u1k", "fdatasync_u1k", f"{trouble}sync"), 2)}
    assert {name: found[name]["figures"] for name in good} == plain
    for name in (trouble, f"{trouble}sync"):
        assert found[name]["failed"] == [False, True]
        assert found[name]["figures"][0] is not None and found[name]["figures"][1] is None
        assert SAID[trouble] in found[name]["reasons"][1]
        assert "end of its console" not in found[name]["reasons"][1]
    assert {each["function"] for each in found["pwrite_u1k"]["why"][:2]} == {
        "ext4_block_write_begin", "block_commit_write"}
    [failed] = [test.find("error") for test in ElementTree.parse("upgrade.xml").iter("testcase")
                 if test.get("name") == trouble]
    assert failed is not None and SAID[trouble] in (failed.text or "")
    assert not guests(os.getpid()) and not left_folders()


def read(result: Result, status: int) -> list[dict]:
    """The cases of the record, of a command that ended so."""
    if status:
        assert isinstance(result.exception, GuestError), result.exception
    else:
        assert result.exit_code == 0, (result.output, result.exception)
    cases: list[dict] = json.loads(Path("upgrade.json").read_text())["cases"]
    return cases


@pytest.mark.parametrize(("phase", "number", "status"), [
    ("measure", signal.SIGINT, 130), ("measure", signal.SIGTERM, 143),
    ("profile", signal.SIGINT, 130), ("profile", signal.SIGTERM, 143)])
def test_an_upgrade_that_is_stopped_leaves_nothing(
        tmp_path: Path, kernel, bench, phase: str, number: int, status: int) -> None:
    """In the cases that are alone in their guests, and in the profiles."""
    for spec in ("debian:6.12", "debian:6.18"):
        bench.boot(kernel(spec), Filesystem())
    cases = [part for name in ("fdatasync_u1k", "msync_u1", "append_u1k", "touch_u4k")
             for part in ("--case", name)]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", "from tailwalk.cli import main; main()", "upgrade", "debian:6.12",
         "debian:6.18", *cases, "-o", str(tmp_path / "upgrade.json"), "--junit",
         str(tmp_path / "upgrade.xml")],
        env={**os.environ, "TAILWALK_RESULTS": str(tmp_path / "results"),
             "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(phase):
                break
        deadline = time.monotonic() + 120
        while not (found := guests(process.pid)):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        begin = time.monotonic()
        process.send_signal(number)
        shown, errors = process.communicate(timeout=120)
        assert time.monotonic() - begin < 30  # and not until the guests are done, or due
    finally:
        process.kill()
    assert process.returncode == status
    assert shown == "" and "Traceback" not in errors
    assert all(map(gone, found))
    assert not list(temporary.iterdir())
    assert {path.name for path in tmp_path.iterdir()} <= {"temporary", "results"}
    # Runs that were whole before are kept, for the next time.
    kept = list((tmp_path / "results").rglob("*.json"))
    assert bool(kept) is (phase == "profile")
