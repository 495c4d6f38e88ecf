# SPDX-License-Identifier: GPL-2.0-or-later
"""The Containerfile, built and run by buildah.

In the place of the base image stands a root made of Debian's packages, with this machine's own
settings of apt; its settings of pip are mounted for the build alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tailwalk import __version__
from tailwalk.kernels.mirrors import machine_mirrors
from tailwalk.runs import read_run

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "Containerfile").read_text()
SUITE = "trixie"

container = [pytest.mark.long, pytest.mark.network, pytest.mark.timeout(3600),
             pytest.mark.skipif(os.geteuid() != 0, reason="not here: buildah is run as root")]


def succeed(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


@dataclass(frozen=True)
class Buildah:
    """buildah with a store of its own."""

    store: Path

    def __call__(self, command: str, *words: str | Path) -> str:
        return succeed("buildah", "--storage-driver", "vfs", "--root", self.store / "root",
                       "--runroot", self.store / "run", command, *words)


@dataclass(frozen=True)
class Container:
    """A container of the built image; its volumes last from one command to the next."""

    buildah: Buildah
    name: str

    @property
    def settings(self) -> dict:
        return json.loads(self.buildah("inspect", self.name))["OCIv1"]["config"]

    def run(self, *words: str) -> str:
        return self.buildah("run", "--isolation", "chroot", self.name, "--", *words)

    def tailwalk(self, *arguments: str) -> str:
        return self.run(*self.settings["Entrypoint"], *arguments)


def debian_root(archive: Path) -> None:
    """Debian's minimal system, from the mirror and with the settings that this machine has."""
    mirror = next(mirror for mirror in machine_mirrors() if "security" not in mirror.suite)
    settings = succeed("apt-config", "dump", "Acquire")
    options = [f"--aptopt={line}" for line in settings.splitlines()
               if re.match(r'Acquire::(Check|http|https|Retries)[\w:-]* "[^"]+";$', line)]
    succeed("mmdebstrap", "--variant=minbase", "--include=ca-certificates", *options, SUITE,
            archive, mirror.uri)


def pip_settings(folder: Path) -> list[str]:
    """Mounts that give a build this machine's settings of pip, and the files they name."""
    listed = dict(line.split("=", 1) for line in
                  reversed(succeed("pip", "config", "list").splitlines()))
    settings = {name.rpartition(".")[2]: value.strip("'") for name, value in listed.items()}
    file = folder / "pip.conf"
    file.write_text("".join(["[global]\n", *(f"{name} = {value}\n"
                                             for name, value in settings.items())]))
    named = [Path(path) for path in re.findall(r"(?:(?<==)|(?<=\s)|(?<=file://))/[^\s]+",
                                               file.read_text())]
    # An index on this machine's disk (a directory simple/) refers to files beside it.
    named = [path.parent if path.name == "simple" else path for path in named]
    mounts = {file: Path("/etc/pip.conf"), **{path: path for path in named if path.exists()}}
    return [word for source, place in mounts.items()
            for word in ("--volume", f"{source}:{place}:ro")]


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Iterator[Container]:
    for tool in ("buildah", "mmdebstrap"):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool}")
    place = tmp_path_factory.mktemp("container")
    buildah = Buildah(place / "store")
    debian_root(place / "base.tar")
    base = buildah("from", "scratch").strip()
    buildah("add", base, place / "base.tar", "/")
    buildah("commit", "--rm", base, "base")
    (place / "base.tar").unlink()
    buildah("build", "--isolation", "chroot", "--build-arg", "BASE=localhost/base",
            *pip_settings(place), "-t", "tailwalk", "-f", ROOT / "Containerfile", ROOT)
    yield Container(buildah, buildah("from", "tailwalk").strip())
    shutil.rmtree(buildah.store)


def test_the_context_holds_what_is_copied() -> None:
    copied = {word for line in re.findall(r"^COPY (.*) \S+$", CONTAINERFILE, re.MULTILINE)
              for word in line.split()}
    kept = set(re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert copied == kept
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.guest
class TestImage:
    pytestmark = container

    def test_it_runs_as_an_ordinary_user(self, image: Container) -> None:
        assert image.run("id", "-un").strip() == "tailwalk"
        assert image.tailwalk("--version") == f"tailwalk, version {__version__}\n"
        assert "pwrite_u1k" in image.tailwalk("cases")

    def test_doctor_misses_nothing_that_a_measurement_needs(self, image: Container) -> None:
        image.tailwalk("doctor")

    def test_it_measures_and_keeps_kernel_and_record(self, image: Container,
                                                     tmp_path: Path) -> None:
        record = tmp_path / "run.json"
        record.write_text(image.tailwalk("run", "debian:6.18", "-c", "pwrite_u1k",
                                         "--format", "json"))
        run = read_run(record)
        [figure] = run.figures
        assert figure.main.steady and figure.main.value > 5000  # as the regression makes it
        assert set(image.settings["Volumes"]) == {"/var/cache/tailwalk", "/var/lib/tailwalk"}
        assert run.id in image.run("ls", "/var/lib/tailwalk")
        assert image.run("ls", "/var/cache/tailwalk/kernels").split()

    def test_nothing_of_this_machines_settings_stays(self, image: Container) -> None:
        assert image.run("sh", "-c", "cat /etc/pip.conf 2>/dev/null || true") == ""
        assert not [name for name in image.settings["Env"] if name.startswith("PIP_")]
