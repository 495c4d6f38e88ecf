# SPDX-License-Identifier: GPL-2.0-or-later
"""The documentation as a site: it builds without a warning, asks the network for nothing, and its
generated page says what the command line says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import workloads
from commands import PAGE, commands, reference
from pages import ROOT

from tailwalk.cli.schema import RECORDS


def build(project: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", site],
        cwd=project, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site") / "site"
    done = build(ROOT, made)
    assert done.returncode == 0, done.stderr
    return made


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html")
             for page in (ROOT / "docs").rglob("*.md")}
    assert pages <= {page.relative_to(site) for page in site.rglob("*.html")}


def test_no_page_asks_the_network_for_anything(site: Path) -> None:
    for page in [*site.rglob("*.html"), *site.rglob("*.css"), *site.rglob("*.svg")]:
        asked = re.findall(r"(?:src=|@import|url\()\s*[\"']?(?:https?:)?//[^\s\"')]+"
                           r"|<link[^>]+href=[\"']?(?:https?:)?//[^\s\"'>]+|<script",
                           page.read_text())
        assert not asked, f"{page.relative_to(site)}: {asked}"


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a page with bad links and one that nothing leads to."""
    project = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "mkdocs.yml", project)
    shutil.copytree(ROOT / "docs", project / "docs")
    with (project / "docs" / "index.md").open("a") as page:
        page.write("\n[gone](gone.md) [gone](tutorial.md#gone) [away](/tutorial.md)\n")
    (project / "docs" / "stray.md").write_text("# Stray\n")
    done = build(project, project / "site")
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize("complaint", ["gone.md", "#gone", "absolute", "stray.md"])
def test_a_bad_link_and_a_stray_page_end_the_build(complaints: str, complaint: str) -> None:
    # Under --strict each warning would end it alone.
    said = re.split(r"^(?=[A-Z]+ +-)", complaints, flags=re.MULTILINE)
    assert any(complaint in one for one in said if one.startswith("WARNING"))


def test_the_reference_is_what_the_command_line_says() -> None:
    assert PAGE.read_text() == reference(), "write it anew: python tests/docs/commands.py"


def test_the_workloads_are_as_they_are_declared() -> None:
    assert workloads.PAGE.read_text() == workloads.reference(), (
        "write it anew: python tests/docs/workloads.py")


def test_the_reference_has_every_command_and_option() -> None:
    text = PAGE.read_text()
    for context, command in commands():
        if context.parent is not None:
            assert f" {context.command_path}\n" in text
        for parameter in command.params:
            for name in parameter.opts:
                if name.startswith("--"):
                    assert name in text, f"{context.command_path}: {name}"


def test_every_schema_is_linked_from_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "records.md").read_text()
    linked = set(re.findall(r"\(\.\./schema/([\w.-]+)\)", text))
    assert linked == {path.name for path in (ROOT / "docs" / "schema").iterdir()}
    assert {name.rpartition("-")[0] for name in linked} == set(RECORDS)
