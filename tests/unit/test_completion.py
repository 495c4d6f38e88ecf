# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion: what the program answers, and what the shells themselves make of it, each on a
terminal where the Tab key is pressed."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from made_kernels import make_vmlinux
from skips import lacking
from stand_ins import put_program
from tailwalk.cache import Cache
from tailwalk.cli import group
from tailwalk.cli.completion import register_shells
from tailwalk.kernels.unpacked import open_unpacked
from tailwalk.progress import SILENT

_PATIENCE = 120  # seconds until a shell is held to be hung


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home directory with `tailwalk` in bin/ and a kernel in the cache."""
    home = tmp_path_factory.mktemp("home")
    (home / "bin").mkdir()
    put_program(home / "bin" / "tailwalk", "from tailwalk.cli import main\nmain()",
                shell=sys.executable)
    (home / "vmlinux").write_bytes(make_vmlinux())
    (home / "trees" / "linux").mkdir(parents=True)
    open_unpacked(Cache(home / "cache"), "0" * 64, spec="debian:6.18.15", progress=SILENT,
                  provenance={"package": "linux-image-test", "version": "6.18.15-1"},
                  files=lambda: [home / "vmlinux"])
    return home


def environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "TERM": "dumb",
            "TAILWALK_CACHE": str(home / "cache"), "LC_ALL": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def question(line: str) -> dict[str, str]:
    """What bash puts into the environment to ask what may stand at the end of a line."""
    return {"COMP_WORDS": line, "COMP_CWORD": str(len(f"{line}.".split()) - 1),
            "_TAILWALK_COMPLETE": "bash_complete"}


def ask(home: Path, line: str, **more: str) -> str:
    """What the program answers."""
    register_shells()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        done = CliRunner().invoke(group, [], prog_name="tailwalk", catch_exceptions=False,
                                  env=environment(home) | question(line) | more)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def values(home: Path, line: str, **more: str) -> list[str]:
    return [value for kind, _, value in (answer.partition(",") for answer
                                         in ask(home, line, **more).splitlines())
            if kind == "plain"]


def test_the_program_answers_as_its_functions_do(home: Path) -> None:
    done = subprocess.run([home / "bin" / "tailwalk"], capture_output=True, text=True, check=True,
                          cwd=home, env=environment(home) | question("tailwalk run debi"))
    assert done.stderr == ""
    assert done.stdout == ask(home, "tailwalk run debi") != ""


@pytest.mark.parametrize(("line", "expected"), [
    ("tailwalk ver", ["verify"]),
    ("tailwalk run ", ["debian:", "src:", "debug:", "image:", "debian:6.18.15"]),
    ("tailwalk run debi", ["debian:", "debian:6.18.15"]),
    ("tailwalk run image:vm", ["image:vmlinux"]),
    ("tailwalk build src:trees/", ["src:trees/linux/"]),
    ("tailwalk run debian:6.18 -c pwrite_u1", ["pwrite_u1k", "pwrite_u10k", "pwrite_u100k"]),
    ("tailwalk compare --case=seed", ["seed", "seed100k"]),
    ("tailwalk cases seed1", ["seed100k"]),
    ("tailwalk run debian:6.18 --offset la", ["last"]),
    ("tailwalk model check sp", ["span"]),
    ("tailwalk model replay debug", ["debug:"]),
    ("tailwalk exec --fi", ["--file"]),
    ("tailwalk exec --timeout 1 --timeout 2 --fi", ["--file"]),
    ("tailwalk exec deb", ["debian:", "debug:", "debian:6.18.15"]),
    ("tailwalk bisect st", ["step"]),
    ("tailwalk bisect debian:6.12 debia", ["debian:", "debian:6.18.15"]),
    ("tailwalk schema pro", ["profile", "program"]),
])
def test_what_may_stand_at_the_cursor(home: Path, line: str, expected: list[str]) -> None:
    assert values(home, line) == expected


@pytest.mark.parametrize("command", ["run", "compare", "sweep", "why", "track", "verify", "exec",
                                     "build", "bisect", "bisect step", "model replay",
                                     "doctor --kernel", "bisect step x --good",
                                     "compare x --regressed"])
def test_every_command_that_takes_a_spec_completes_it(home: Path, command: str) -> None:
    assert "image:" in values(home, f"tailwalk {command} im")


def test_records_are_files(home: Path) -> None:
    assert "file,v" in ask(home, "tailwalk compare v").splitlines()
    assert "file," not in ask(home, "tailwalk run ")


def test_a_cache_that_cannot_be_read_is_no_noise_at_the_prompt(home: Path) -> None:
    assert values(home, "tailwalk run debi", TAILWALK_CACHE=str(home / "vmlinux")) == ["debian:"]
    broken = home / "broken" / "kernels" / ("1" * 64)
    broken.mkdir(parents=True)
    assert values(home, "tailwalk run debi", TAILWALK_CACHE=str(home / "broken")) == ["debian:"]


@pytest.mark.parametrize("line", [
    "tailwalk compare debian:6.18 -c pw", *(pytest.param(line, marks=pytest.mark.slow)
                                            for line in ("tailwalk ", "tailwalk model check "))])
def test_completing_loads_nothing_heavy(home: Path, line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", home / "bin" / "tailwalk"], capture_output=True,
        text=True, check=True, cwd=home,
        env=environment(home) | question(line))
    loaded = {row.rpartition("|")[2].strip() for row in done.stderr.splitlines()}
    assert "click.shell_completion" in loaded and done.stdout
    assert loaded & {"numpy", "scipy", "jinja2", "debian", "elftools", "z3", "distributed",
                     "pyarrow"} == set()
    assert line != "tailwalk " or "tailwalk.cli.compare" not in loaded


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.output = ""

    def type(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The next text of this form that the shell prints."""
        deadline = time.monotonic() + _PATIENCE
        while not (match := re.search(pattern, self.output)):
            assert time.monotonic() < deadline, self.output
            if select.select([self._descriptor], [], [], 1)[0]:
                self.output += os.read(self._descriptor, 65536).decode(errors="replace")
        self.output = self.output[match.end():]
        return match


@contextmanager
def terminal(words: list[str], home: Path) -> Iterator[Terminal]:
    child, descriptor = pty.fork()
    if child == 0:
        os.chdir(home)
        os.execvpe(words[0], words, environment(home))
    try:
        yield Terminal(descriptor)
    finally:
        os.close(descriptor)  # hangs up
        os.waitpid(child, 0)


def bash(home: Path) -> list[str]:
    (home / "bashrc").write_text('PS1="ready> "\n'
                                 'eval "$(_TAILWALK_COMPLETE=bash_source tailwalk)"\n'
                                 'bind "set enable-bracketed-paste off"\n')
    return ["bash", "--rcfile", str(home / "bashrc"), "-i"]


def zsh(home: Path) -> list[str]:
    (home / ".zshrc").write_text('PS1="ready> "\nbindkey -e\n'
                                 "unsetopt zle_bracketed_paste prompt_sp\n"
                                 "autoload -Uz compinit && compinit -u\n"
                                 'eval "$(_TAILWALK_COMPLETE=zsh_source tailwalk)"\n')
    return ["zsh", "-i"]


def zsh_with_a_file(home: Path) -> list[str]:
    (home / ".zfunc").mkdir(exist_ok=True)
    with (home / ".zfunc" / "_tailwalk").open("w") as script:
        subprocess.run([home / "bin" / "tailwalk"], stdout=script, check=True,
                       env=environment(home) | {"_TAILWALK_COMPLETE": "zsh_source"})
    (home / ".zshrc").write_text('PS1="ready> "\nbindkey -e\nfpath+=~/.zfunc\n'
                                 "unsetopt zle_bracketed_paste prompt_sp\n"
                                 "autoload -Uz compinit && compinit -u\n")
    return ["zsh", "-i"]


def fish(home: Path) -> list[str]:
    configuration = home / ".config" / "fish" / "config.fish"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.write_text("function fish_prompt; echo 'ready> '; end\nset fish_greeting\n"
                             "set -g fish_autosuggestion_enabled 0\n"
                             "_TAILWALK_COMPLETE=fish_source tailwalk | source\n")
    return ["fish", "-i"]


@pytest.fixture(scope="module", ids=lambda shell: shell.__name__, params=[
    bash, *(pytest.param(shell, marks=pytest.mark.slow) for shell in (zsh, zsh_with_a_file, fish))])
def screen(request: pytest.FixtureRequest, home: Path) -> Iterator[Terminal]:
    """A shell, in which one line is typed after another."""
    words = request.param(home)
    if shutil.which(words[0]) is None:
        lacking(words[0])
    with terminal(words, home) as screen:
        yield screen


@pytest.mark.parametrize(("typed", "becomes"), [
    ("tailwalk veri", "tailwalk verify "),
    *(pytest.param(*pair, marks=pytest.mark.slow) for pair in [
        ("tailwalk run debian:6.18 -c pwrite_u100", "tailwalk run debian:6.18 -c pwrite_u100k "),
        ("tailwalk run ima", "tailwalk run image:"),
        ("tailwalk run debian:6", "tailwalk run debian:6.18.15 "),
        ("tailwalk run image:vml", "tailwalk run image:vmlinux "),
        ("tailwalk build src:tre", "tailwalk build src:trees/"),
        ("tailwalk compare debian:6.18 vml", "tailwalk compare debian:6.18 vmlinux ")]),
])
def test_the_tab_key(screen: Terminal, typed: str, becomes: str) -> None:
    screen.wait_for("ready> ")
    screen.type(f"{typed}\t%\x01echo '<\x05>'\r")  # Control-A and -E: begin and end of line
    assert screen.wait_for(r"(?<!')<([^%>\r\n]*)%>")[1] == becomes
