# SPDX-License-Identifier: GPL-2.0-or-later
"""The files for CI: they are what the page shows, their commands exist, and their steps do what the
page says, on real kernels."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from pages import ROOT

from tailwalk.cli import group

HOW_TO = ROOT / "docs" / "how-to"
FILES = ROOT / "docs" / "ci"
COMPARING = ["github-actions.yml", "gitlab-ci.yml"]
UPGRADING = ["github-upgrade.yml", "gitlab-upgrade.yml"]
PAGES = dict.fromkeys(COMPARING, HOW_TO / "qualify-an-upgrade.md") | dict.fromkeys(
    UPGRADING, HOW_TO / "ci.md")
NAMES = [*COMPARING, *UPGRADING]
ON_GITHUB = [name for name in NAMES if name.startswith("github")]


@dataclass(frozen=True)
class Job:
    """A job's shell steps, by name and in order, and its variables."""

    steps: dict[str, str]
    variables: dict[str, str]


def read(name: str) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load((FILES / name).read_text())
    return document


def job(name: str) -> Job:
    if name in ON_GITHUB:
        [only] = read(name)["jobs"].values()
        steps = {step["name"]: step["run"] for step in only["steps"] if "run" in step}
        variables = only["env"] | {"CANDIDATE": "debian:6.18"}
    else:
        [only] = read(name).values()
        steps = {"Install": "\n".join(only["before_script"]), "Judge": "\n".join(only["script"])}
        variables = only["variables"]
    return Job(steps, {key: value for key, value in variables.items() if "${{" not in value})


def invocations(made: Job) -> list[list[str]]:
    """The words of every call of tailwalk, variables put in."""
    lines = "\n".join(made.steps.values()).replace("\\\n", " ").splitlines()
    found = []
    for line in lines:
        for key, value in made.variables.items():
            line = line.replace(f"${key}", value)
        words = shlex.split(line.partition(">>")[0])
        if words and words[0].endswith("/tailwalk"):
            found.append(words[1:])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_the_file(name: str) -> None:
    assert f"```yaml\n{(FILES / name).read_text()}```\n" in PAGES[name].read_text()
    assert f"(../ci/{name})" in PAGES[name].read_text()


@pytest.mark.parametrize("name", NAMES)
def test_every_command_parses(name: str) -> None:
    calls = invocations(job(name))
    assert ["doctor"] in calls
    assert any("--fail-on" in call for call in calls)
    for words in calls:
        context = click.Context(group, info_name="tailwalk")
        command = group.get_command(context, words[0])
        assert command is not None, words
        command.make_context(words[0], words[1:], parent=context)


@pytest.mark.parametrize("name", NAMES)
def test_every_step_is_shell_that_bash_reads(name: str) -> None:
    for script in job(name).steps.values():
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_make_targets_exist(name: str) -> None:
    targets = re.findall(r"make -C tailwalk (\w+)", job(name).steps["Install"])
    assert targets
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("name", NAMES)
def test_no_host_is_named(name: str) -> None:
    assert not re.search(r"://|\b[\w-]+\.(?:com|org|net|io)\b", (FILES / name).read_text())


@pytest.mark.parametrize("name", ON_GITHUB)
def test_actions_are_of_a_stated_version(name: str) -> None:
    [only] = read(name)["jobs"].values()
    used = [step["uses"] for step in only["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"(actions/[\w-]+|github/codeql-action/upload-sarif)@v\d+", action)
               for action in used)
    # YAML 1.1 reads the key `on` as true; GitHub does not.
    assert set(read(name)[True]) == {"workflow_dispatch", "schedule"}


def run_step(script: str, desk: Path, variables: dict[str, str]) -> int:
    """A step's status in the shell that the runners start."""
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=desk, check=False,
        capture_output=True, text=True, timeout=1200,
        env={**os.environ, **variables, "GITHUB_STEP_SUMMARY": str(desk / "summary.md")})
    return done.returncode


@pytest.mark.guest
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", COMPARING)
@pytest.mark.parametrize(("candidate", "status"), [
    ("debian:6.18", 1), ("debian:7.3", 0), ("debian:1.0", 2), ("image:missing.deb", 2),
])
def test_the_steps_end_as_the_page_says(name: str, candidate: str, status: int,
                                        tmp_path: Path) -> None:
    made = job(name)
    (tmp_path / "venv").symlink_to(ROOT / ".venv")
    variables = made.variables | {"CANDIDATE": candidate}
    steps = [made.steps[step] for step in ("Measure", "Judge") if step in made.steps]
    measured = [run_step(script, tmp_path, variables) for script in steps]
    if status == 2:
        assert measured[0] == 2
        return
    assert measured == [0] * (len(steps) - 1) + [status]
    assert f'"{candidate}"' in (tmp_path / "comparison.json").read_text()
    assert (tmp_path / "comparison.html").exists()
    if "Measure" in made.steps:
        assert candidate in (tmp_path / "summary.md").read_text()


@pytest.mark.guest
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", UPGRADING)
def test_the_upgrade_test_ends_as_the_page_says(name: str, tmp_path: Path) -> None:
    """With the six cases in place of the whole suite."""
    made = job(name)
    (tmp_path / "venv").symlink_to(ROOT / ".venv")
    accepted = tmp_path / "accepted.toml"
    accepted.write_text("")
    scripts = [made.steps[step].replace("--case lts", "--case seed")
               for step in ("Record", "Judge") if step in made.steps]
    variables = made.variables | {"TAILWALK_RESULTS": str(tmp_path / "results")}
    statuses = [run_step(script, tmp_path, variables) for script in scripts]
    assert statuses == [0] * (len(scripts) - 1) + [1]
    assert (tmp_path / "upgrade.html").exists()
    assert "<failure" in (tmp_path / "upgrade.xml").read_text()
    accepted.write_text('[[accepted]]\ncase = "*"\nratio = 5.1\nreason = "known"\n'
                        "until = 2999-12-31\n")
    assert [run_step(script, tmp_path, variables) for script in scripts] == [0] * len(scripts)
    assert "<failure" not in (tmp_path / "upgrade.xml").read_text()


@pytest.mark.guest
@pytest.mark.timeout(1500)
@pytest.mark.network
@pytest.mark.parametrize("name", NAMES)
def test_the_install_step_installs(name: str, tmp_path: Path) -> None:
    """All of it but apt-get, whose packages this machine has."""
    script = "\n".join(line for line in job(name).steps["Install"].splitlines()
                       if not line.startswith("apt-get"))
    assert "pip install" in script
    assert run_step(script, tmp_path, {"TAILWALK_REPOSITORY": str(ROOT)}) == 0
    done = subprocess.run([tmp_path / "venv/bin/tailwalk", "--version"], check=True,
                          capture_output=True, text=True)
    assert done.stdout.startswith("tailwalk")
