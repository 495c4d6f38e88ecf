# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command that the documentation shows does what the page says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from pages import PAGES, ROOT, Session, difference, sessions, write_files

from skips import NOT_HERE
from tailwalk.cli import group

ALL = [session for page in PAGES for session in sessions(page)]


@pytest.fixture(scope="module")
def desks(tmp_path_factory) -> dict[str, Path]:
    """A directory a page, in which its commands run one after the other."""
    found = {}
    for page in PAGES:
        found[str(page.relative_to(ROOT))] = desk = tmp_path_factory.mktemp(page.stem)
        write_files(page, desk)
    return found


def _parameters():
    for number, session in enumerate(ALL):
        marks = []
        if "long" in session.how.split():
            marks += [pytest.mark.long, pytest.mark.timeout(3600)]
        if session.how.startswith("not run:"):
            marks.append(pytest.mark.skip(reason=f"{NOT_HERE}{session.how}"))
        name = re.sub(r"[^\w.:+-]+", "_", session.command)[:60]
        yield pytest.param(session, marks=marks, id=f"{session.page}-{number}-{name}")


@pytest.mark.guest
@pytest.mark.parametrize("session", list(_parameters()))
def test_a_shown_command(session: Session, desks):
    command = session.command
    if command.startswith("make "):
        command = f"make -s -C {ROOT} {command.removeprefix('make ')}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=desks[session.page], capture_output=True, text=True,
        check=False, timeout=3000,
        env={**os.environ, "COLUMNS": "80", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
             "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"})
    assert done.returncode == session.status, done.stderr
    printed = done.stdout if session.status != 2 else done.stderr
    assert difference(session.output, printed) == "", printed


_MENTIONED = re.compile(r"^ {4}(tailwalk (?:.*\\\n)*.*)|`(tailwalk [a-z][^`]*)`", re.MULTILINE)


def mentioned(page: Path) -> list[list[str]]:
    """The words of the commands that a page names without showing what they print."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    found = [block or inline for block, inline in _MENTIONED.findall(text)]
    return [shlex.split(re.split(r" [>|] ", command.replace("\\\n", " "))[0])[1:]
            for command in found]


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "commands"],
                         ids=lambda page: page.stem)  # that one is made from the commands
def test_a_command_that_is_only_named_exists(page: Path):
    for words in mentioned(page):
        command, context = group, click.Context(group, info_name="tailwalk")
        while isinstance(command, click.Group) and words:
            name, *words = words
            below = command.get_command(context, name)
            assert below is not None, f"{page.name}: {context.command_path} {name}"
            command, context = below, click.Context(below, info_name=name, parent=context)
        command.make_parser(context).parse_args(words)  # raises where an option is unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_a_page_lead_somewhere(page: Path):
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_comparison_of_outputs_can_fail():
    assert difference("a 100 b", "a 102 b") == ""
    assert difference("a 100 b", "a 110 b")
    assert difference("a 100 b", "a 100 c")
    assert difference("one\n...\nlast", "one\ntwo\nthree\nlast") == ""
    assert difference("one\n...\nlast", "one\ntwo\nthree")
    assert difference("6.18.15 is 5", "6.18.20 is 5") == ""
    assert difference("one", "one\ntwo")
