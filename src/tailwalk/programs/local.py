# SPDX-License-Identifier: GPL-2.0-or-later
"""A program of this machine, with what it names: its interpreter, its loader, its libraries.

Libraries are looked for as ld.so(8) does, but nothing of the program is run for it. What a program
opens by itself once it runs, such as plugins or the modules of an interpreter, nobody can tell
beforehand.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tailwalk.cache import Cache, digest_bytes
from tailwalk.errors import ToolError, UsageError
from tailwalk.files import open_bounded
from tailwalk.processes import run
from tailwalk.programs.elf import Elf, interpreter_of, read_elf
from tailwalk.programs.tree import MIB, Tree
from tailwalk.vm.filesystem import find_program

ALONE = "/program"
"""Where a program lies in its guest that does not care where it lies."""

_CACHE = Path("/etc/ld.so.cache")
_COVERED = ("dev", "mnt", "proc", "sys")
"""What a guest has something else mounted on."""

_USUAL = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_CACHED = re.compile(r"^\s+(\S+) \(.*\) => (/.+)$", re.MULTILINE)
_ORIGIN = re.compile(r"\$(?:ORIGIN\b|\{ORIGIN\})")
_SCRIPTS = 4  # as many interpreters in a row as the kernel takes
_ENV = "env"


@dataclass(frozen=True)
class Local:
    """What is carried: where the program lies in the guest, and by their names there the files of
    this machine and the targets of links."""

    program: str
    files: Mapping[str, Path]
    links: Mapping[str, str]

    def key(self, cache: Cache) -> str:
        """Names all of it."""
        files = [(name, str(path.resolve()), path.stat().st_mode & 0o777)
                 for name, path in sorted(self.files.items())]
        digests = cache.digests(Path("/"), {path.lstrip("/") for _, path, _ in files})
        return digest_bytes(*(part.encode(errors="surrogateescape") for name, path, mode in files
                              for part in (name, digests[path.lstrip("/")], str(mode))),
                            b"links", *(part.encode(errors="surrogateescape")
                                        for pair in sorted(self.links.items()) for part in pair))

    def add_to(self, tree: Tree) -> None:
        """Put all of it into a tree."""
        for name, target in sorted(self.links.items()):
            tree.link(name, target)
        for name, path in sorted(self.files.items()):
            with path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                runs = 0o111 if f"/{name}" == self.program else 0
                tree.file(name, stream, status.st_size, status.st_mode & 0o777 | 0o400 | runs)


def find_local(program: Path, *, most: int) -> Local:
    """What a program of this machine needs to begin, all files together of no more than `most`
    bytes.

    Raises UsageError where it cannot be read, is neither a program of the guest's machine nor a
    script, or names what is not there.
    """
    found = _Found(most)
    try:
        found.add_program(program, ())
    except OSError as error:
        there = shutil.which(program)
        hint = f" Name it by its path, {there}." if there and str(program) != there else ""
        raise UsageError(f"cannot read the program {program}: {error.strerror}.{hint}") from error
    place = str(Path(os.path.abspath(program)))  # noqa: PTH100 - links stay
    if found.anywhere:
        return Local(ALONE, {**found.files, ALONE[1:]: program}, found.links)
    found.carry(program)
    if place.split("/")[1] in _COVERED:
        raise UsageError(f"{program} lies in /{place.split('/')[1]}, where a guest has something "
                         "else, and is a script or looks for libraries beside itself: copy it to "
                         "another directory.")
    return Local(place, found.files, found.links)


class _Found:
    """What was found so far. `anywhere`: may the program lie anywhere?"""

    def __init__(self, most: int) -> None:
        self.files: dict[str, Path] = {}
        self.links: dict[str, str] = {}
        self.anywhere = True
        self._left = self._most = most

    def carry(self, path: Path) -> None:
        """Add a file by its name here, and the links on the way to it."""
        todo, at = list(path.absolute().parts[1:])[::-1], Path("/")
        while todo:
            part = todo.pop()
            if part == "..":
                at = at.parent
                continue
            here = at / part
            if here.is_symlink():
                target = str(here.readlink())
                self.links[str(here)[1:]] = target
                if target.startswith("/"):
                    at = Path("/")
                todo += [one for one in target.split("/") if one not in ("", ".")][::-1]
            else:
                at = here
        self.files[str(at)[1:]] = at

    def add_program(self, path: Path, scripts: Sequence[Path]) -> None:
        """What a program names, which itself is not added."""
        with open_bounded(path, self._left) as stream:
            self._left -= os.fstat(stream.fileno()).st_size
            if script := interpreter_of(stream.read(4096)):
                self.anywhere = False
                self._add_interpreter(path, *script, (*scripts, path))
                return
            stream.seek(0)
            elf = read_elf(stream, str(path))
        if elf.loader:
            self._add_libraries(path, elf)

    def _add_interpreter(self, script: Path, name: str, argument: str,
                         scripts: Sequence[Path]) -> None:
        if len(scripts) > _SCRIPTS:
            raise UsageError(f"{scripts[0]} has more than {_SCRIPTS} interpreters in a row, each a "
                             "script of the next.")
        names = [name]
        if Path(name).name == _ENV:
            word = next((word for word in argument.split()
                         if not word.startswith("-") and "=" not in word), "")
            names += [place for place in [_on_path(word)] if place]
        for one in names:
            path = Path(one)
            if not one.startswith("/") or not path.is_file():
                raise UsageError(f"{script} is a script of the interpreter {one!r}, which is not "
                                 "on this machine: mend its first line, or install it.")
            anywhere = self.anywhere
            self.add_program(path, scripts)
            self.anywhere = anywhere
            self.carry(path)

    def _add_libraries(self, program: Path, elf: Elf) -> None:
        loader = Path(elf.loader)
        if not loader.is_file():
            raise UsageError(f"{program} is loaded by {loader}, which is not on this machine: "
                             "install the C library that it was linked with, or link it with "
                             "-static.")
        self.carry(loader)
        own = loader.name.startswith("ld-musl-")  # which is the C library too
        if _CACHE.is_file() and not own:
            self.carry(_CACHE)
        todo, seen = [(program, elf)], set[str]()
        while todo:
            path, needs = todo.pop()
            paths = _expanded(path, (*needs.rpath, *needs.runpath))
            inherited = _expanded(program, elf.rpath)
            if any(map(_ORIGIN.search, (*needs.rpath, *needs.runpath))) and path == program:
                self.anywhere = False
            for name in needs.needed:
                if name in seen or (own and name.startswith("libc.")):
                    continue
                seen.add(name)
                libraries = list(_libraries(name, (*inherited, *paths), loader))
                if not libraries:
                    raise UsageError(
                        f"{program} needs the library {name} (of {path}), which is not found on "
                        "this machine: install it, or name its directory when linking "
                        "(-Wl,-rpath), or link with -static.")
                for library, found in libraries:
                    self._left -= library.stat().st_size
                    if self._left < 0:
                        raise UsageError(f"{program} and its libraries have more than "
                                         f"{self._most // MIB:,} MiB: give the guest more "
                                         "--memory.")
                    self.carry(library)
                    todo.append((library, found))


def _libraries(name: str, paths: Sequence[str], loader: Path) -> Iterator[tuple[Path, Elf]]:
    """The files that a name may mean: the first in the paths; else those of ld.so's cache, of
    which the guest's CPU decides, else the first in the usual places."""
    if "/" in name:
        places: list[list[Path]] = [[Path(name)]]
    else:
        usual = (str(loader.parent), str(loader.resolve().parent), *_USUAL)
        places = [*([Path(path, name)] for path in paths), _cached().get(name, []),
                  *([Path(path, name)] for path in usual)]
    for candidates in places:
        found = False
        for path in candidates:
            if path.is_file():
                try:
                    with path.open("rb") as stream:
                        yield path, read_elf(stream, str(path))
                    found = True
                except UsageError:
                    continue  # of another machine, as ld.so passes over it
        if found:
            return


@cache
def _cached() -> dict[str, list[Path]]:
    """What ld.so's cache has for each name; nothing where no ldconfig shows it."""
    try:
        status, said = run([find_program("ldconfig", "libc-bin"), "-p"])
    except ToolError:
        return {}
    found: dict[str, list[Path]] = {}
    if status == 0:
        for name, path in _CACHED.findall(said):
            found.setdefault(name, []).append(Path(path))
    return found


def _expanded(path: Path, places: Sequence[str]) -> tuple[str, ...]:
    """Directories with $ORIGIN put in; those with what else ld.so knows are left out, as are
    relative ones, which depend on where the program begins."""
    origin = str(path.resolve().parent)
    found = (_ORIGIN.sub(lambda _: origin, place) for place in places)
    return tuple(place for place in found if place.startswith("/") and "$" not in place)


def _on_path(name: str) -> str | None:
    """A program on this machine's PATH."""
    return shutil.which(name) if name else None
