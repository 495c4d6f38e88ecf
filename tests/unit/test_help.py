# SPDX-License-Identifier: GPL-2.0-or-later
"""What `tailwalk --help` shows first, and the words of help and errors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import tailwalk
from tailwalk.cli import GROUPS, group

_SYNONYMS = re.compile(
    r"--seed\b|\b(random seed|experiments?|scenarios?|test ?cases?|microbenchmarks?|subcommands?|"
    r"slowdowns?|speed-?ups?|latency|performance|snapshots?|measurand|bisect-step|--bad)\b", re.I)
"""What the glossary has another word for: a case, a record, a saved state, dearer and cheaper."""


def _commands() -> Iterator[click.Command]:
    waiting: list[click.Command] = [group]
    for command in waiting:
        yield command
        if isinstance(command, click.Group):
            context = click.Context(command)
            waiting += [found for name in command.list_commands(context)
                        if (found := command.get_command(context, name))]


def test_the_help_shows_groups_and_ends_with_a_command_for_each_reader() -> None:
    shown = CliRunner().invoke(group, ["--help"], terminal_width=80).stdout
    titles = re.findall(r"^(\w[\w ]*):$", shown, re.MULTILINE)
    assert titles == ["Options", *GROUPS, "To begin with"]
    last = [line.split("?") for line in shown.splitlines()[-3:]]
    for question, command in last:
        words = command.split()
        assert question and words[0] == "tailwalk"
        assert words[1] in GROUPS["Ask"]
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("words", [["import", "libmicro", "x"], ["bisect-step", "src:."],
                                   ["compare", "a.json", "b.json", "--bad", "1"],
                                   ["verify", "src:.", "--seed", "1"]], ids=" ".join)
def test_a_name_that_is_gone_is_refused(words: list[str]) -> None:
    done = CliRunner().invoke(group, words)
    assert done.exit_code == 2 and done.stderr.startswith("Usage: ")


def test_help_has_no_synonym() -> None:
    for command in _commands():
        said = [command.help or "", *(text for one in command.params
                                      for text in (getattr(one, "help", "") or "", *one.opts))]
        assert [text for text in said if _SYNONYMS.search(text)] == [], command.name


def test_errors_have_no_synonym() -> None:
    found = []
    for path in Path(tailwalk.__path__[0]).rglob("*.py"):
        text = path.read_text()
        for raised in ast.walk(ast.parse(text)) if _SYNONYMS.search(text) else ():
            if isinstance(raised, ast.Raise):
                found += [(path.name, said.value) for said in ast.walk(raised)
                          if isinstance(said, ast.Constant) and isinstance(said.value, str)
                          and _SYNONYMS.search(said.value)]
    assert found == []
