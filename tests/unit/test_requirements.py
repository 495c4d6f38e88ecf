# SPDX-License-Identifier: GPL-2.0-or-later
"""What the machine has to have, with and without Debian's package manager, and the locks."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from stand_ins import put_program

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "requirements"
DEBIAN = ("dpkg-query", "apt-get")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder of programs, the only one on PATH: those of a shell script, and none besides."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "sed", "id", "grep"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def put(folder: Path, *names: str, body: str = "exit 0") -> None:
    for name in names:
        put_program(folder / name, body)


def check(folder: Path, purpose: str) -> subprocess.CompletedProcess[str]:
    # With PATH empty but for this, /usr/sbin and /sbin are looked in too, where mkfs is.
    return subprocess.run(["/bin/sh", FOLDER / "programs.sh", purpose], text=True, check=False,
                          capture_output=True, env={"PATH": str(folder)}, stdin=subprocess.DEVNULL)


def test_without_a_package_manager_what_is_needed_is_named_in_words(here: Path) -> None:
    done = check(here, "run")
    assert done.returncode == 2
    assert done.stdout == ""
    for words in ("Python 3.11 or newer", "a C compiler", "a static C library",
                  "QEMU 7.2 or newer for x86_64", "zstd"):
        assert words in done.stderr
    assert "apt" not in done.stderr
    assert "flex" not in done.stderr
    assert "flex" in check(here, "build").stderr
    assert "pgrep" in check(here, "check").stderr
    assert "chromedriver" in check(here, "test").stderr


def test_without_a_package_manager_what_is_found_is_enough(here: Path) -> None:
    put(here, "python3", "cc", "zstd", "setpriv", "mkfs.ext4", "e2fsck")
    put(here, "qemu-system-x86_64", body="echo 'QEMU emulator version 10.0.2 (made)'")
    done = check(here, "run")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (here / "cc").unlink()
    done = check(here, "run")
    assert done.returncode == 2
    assert "a C compiler" in done.stderr
    assert "QEMU" not in done.stderr


@pytest.mark.parametrize(("version", "enough"), [
    ("6.2.0", False), ("7.1.0", False), ("7.2.22", True), ("8.0.0", True), ("10.0.2", True)])
def test_an_older_qemu_is_not_enough(here: Path, version: str, enough: bool) -> None:
    put(here, "qemu-system-x86_64", body=f"echo 'QEMU emulator version {version} (Debian)'")
    assert ("QEMU" not in check(here, "run").stderr) == enough


@pytest.mark.parametrize(("user", "status"), [(1000, 2), (0, 0)])
def test_debian_packages_are_installed_or_named(here: Path, tmp_path: Path, user: int,
                                                status: int) -> None:
    said = tmp_path / "said"
    put(here, "dpkg-query", body='for last; do :; done; [ "$last" = zstd ] || '
                                 'echo install ok installed')
    put(here, "apt-get", body=f'echo "$*" >> {said}')
    (here / "id").unlink()
    put(here, "id", body=f"echo {user}")
    done = check(here, "run")
    assert done.returncode == status
    line = "install -y --no-install-recommends zstd"
    if user:
        assert done.stderr == f"missing packages; as root, run: apt-get {line}\n"
        assert not said.exists()
    else:
        assert said.read_text() == f"update -qq\n{line}\n"


def test_the_programs_of_every_purpose_are_here() -> None:
    """By the commands that a machine without dpkg is asked for: the one that tests run on has them
    all but a browser."""
    script = (FOLDER / "programs.sh").read_text()
    elsewhere = re.sub(r"^debian=\$\(.*\)$", "debian=", script, flags=re.MULTILINE)
    assert elsewhere != script
    done = subprocess.run(["sh", "-s", "check"], input=elsewhere, text=True, capture_output=True,
                          check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_python_is_found_by_version(here: Path) -> None:
    for name in ("sort", "tail", "cut", "tr", "ls", "cat"):
        (here / name).symlink_to(shutil.which(name) or name)
    answer = 'echo "{} {} {} {}"'
    put(here, "python3", body=answer.format(3, 9, 2, "/made/python3"))
    put(here, "python3.11", body=answer.format(3, 11, 10, "/made/python3.11"))
    put(here, "python3.9", "python3.11-config", body="exit 1")
    put(here, "python3.12", body=answer.format(3, 12, 3, "/made/with a blank/python3.12"))

    def find(*version: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["/bin/sh", FOLDER / "python.sh", *version], text=True, check=False,
                              capture_output=True, env={"PATH": str(here), "HOME": str(here)})

    assert find().stdout == "/made/with a blank/python3.12\n"
    assert find("3.11").stdout == "/made/python3.11\n"
    missing = find("3.13")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "no Python 3.13" in missing.stderr


def locked(name: str) -> dict[str, set[str]]:
    """The versions that a lock has of each package, by its name."""
    found: dict[str, set[str]] = {}
    for line in (FOLDER / f"{name}.txt").read_text().splitlines():
        if match := re.match(r"([\w.-]+)==([\w.+!]+)", line):
            found.setdefault(match[1], set()).add(match[2])
    return found


def wanted(*tables: list[str]) -> dict[str, str]:
    """The lowest version of each package that pyproject.toml allows."""
    found = {}
    for requirement in (one for table in tables for one in table):
        match = re.fullmatch(r"([\w.-]+)>=([\w.]+)(,<[\d.]+)?", requirement)
        assert match, f"{requirement}: give the lowest version"
        found[match[1].lower()] = match[2]
    return found


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN = wanted(PROJECT["project"]["dependencies"], PROJECT["dependency-groups"]["build"])
ALL = wanted(PROJECT["project"]["dependencies"], PROJECT["dependency-groups"]["build"],
             *PROJECT["project"]["optional-dependencies"].values())


def test_locks_hold_what_the_project_asks_for_and_agree() -> None:
    run, test, lowest = locked("run"), locked("test"), locked("lowest")
    assert run.keys() >= RUN.keys()
    assert test.keys() >= ALL.keys()
    assert run.items() <= test.items()
    assert not run.keys() & (ALL.keys() - RUN.keys())
    assert lowest.keys() >= ALL.keys()
    for name, version in ALL.items():
        [found] = lowest[name]
        assert re.fullmatch(rf"{re.escape(version)}(\.0)*", found), (
            f"make lock: {name} is {found} in requirements/lowest.txt and {version} in "
            "pyproject.toml")


@pytest.mark.parametrize("name", ["run", "test", "lowest"])
def test_every_version_is_held_by_checksums_and_no_host_is_named(name: str) -> None:
    text = (FOLDER / f"{name}.txt").read_text()
    parts = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert len(parts) > 15
    assert all(re.match(r"[\w.-]+==\S+( ; [^\\]*)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+$",
                        part) for part in parts)
    assert "://" not in text
