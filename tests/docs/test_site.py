# SPDX-License-Identifier: GPL-2.0-or-later
"""The documentation as a site: it builds without a warning, asks the network for nothing, and its
generated page says what the command line says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import workloads
from commands import PAGE, commands, reference
from pages import ROOT

from tailwalk.cli.schema import RECORDS


def build(project: Path) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "zensical.toml", project)
    return subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=project, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", project / "docs")
    done = build(project)
    assert done.returncode == 0, done.stdout + done.stderr
    return project / "site"


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html")
             for page in (ROOT / "docs").rglob("*.md")}
    assert pages <= {page.relative_to(site) for page in site.rglob("*.html")}


def listed(nav: list) -> list[str]:
    """The pages that a navigation leads to, in its order."""
    found: list[str] = []
    for entry in nav:
        below = next(iter(entry.values())) if isinstance(entry, dict) else entry
        found += listed(below) if isinstance(below, list) else [below]
    return found


def test_the_navigation_leads_to_every_page_once() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(listed(project["nav"])) == sorted(pages)


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    for page in [*site.rglob("*.html"), *site.rglob("*.css"), *site.rglob("*.svg")]:
        asked = re.findall(r"(?:src=|@import|url\()\s*[\"']?(?:https?:)?//[^\s\"')]+"
                           r"|<link[^>]+href=[\"']?(?:https?:)?//[^\s\"'>]+",
                           page.read_text())
        assert not asked, f"{page.relative_to(site)}: {asked}"


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a page with bad links."""
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "docs", project / "docs")
    with (project / "docs" / "index.md").open("a") as page:
        page.write("\n[gone](gone.md) [gone](tutorial.md#gone) [away](/tutorial.md)\n")
    done = build(project)
    assert done.returncode != 0
    return re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("link", ["gone.md", "tutorial.md#gone", "/tutorial.md"])
def test_a_bad_link_ends_the_build(complaints: str, link: str) -> None:
    # Under --strict each warning would end it alone.
    assert re.search(rf"\]\({re.escape(link)}\)", complaints), complaints


def test_the_reference_is_what_the_command_line_says() -> None:
    assert PAGE.read_text() == reference(), "write it anew: python tests/docs/commands.py"


def test_the_workloads_are_as_they_are_declared() -> None:
    assert workloads.PAGE.read_text() == workloads.reference(), (
        "write it anew: python tests/docs/workloads.py")


def test_the_reference_has_every_command_and_option() -> None:
    text = PAGE.read_text()
    assert "``" not in text
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
