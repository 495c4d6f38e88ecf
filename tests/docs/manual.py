# SPDX-License-Identifier: GPL-2.0-or-later
"""The man page, made from the command line itself.

    python tests/docs/manual.py

writes docs/reference/tailwalk.1; a test says when that has to be done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import click
from commands import commands, described
from pages import ROOT

from tailwalk import __version__
from tailwalk.cli import group

PAGE = ROOT / "docs" / "reference" / "tailwalk.1"

_HEAD = r'''.\" SPDX-License-Identifier: GPL-2.0-or-later
.\" Made by tests/docs/manual.py.
.TH TAILWALK 1 "" "tailwalk VERSION" "User Commands"
.SH NAME
tailwalk \- tell what a kernel upgrade costs, exactly, and which functions did it
.SH SYNOPSIS
.B tailwalk
.I COMMAND
.RI [ OPTION .\|.\|.\&]
.RI [ ARGUMENT .\|.\|.\&]
.SH DESCRIPTION
.B tailwalk
runs real kernels in QEMU guests and counts the instructions of every call.
It compares kernels, names the functions that make a difference, and says whether a fix recovers all
of it.
It needs no root and no KVM; results are the same on every machine.
'''

_SPECS = [
    ("debian:6.18", "the newest Debian build of 6.18.y that boots; debian:6.18.15 is that one"),
    ("src:6.18", "Debian's source with a minimal configuration; src:PATH is a tree of yours"),
    ("src:6.18+SERIES", "the same with a series of changes, such as tail"),
    ("debug:VERSION|PATH[+SERIES]", "the same as src:, in a kernel that checks itself; for verify"),
    ("image:PATH", "a vmlinux, vmlinuz, bzImage or kernel .deb of yours"),
]
_STATUSES = [
    ("0", "Done; where a verdict was asked for, a good one."),
    ("1", "A bad verdict, of compare --fail-on, verify and model."),
    ("2", "An error; standard error says what was wrong, and the way out."),
    ("129, 130, 143", "Ended by SIGHUP, SIGINT, SIGTERM."),
    ("141", "The reader of the output went away."),
]
_ENVIRONMENT = [
    ("TAILWALK_CACHE", "Where kernels and saved states are kept. Default: "
                       "$XDG_CACHE_HOME/tailwalk, else ~/.cache/tailwalk."),
    ("TAILWALK_RESULTS", "Where records are kept. Default: $XDG_DATA_HOME/tailwalk/runs, else "
                         "~/.local/share/tailwalk/runs."),
]
_EXAMPLES = [
    ("Did the upgrade make it worse?", "tailwalk compare debian:6.12 debian:6.18 debian:7.3"),
    ("Which kernel functions make the difference?", "tailwalk why debian:6.12 debian:6.18"),
    ("What does this machine lack?", "tailwalk doctor"),
]


def manual() -> str:
    """The whole page."""
    parts = [_HEAD.replace("VERSION", __version__), ".SH OPTIONS\n", *_options(group)]
    parts += _list([("-h, --help", "Show the help of tailwalk, or of a command, and exit.")])
    parts += [".SH COMMANDS\n"]
    parts += [_command(context, command) for context, command in commands() if command is not group]
    parts += [".SH KERNEL SPECS\n", *_list(_SPECS)]
    parts += [".SH EXIT STATUS\n", *_list(_STATUSES)]
    parts += ["Of\n.B bisect step\nand\n.BR exec ,\nsee their descriptions.\n"]
    parts += [".SH ENVIRONMENT\n", *_list(_ENVIRONMENT)]
    parts += [".SH EXAMPLES\n"]
    parts += [f"{_text(question)}\n.PP\n.EX\n    {_text(command)}\n.EE\n.PP\n"
              for question, command in _EXAMPLES]
    parts += [".SH COPYRIGHT\nTailwalk is free software under the GNU General Public License, "
              "version 2 or later.\n", ".SH SEE ALSO\n.BR qemu\\-system\\-x86_64 (1),\n"
              ".BR git\\-bisect (1)\n"]
    return "".join(parts)


def _command(context: click.Context, command: click.Command) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f".SS {_text(usage)}\n"]
    parts += [f"{_text(paragraph)}\n.PP\n" for paragraph in (command.help or "").split("\n\n")]
    return "".join([*parts, *_options(command)])


def _options(command: click.Command) -> list[str]:
    return _list(described(option) for option in command.params
                 if isinstance(option, click.Option))


def _list(entries: Iterable[tuple[str, str]]) -> list[str]:
    return [f".TP\n.B {_text(name)}\n{_text(said)}\n" for name, said in entries] + [".PP\n"]


_SIGNS = {"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "×": r"\(mu"}


def _text(text: str) -> str:
    """Words as roff takes them: in one line, none of them a request, code in bold."""
    plain = "".join(_SIGNS.get(sign, sign) for sign in " ".join(text.split()))
    plain.encode("ascii")  # another sign needs a name of roff's
    return re.sub(r"^(?=[.'])", r"\\&", re.sub(r"`([^`]*)`", r"\\fB\1\\fR", plain))


if __name__ == "__main__":
    PAGE.write_text(manual())
