# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk` as a process, many times: forked from one that has imported the commands."""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SERVER = """
import json, os, signal, sys
import click
from tailwalk.cli import group, main
import tailwalk.cli.console, tailwalk.report.page, tailwalk.report.terminal, rich.console

for name in group.list_commands(click.Context(group)):
    group.get_command(click.Context(group), name)
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit(0)

signal.alarm(60)
# As the interpreter begins: a descriptor that is closed has no stream.
os.environ.update(asked["environment"])
os.chdir(asked["folder"])
for number, place in enumerate(asked["places"]):
    if place is None:
        os.close(number)
    else:
        opened = os.open(place, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
        os.close(opened)
modes = ("r", "w", "w")
sys.stdin, sys.stdout, sys.stderr = [
    None if place is None else open(number, mode, encoding="utf-8", closefd=False)
    for number, (place, mode) in enumerate(zip(asked["places"], modes))]
sys.__stdout__ = sys.__stderr__ = None
sys.argv = ["tailwalk", *map(os.fsdecode, map(bytes, asked["arguments"]))]
exec(asked["first"])
main()
"""


@functools.cache
def _server() -> subprocess.Popen[str]:
    """The process that is forked from, one for all tests; it ends as its standard input does."""
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={"PATH": "", "PYTHONPATH": os.pathsep.join(sys.path), "LANG": "C.UTF-8"})
    atexit.register(server.communicate)
    return server


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote; nothing for a stream that was none."""

    status: int
    out: str
    err: str


class Forks:
    """Runs `tailwalk` in `folder`, as a user who has no programs, no network and an empty cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "here"
        self._streams = folder / "streams"
        names = {"PATH": "bin", "XDG_CACHE_HOME": "cache", "TAILWALK_RESULTS": "results",
                 "HOME": "home", "TMPDIR": "tmp"}
        self._environment = {name: str(folder / at) for name, at in names.items()}
        for made in (self.folder, self._streams, *self._environment.values()):
            Path(made).mkdir()

    def __call__(self, *arguments: str | bytes,
                 places: Sequence[str | None] = ("/dev/null", "out", "err"),
                 first: str = "") -> Ended:
        """Run with these arguments; `places` are what the three streams lead to, None where they
        are closed; `first` is Python that is run before."""
        paths = [None if place is None else str(self._streams / place) for place in places]
        request: dict[str, Any] = {
            "folder": str(self.folder), "places": paths, "first": first,
            "environment": self._environment,
            "arguments": [list(os.fsencode(argument)) for argument in arguments]}
        server = _server()
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        out, err = ("" if path is None or not Path(path).is_file()
                    else Path(path).read_text("utf-8", "surrogateescape") for path in paths[1:])
        return Ended(status, out, err)


def leaves() -> list[tuple[str, ...]]:
    """Every command that does something itself, by its words."""
    import click

    from tailwalk.cli import group

    def below(command: click.Command, words: tuple[str, ...]) -> list[tuple[str, ...]]:
        if not isinstance(command, click.Group):
            return [words]
        context = click.Context(command)
        own = [words] if command.invoke_without_command else []
        return own + [found for name in command.list_commands(context)
                      for found in below(command.get_command(context, name) or command,
                                         (*words, *name.split()))]

    return below(group, ())
