# SPDX-License-Identifier: GPL-2.0-or-later
"""The package as it is installed: built, put into an environment of its own, and used outside the
checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tailwalk import __version__
from tailwalk.cache import default_root
from tailwalk.profile.causes import KNOWN
from tailwalk.runs import read_run

ROOT = Path(__file__).parents[2]
NAME = f"tailwalk-{__version__}"

pytestmark = pytest.mark.network


def succeed(*words: str | Path, **more) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment(folder: Path, *packages: str | Path) -> Path:
    """The bin/ of a new virtual environment with these packages."""
    succeed(sys.executable, "-m", "venv", folder)
    succeed(folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", *packages)
    return folder / "bin"


@dataclass(frozen=True)
class Built:
    """What was built: from the checkout, and the wheel again from the sdist."""

    wheel: Path
    sdist: Path
    wheel_of_sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    place = tmp_path_factory.mktemp("built")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    hatchling = environment(place / "venv", *project["build-system"]["requires"]) / "hatchling"
    succeed(hatchling, "build", "-d", place / "first", cwd=ROOT)
    sdist = place / "first" / f"{NAME}.tar.gz"
    with tarfile.open(sdist) as archive:
        archive.extractall(place, filter="data")
    succeed(hatchling, "build", "-t", "wheel", "-d", place / "second", cwd=place / NAME)
    wheel = f"{NAME}-py3-none-any.whl"
    return Built(place / "first" / wheel, sdist, place / "second" / wheel)


def files_of_wheel(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def tracked(*under: str) -> set[str]:
    """What git tracks or would add."""
    listed = succeed("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "--", *under)
    return set(listed.split())


def test_the_wheel_holds_every_file_of_the_package_and_its_license(built: Built) -> None:
    files = files_of_wheel(built.wheel)
    sources = {name.removeprefix("src/"): (ROOT / name).read_bytes()
               for name in tracked("src/tailwalk")}
    assert {name: body for name, body in files.items() if name.startswith("tailwalk/")} == sources
    assert files[f"{NAME}.dist-info/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    metadata = files[f"{NAME}.dist-info/METADATA"].decode()
    assert "\nLicense-Expression: GPL-2.0-or-later\n" in metadata
    assert "\nAuthor: The Tailwalk authors\n" in metadata


def test_the_page_of_an_index_has_the_readme_and_no_link_that_leads_nowhere_there(
        built: Built) -> None:
    text = files_of_wheel(built.wheel)[f"{NAME}.dist-info/METADATA"].decode()
    assert "\nDescription-Content-Type: text/markdown\n" in text
    readme = (ROOT / "README.md").read_text()
    for heading in re.findall("^## .*$", readme.partition("## Documentation")[0], re.MULTILINE):
        assert f"\n{heading}\n" in text
    assert re.search(r"\]\((?!https?:)", readme)
    assert re.findall(r"!?\[[^\]]*\]\((?!https?:)[^)]*\)", text) == []


def test_the_sdist_holds_what_git_tracks(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {member.name.removeprefix(f"{NAME}/") for member in archive if member.isfile()}
        license_file = archive.extractfile(f"{NAME}/LICENSE")
        assert license_file is not None
        assert license_file.read() == (ROOT / "LICENSE").read_bytes()
    assert names - tracked() == {"PKG-INFO"}
    assert tracked() - names <= {".gitignore"}


def test_the_sdist_makes_the_same_wheel(built: Built) -> None:
    assert files_of_wheel(built.wheel) == files_of_wheel(built.wheel_of_sdist)


@dataclass(frozen=True)
class Installed:
    """The tool in an environment of its own, with a cache that has kernels and nothing else."""

    bin: Path
    home: Path

    def tailwalk(self, *arguments: str) -> str:
        own = {"HOME": str(self.home), "TAILWALK_CACHE": str(self.home / "cache"),
               "TAILWALK_RESULTS": str(self.home / "results"), "COLUMNS": "80"}
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return succeed(self.bin / "tailwalk", *arguments, cwd=self.home, env=inherited | own)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory) -> Installed:
    home = tmp_path_factory.mktemp("home")
    (home / "cache").mkdir()
    for kind in ("archive", "packages", "kernels"):
        (default_root() / kind).mkdir(parents=True, exist_ok=True)
        (home / "cache" / kind).symlink_to(default_root() / kind)
    return Installed(environment(home / "venv", built.wheel), home)


def test_it_runs_from_the_environment_alone(installed: Installed) -> None:
    assert installed.tailwalk("--version") == f"tailwalk, version {__version__}\n"
    assert "pwrite_u1k" in installed.tailwalk("cases")
    assert "tail" in installed.tailwalk("series", "list")
    place = succeed(installed.bin / "python", "-c", "import tailwalk; print(tailwalk.__file__)",
                    cwd=installed.home, env={"PATH": os.environ["PATH"]})
    assert Path(place.strip()).is_relative_to(installed.home)


def test_the_man_page_is_where_man_looks(installed: Installed) -> None:
    page = installed.bin.parent / "share" / "man" / "man1" / "tailwalk.1"
    assert page.read_bytes() == (ROOT / "docs" / "reference" / "tailwalk.1").read_bytes()


def test_the_pages_that_outputs_name_are_installed(installed: Installed) -> None:
    place = installed.bin.parent / "share" / "doc" / "tailwalk" / "docs"
    for page in {cause.page.partition("#")[0] for cause in KNOWN}:
        assert (place / page).read_bytes() == (ROOT / "docs" / page).read_bytes()
    there = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert there == {name.removeprefix("docs/") for name in tracked("docs")}


@pytest.mark.guest
def test_it_measures_profiles_and_writes_a_page(installed: Installed) -> None:
    run = installed.home / "run.json"
    installed.tailwalk("run", "debian:6.18", "-c", "pwrite_u1k", "--calls", "50", "-o", str(run))
    [figure] = read_run(run).figures
    assert figure.main.steady and figure.main.value > 5000  # as the regression makes it
    profile = installed.home / "profile.json"
    installed.tailwalk("why", "debian:6.18", "--calls", "20", "-o", str(profile))
    page = installed.home / "page.html"
    installed.tailwalk("report", str(run), str(profile), "-o", str(page))
    assert "ext4" in page.read_text()
