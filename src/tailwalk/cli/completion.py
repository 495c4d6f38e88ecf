# SPDX-License-Identifier: GPL-2.0-or-later
"""What a shell may put at the cursor: specs, cases, places and designs, and the scripts of the
shells in which click's own cannot complete a word with a colon in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import click
from click.shell_completion import BashComplete, CompletionItem, ZshComplete, add_completion_class

from tailwalk.cases import PLACES, SUITES, all_families
from tailwalk.errors import TailwalkError

_KINDS = ("debian:", "src:", "debug:", "image:")
_OF_A_PATH = ("src:", "debug:", "image:")


def teach(command: click.Command) -> None:
    """Let the command's parameters complete what the words of their metavars name."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            teach(below)
    for parameter in command.params:
        words = re.findall(r"[A-Z]+", parameter.metavar or (parameter.name or "").upper())
        sources = [_SOURCES[word] for word in words if word in _SOURCES]
        if sources and isinstance(parameter.type, click.types.StringParamType):
            parameter.type = _Word(sources, or_file="RUN" in words or "PROFILE" in words)


def register_shells() -> None:
    """Put the scripts of bash and zsh in the place of click's."""
    for shell in (_Bash, _Zsh):
        add_completion_class(shell)


class _Word(click.types.StringParamType):
    """A string, and what it may be."""

    def __init__(self, sources: Iterable[Callable[[str], Iterable[str]]], *,
                 or_file: bool) -> None:
        self._sources = tuple(sources)
        self._or_file = or_file

    def shell_complete(self, ctx: click.Context, param: click.Parameter,  # noqa: ARG002
                       incomplete: str) -> list[CompletionItem]:
        values = dict.fromkeys(value for source in self._sources for value in source(incomplete)
                               if value.startswith(incomplete))
        found = [CompletionItem(value) for value in values]
        return [*found, CompletionItem(incomplete, type="file")] if self._or_file else found


def _specs(incomplete: str) -> Iterator[str]:
    """The kinds of spec, the kernels in the cache, and paths where a spec may have one."""
    yield from _KINDS
    yield from _cached()
    for kind in _OF_A_PATH:
        if incomplete.startswith(kind):
            yield from (kind + path for path in _paths(incomplete.removeprefix(kind)))


def _cached() -> list[str]:
    from tailwalk.cache import Cache
    from tailwalk.kernels.listing import cached_kernels

    try:
        origins = [kernel.origin for kernel in cached_kernels(Cache())]
    except (TailwalkError, OSError, RuntimeError):  # the last: there is no home directory
        return []  # the command itself says what is wrong with the cache
    return [origin for origin in origins if origin.startswith(_KINDS)]


def _paths(incomplete: str) -> Iterator[str]:
    """The files and directories, these with a slash, that a path's beginning may become."""
    folder, slash, name = incomplete.rpartition("/")
    try:
        places = sorted(Path(folder + slash or ".").expanduser().iterdir())
    except (OSError, RuntimeError):
        return
    for place in places:
        if name or not place.name.startswith("."):
            yield f"{folder}{slash}{place.name}{'/' * place.is_dir()}"


def _designs(incomplete: str) -> Iterator[str]:  # noqa: ARG001
    from tailwalk.model.designs import DESIGNS

    yield from DESIGNS


_SOURCES: dict[str, Callable[[str], Iterable[str]]] = {
    "SPEC": _specs, "GOOD": lambda incomplete: chain(_specs(incomplete), ["step"]), "BAD": _specs,
    "CASE": lambda incomplete: chain.from_iterable(SUITES.values()),  # noqa: ARG005
    "SUITE": lambda incomplete: SUITES,  # noqa: ARG005
    "FAMILY": lambda incomplete: all_families(),  # noqa: ARG005
    "PLACE": lambda incomplete: PLACES,  # noqa: ARG005
    "DESIGN": _designs,
}


class _Bash(BashComplete):
    """Click's script takes the words as readline breaks them: debian:6.18 is three of them.

    Here the line up to the cursor is split at blanks, and from what comes back the part before
    the last colon is taken away, where readline replaces only what follows it.
    """

    source_template = r"""
%(complete_func)s() {
    local line=${COMP_LINE:0:COMP_POINT} words last type value kept=
    read -ra words <<< "$line."
    last=${line##*[[:space:]]}
    [[ $last == -*=* ]] && last=${last#*=}
    [[ $COMP_WORDBREAKS == *:* && $last == *:* ]] && kept=${last%%:*}:
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            plain) [[ $value == *[:/] ]] && compopt -o nospace
                   COMPREPLY+=("${value#"$kept"}") ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(COMP_WORDS=$line COMP_CWORD=$((${#words[@]} - 1)) \
             %(complete_var)s=bash_complete "$1")
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Zsh(ZshComplete):
    """Click's script puts a blank after debian: and a directory's slash, and as a file in fpath
    completes but once in a session: zsh runs the file, not the function in it, at every Tab."""

    source_template = r"""#compdef %(prog_name)s
%(complete_func)s() {
    local type value help
    local -a open closed shown
    for type value help in "${(@f)$(COMP_WORDS="${words[1,CURRENT]}" \
            COMP_CWORD=$((CURRENT - 1)) %(complete_var)s=zsh_complete "${words[1]}")}"; do
        case $type in
            plain)
                if [[ $value == *[:/] ]]; then
                    open+=("$value")
                else
                    closed+=("$value")
                    [[ $help == _ ]] && shown+=("$value") || shown+=("$value -- $help")
                fi ;;
            file) _files ;;
            dir) _files -/ ;;
        esac
    done
    (( $#open )) && compadd -U -S '' -V %(prog_name)s -a open
    (( $#closed )) && compadd -U -V %(prog_name)s -l -d shown -a closed
    return 0
}
compdef %(complete_func)s %(prog_name)s
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
fi
"""
