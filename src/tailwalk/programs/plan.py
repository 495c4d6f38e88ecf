# SPDX-License-Identifier: GPL-2.0-or-later
"""What program to run in a guest, with what around it."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tailwalk.cases import MIB, Filesystem
from tailwalk.errors import UsageError
from tailwalk.filesystems import find_kind
from tailwalk.programs.packages import check_names
from tailwalk.vm.filesystem import IMAGE_SIZE
from tailwalk.vm.qemu import Machine, kernel_command_line

WORK = "/mnt"
"""Where the file system under test is mounted."""

_MOST_TEXTS = 4096
"""Arguments and variables (probe/program.c)."""
_LONGEST = 1_000_000
"""Seconds; poll(2) takes milliseconds in 32 bits."""
_OUTPUT, _LONGEST_TEXT = "output:", 100  # plugins/calls/text.h
_LEAST_DISK, _MOST_DISK = 16 * MIB, 65536 * MIB
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?|[0-9]{1,9}(?::[0-9]{1,9})?")
_ENVIRONMENT = {"HOME": WORK, "LC_ALL": "C", "TMPDIR": "/tmp",
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def text_of(name: str) -> bytes | None:
    """The text of an end of a region that is told by one; None where it is told by a call."""
    return os.fsencode(name.removeprefix(_OUTPUT)) if name.startswith(_OUTPUT) else None


@dataclass(frozen=True)
class MadeFile:
    """A file that is made in the guest before the program begins: its name, its bytes, and the
    size of the writes that put it in the page cache."""

    name: str
    size: int
    fill: int = MIB


@dataclass(frozen=True, kw_only=True)
class ExecPlan:
    """What to run.

    Attributes:
        program: a program or script of this machine; with `root` or `packages` a path there, or a
            name that is looked for on the PATH there.
        arguments: after the program's name.
        root: a directory, a tar archive or an image of ext4 that becomes the guest's root file
            system; it is not changed.
        packages: names of Debian packages that, with what they need, become the root.
        filesystem: made afresh, on a disk of so many bytes in memory: `disk`.
        files: files of this machine that are put there beforehand.
        made: files that are made there beforehand.
        environment: variables beside or in place of the usual ones.
        directory: where the program begins.
        input: its standard input; None: /dev/null.
        user: NAME, UID or UID:GID it runs as, by the root's own /etc/passwd; empty: root.
        append: kernel parameters besides Tailwalk's own.
        between: the names of the system calls after and before which is counted, or `output:TEXT`,
            after and before one that writes this text to standard output; empty: all is, or what
            the program marks.
        seconds: time after which the program is given up.
    """

    program: Path
    arguments: Sequence[str] = ()
    root: Path | None = None
    packages: Sequence[str] = ()
    filesystem: Filesystem = field(default_factory=Filesystem)
    disk: int = IMAGE_SIZE
    files: Sequence[Path] = ()
    made: Sequence[MadeFile] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = WORK
    input: bytes | None = None
    user: str = ""
    append: str = ""
    between: tuple[str, str] = ("", "")
    seconds: float = 600.0

    @property
    def variables(self) -> dict[str, str]:
        """The whole environment of the program."""
        return {**_ENVIRONMENT, **self.environment}

    def check(self) -> ExecPlan:
        """Itself, if it can be run; raises UsageError naming the value that cannot."""
        texts = [*self.arguments, *self.variables, *self.variables.values()]
        if len(self.arguments) + len(self.variables) >= _MOST_TEXTS:
            raise UsageError(
                f"{len(self.arguments)} arguments and {len(self.variables)} variables: a program "
                f"can be given {_MOST_TEXTS - 1}, its own name included.")
        if any("\0" in text for text in (*texts, str(self.program))):
            raise UsageError("an argument or variable holds a NUL character, which no program can "
                             "be given.")
        for name in self.environment:
            if not name or "=" in name:
                raise UsageError(f"--env {name!r}: write NAME=VALUE.")
        if not 0 < self.seconds <= _LONGEST:
            raise UsageError(f"--timeout {self.seconds:g}: give a number of seconds above 0, at "
                             f"most {_LONGEST}.")
        if self.root is not None and self.packages:
            raise UsageError("--root and --packages are each a root file system, and a guest has "
                             "one: put the packages into the root yourself, or leave one out.")
        check_names(self.packages)
        if not posixpath.isabs(self.directory) or "\0" in self.directory:
            raise UsageError(f"--chdir {self.directory!r}: give an absolute path in the guest.")
        if self.user and not _USER.fullmatch(self.user):
            raise UsageError(f"--user {self.user!r}: give a name, UID or UID:GID.")
        for option, name in zip(("--from", "--to"), self.between, strict=True):
            if (text := text_of(name)) is not None and not 0 < len(text) <= _LONGEST_TEXT:
                raise UsageError(f"{option} {name}: give a text of 1 to {_LONGEST_TEXT} bytes, "
                                 "such as output:READY.")
        kernel_command_line(Machine(append=self.append))
        find_kind(self.filesystem.kind)
        if not _LEAST_DISK <= self.disk <= _MOST_DISK or self.disk % MIB:
            raise UsageError(f"--disk {self.disk}: give whole MiB, {_LEAST_DISK // MIB} to "
                             f"{_MOST_DISK // MIB}.")
        self._check_files()
        return self

    def _check_files(self) -> None:
        for made in self.made:
            if not 1 <= made.size <= self.disk // 2 or not 512 <= made.fill <= 64 * MIB:
                raise UsageError(
                    f"--make {made.name}: files of 1 byte to {self.disk // 2 // MIB} MiB are made "
                    f"on a disk of {self.disk // MIB} MiB, by writes of 512 bytes to 64 MiB; this "
                    f"one has {made.size} bytes by writes of {made.fill}.")
        names = [path.name for path in self.files] + [made.name for made in self.made]
        for name in names:
            if not name or "/" in name or "\0" in name or len(name.encode()) > 255 or (
                    name in (".", "..") or names.count(name) > 1):
                raise UsageError(f"a file cannot be called {name!r} there: names are plain, have "
                                 "no slash, and each is given once.")

    def facts(self) -> dict[str, str]:
        """What a record says of it, where it is not the usual."""
        variables = "; ".join(f"{name}={value}" for name, value in sorted(self.environment.items()))
        return {name: value for name, value in (
            ("environment", variables), ("user", self.user),
            ("directory", self.directory if self.directory != WORK else ""),
            ("disk", f"{self.disk // MIB} MiB" if self.disk != IMAGE_SIZE else ""),
            ("standard input", "" if self.input is None else f"{len(self.input)}B"),
            ("counted from", self.between[0]), ("counted to", self.between[1]),
        ) if value}
