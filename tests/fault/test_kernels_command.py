# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk kernels` against a made-up archive."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fake_archive import FakeArchive
from made_kernels import kernel_debs, split_debs

RELEASE = "6.18.15+deb13-cloud-amd64"
BROKEN = "7.1.13+deb13-cloud-amd64"


@pytest.fixture
def environment(archive: FakeArchive, tmp_path: Path) -> dict[str, str]:
    debs = split_debs(BROKEN, "7.1.13-1")
    del debs[next(name for name in debs if "modules" in name)]
    archive.publish({**kernel_debs(RELEASE, "6.18.15-1"), **debs,
                     **kernel_debs("6.18.9+deb13-cloud-amd64", "6.18.9-1")},
                    pointers={f"linux-image-{BROKEN}_7.1.13-1": ", ".join(
                        f"linux-{part}-{BROKEN}" for part in ("base", "binary", "modules"))})
    return {**os.environ, "TAILWALK_CACHE": str(tmp_path / "cache"), "COLUMNS": "100"}


def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", "from tailwalk.cli import main; main()",
                             "kernels", *arguments], text=True, env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ask(environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    process = start(environment, *arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_what_can_be_had_and_what_is_cached(environment: dict[str, str]) -> None:
    status, out, _ = ask(environment, "--format", "json")
    assert status == 0
    listing = json.loads(out)
    assert listing["schema"] == "tailwalk.kernels/2"
    assert [(kernel["spec"], kernel["line"], kernel["newest"], kernel["cached"],
             kernel["missing"]) for kernel in listing["available"]] == [
        ("debian:7.1.13", "7.1", False, False, [f"linux-modules-{BROKEN}"]),
        ("debian:6.18.15", "6.18", True, False, []),
        ("debian:6.18.9", "6.18", False, False, [])]
    assert listing["available"][1]["packages"] == [f"linux-image-{RELEASE}"]
    assert listing["cached"] == []

    subprocess.run([sys.executable, "-c",
                    "from tailwalk.kernels import resolve; resolve('debian:6.18')"],
                   env=environment, check=True)
    listing = json.loads(ask(environment, "--format", "json")[1])
    assert [kernel["cached"] for kernel in listing["available"]] == [False, True, False]
    held, = listing["cached"]
    assert (held["release"], held["origin"]) == (RELEASE, "debian:6.18.15")
    assert held["size"] > 20_000

    status, out, _ = ask(environment)
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert status == 0
    assert lines["debian:7.1.13"].split()[2:] == ["trixie", "lacks", "modules"]
    assert lines["debian:6.18.15*"].split()[1:] == ["6.18.15-1", "trixie", "cached"]
    assert "to fetch" in lines["debian:6.18.9"]
    assert lines[RELEASE].split()[1] == "debian:6.18.15"


def test_without_the_archive(environment: dict[str, str], archive: FakeArchive) -> None:
    archive.close()
    status, out, err = ask(environment)
    assert status == 0
    assert "No kernel is cached yet." in out
    assert "only the cached kernels are listed" in err and "Traceback" not in err
    status, out, err = ask(environment, "--refresh")
    assert (status, out) == (2, "")
    assert "tailwalk: the package index cannot be fetched" in err and "Traceback" not in err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption(environment: dict[str, str], archive: FakeArchive,
                         number: signal.Signals, status: int) -> None:
    archive.slow.add("Packages.xz")
    process = start(environment)
    end = time.monotonic() + 120
    while not archive.asked_for("Packages.xz"):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == status
    assert "Traceback" not in err
    assert not list(Path(environment["TAILWALK_CACHE"]).rglob(".partial*"))
