# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs that a kernel build needs, and which compiler they make up."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from tailwalk.errors import ToolError

# Program: Debian package that has it.
_PROGRAMS = {"gcc": "gcc", "ld": "binutils", "make": "make", "flex": "flex", "bison": "bison",
             "bc": "bc", "perl": "perl"}
# objtool, which a build runs, is linked with libelf.
_LIBELF = "libelf-dev"
_USES_LIBELF = "#include <gelf.h>\nint main(void) { return elf_version(EV_CURRENT) == EV_NONE; }\n"

_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Toolchain:
    """What builds a kernel here.

    Attributes:
        version: what tells one compiler and linker from another.
        command: the compiler as make is to call it (`ccache gcc` where ccache is there).
    """

    version: str
    command: str


def find_toolchain() -> Toolchain:
    """The machine's compiler.

    Raises ToolError with the one apt-get line where anything a build needs is missing.
    """
    programs = [program for program in _PROGRAMS if not shutil.which(program)]
    if programs or not _links_libelf():
        packages = {_LIBELF, *(_PROGRAMS[program] for program in programs)}
        raise ToolError(f"a kernel cannot be built here: it lacks "
                        f"{', '.join(programs) or _LIBELF}. As root: apt-get install "
                        f"{' '.join(sorted(packages))}")
    versions = [_first_line([program, "--version"]) for program in ("gcc", "ld")]
    return Toolchain(version=", ".join(versions),
                     command="ccache gcc" if shutil.which("ccache") else "gcc")


def build_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a build: nothing of the user's that could change what comes out."""
    kept = {name: value for name, value in os.environ.items()
            if name in _KEPT or name.startswith("CCACHE_")}
    # Without depend mode a ccache that has nothing yet runs the preprocessor once more for every
    # file.
    return {"CCACHE_DEPEND": "1", **kept, "LC_ALL": "C", **extra}


def _links_libelf() -> bool:
    return not subprocess.run(["gcc", "-x", "c", "-", "-o", "/dev/null", "-lelf"], text=True,
                              input=_USES_LIBELF, capture_output=True, check=False).returncode


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, text=True, capture_output=True, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise ToolError(f"`{' '.join(command)}` failed: {done.stderr.strip()}. Install the "
                        f"package {_PROGRAMS[command[0]]} anew.")
    return done.stdout.splitlines()[0]
