# SPDX-License-Identifier: GPL-2.0-or-later
"""Any arguments at all: every command with options and values at random, in an empty cache and with
no program to start. It ends with a status of its own, without a trace, and writes nothing but what
it was told to."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner
from forked import Forks, leaves
from hypothesis import given
from hypothesis import strategies as st
from made_runs import made_seed_runs

from tailwalk.cli import group
from tailwalk.runs import write_run

ODD = ["", " ", "0", "-1", "1", "1180591620717411303424", "-1180591620717411303424", "nan", "inf",
       "-inf", "1e400", "1e-400", "1_000", "１２", "²", "0x10", "9" * 5000, "4KiB", "3 KiB", "1e3",
       "debian:", "debian:6.18", "debain:6.18", "src:", "src:nowhere", "image:none", "host", "::",
       "run0.json", "broken.json", "seed", "pwrite_u1k", "pwrite_u１k", "pwrite_u" + "9" * 5000,
       "ext4", "json", "table", "tail", "first,last", "first,,", "made", "nowhere/made", ".",
       "a\x1b[2Jb", "a\nb", "\u202e", "x" * 5000, "--", "-", "--no-such-option", "*", "[", "%s",
       "{0}"]
values = st.one_of(st.sampled_from(ODD), st.text(st.characters(
    exclude_categories=("Cs",), exclude_characters="\0/"), max_size=12))
WRITABLE = {"made", "run0.json", "broken.json"}


def command_of(words: tuple[str, ...]) -> click.Command:
    command: click.Command | None = group
    rest = list(words)
    while rest and isinstance(command, click.Group):
        _, command, rest = command.resolve_command(click.Context(command), rest)
    assert command is not None
    return command


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A command with some of its options, then arguments; nothing that would explore for long."""
    words = draw(st.sampled_from(leaves()))
    parts = list(words)
    for parameter in command_of(words).params:
        if isinstance(parameter, click.Option) and draw(st.integers(0, 5)) == 0:
            parts.append(draw(st.sampled_from(parameter.opts)))
            if not parameter.is_flag:
                parts.append(draw(values))
    return parts + draw(st.lists(values, max_size=3))


@pytest.fixture(scope="module")
def tailwalk(tmp_path_factory: pytest.TempPathFactory) -> Forks:
    return Forks(tmp_path_factory.mktemp("grammar"))


def settle(forks: Forks) -> None:
    """Make the folder what it was."""
    [run] = made_seed_runs("debian:6.12")
    write_run(run, forks.folder / "run0.json")
    (forks.folder / "broken.json").write_text('{"schema": "tailwalk.run/2"}')


def bears(forks: Forks, arguments: list[str]) -> None:
    settle(forks)
    before = {path.name for path in forks.folder.iterdir()}
    found = forks(*arguments)
    judges = arguments[:2] == ["bisect", "step"]
    assert found.status in ((0, 1, 2, 125, 255) if judges else (0, 1, 2)), (arguments, found)
    assert "Traceback" not in found.err and "mistake in tailwalk" not in found.err, found.err
    made = {path.name for path in forks.folder.iterdir()} - before
    assert made <= set(arguments), (arguments, made)
    for name in made:
        path = forks.folder / name
        path.rmdir() if path.is_dir() else path.unlink()


@given(lines())
@pytest.mark.slow
def test_any_arguments_are_borne(tailwalk: Forks, arguments: list[str]) -> None:
    bears(tailwalk, arguments)


NUMBERS = ["1180591620717411303424", "nan", "inf", "", "1e400", "１２", "9" * 5000, "1_000"]


@pytest.mark.parametrize("option", [
    ("run", "--calls"), ("run", "--rounds"), ("run", "--fill"), ("compare", "--threshold"),
    ("bisect", "--ratio"), ("bisect step", "--above"), ("verify", "--seconds"),
    ("verify", "--workers"), ("exec", "--timeout"), ("exec", "--memory"), ("host", "--cpu"),
    ("track", "--newest"), ("model replay", "--first"), ("model check", "--buffers"),
    ("cache prune", "--older-than"), ("runs prune", "--older-than")], ids=" ".join)
@pytest.mark.slow
def test_a_number_is_one_within_bounds(tailwalk: Forks, option: tuple[str, str]) -> None:
    command, name = option
    for value in NUMBERS:
        found = tailwalk(*command.split(), name, value, "debian:6.18", "debian:6.12")
        assert found.status == (255 if command == "bisect step" else 2), (value, found)
        assert found.out == "" and "Traceback" not in found.err, found
        assert name in found.err or "is not a size" in found.err, (value, found.err)


@pytest.mark.parametrize(("arguments", "said"), [
    (["comapre"], "Did you mean compare?"), (["runs", "lst"], "Did you mean list?"),
    (["cache", "verfy"], "Did you mean verify?"), (["runs", "imprt"], "Did you mean import?"),
    (["model", "chek"], "Did you mean check?"), (["series", "aply"], "Did you mean apply?"),
    (["run", "debian:6.18", "--cals", "3"], "--calls"), (["cases", "pwrit_u1k"], "pwrite_u1k"),
    (["cases", "seeds"], "seed"), (["run", "debain:6.18"], "did you mean 'debian:6.18'"),
    (["cases", "pwrite_u１k"], "there is no case 'pwrite_u１k'"),
    (["bisect", "debian:6.18", "debian:6.18"], "debian:6.18 and debian:6.18 are one kernel"),
    (["run", "debian:6.18", "--append", "x" * 5000], "takes 2047"),
    (["run", "debian:6.18", "--append", "é" * 1500], "1134 bytes too long"),
    (["exec", "debian:6.18", "--append", "x" * 5000, "--", "broken.json"], "takes 2047"),
])
def test_what_was_meant_is_said(tailwalk: Forks, arguments: list[str], said: str) -> None:
    settle(tailwalk)
    found = tailwalk(*arguments)
    assert found.status == 2
    assert said in found.err, found.err


@pytest.mark.parametrize("words", [words for words in leaves() if words != ("bisect", "step")],
                         ids=" ".join)
def test_an_option_of_one_value_is_refused_where_it_is_given_twice(words: tuple[str, ...]) -> None:
    """Of two files to write the first would not be written, and nobody told."""
    for option in command_of(words).params:
        if not isinstance(option, click.Option) or option.is_flag or option.multiple:
            continue
        result = CliRunner().invoke(group, [*words, option.opts[0], "1", option.opts[-1], "2"])
        assert f"{'/'.join(option.opts)} is given 2 times, and takes one value" in result.stderr
        assert result.exit_code == 2


def test_help_comes_before_an_option_that_is_given_twice() -> None:
    result = CliRunner().invoke(group, ["compare", "--fill", "1KiB", "--threshold", "1",
                                        "--threshold", "2", "--help"])
    assert result.exit_code == 0 and result.stdout.startswith("Usage: ")


def test_what_stands_behind_two_dashes_is_the_programs() -> None:
    for command in ("compare", "exec"):
        result = CliRunner().invoke(group, [
            command, "debian:6.18", "debian:nothing", "--", "absent", "--fill", "1", "--fill", "2"])
        assert "is given" not in result.output + str(result.exception)
