# SPDX-License-Identifier: GPL-2.0-or-later
"""Building a kernel from a source tree with the configuration of a flavour.

What a build gives is named by the source, the configuration, the compiler and the linker; build
time, user, host and paths do not get into the image. The work trees of finished builds stay in
the cache, as entries of the kind `worktrees`, and their logs in its directory `logs`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tailwalk.cache import Cache, digest_bytes
from tailwalk.errors import CacheError, KernelError
from tailwalk.filesystems import KINDS
from tailwalk.kernels.sourcetree import SourceTree
from tailwalk.kernels.spec import Flavour
from tailwalk.kernels.toolchain import Toolchain, build_environment
from tailwalk.kernels.worktree import bring_up, clone_work_tree, is_work_tree, tree_in
from tailwalk.machines import GUEST
from tailwalk.processes import group
from tailwalk.progress import Progress, Task

KIND = "worktrees"
_CONFIG = Path(__file__).parent / "config"
_FRAGMENTS: dict[Flavour, tuple[Path, ...]] = {
    "src": (_CONFIG / "lab.config",),
    "debug": (_CONFIG / "lab.config", _CONFIG / "debug.config"),
}
_UNSET = re.compile(r"# (CONFIG_\w+) is not set")
IMAGE = "vmlinux"
_LAYOUT = "work tree 1"

# What would otherwise differ from build to build of the same source.
_FIXED = {
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
    "KBUILD_BUILD_VERSION": "1",
    "KBUILD_BUILD_USER": "tailwalk",
    "KBUILD_BUILD_HOST": "lab",
    "LOCALVERSION": "",
}
# Of v6.18; other versions have a few more or less. Only the progress bar rests on it.
_USUAL_OBJECTS = 1009

_OBJECT = re.compile(r"  (?:CC|AS)      (\S+)\n")
_COMPLAINTS = tuple(re.compile(pattern, re.MULTILINE) for pattern in (
    r"^\S+:\d+(?::\d+)?: (?:fatal )?error: .*$",  # compiler and assembler
    r"^.*(?:undefined reference to|multiple definition of) .*$",  # linker
    r"^.*\berror: .*$",  # objtool, kconfig
    r"^(?:make\S*: )?\*\*\* .*$",
))
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded")


@dataclass(frozen=True, kw_only=True)
class Builder:
    """What kernels are built with and for, and where it is kept and told."""

    cache: Cache
    toolchain: Toolchain
    progress: Progress
    flavour: Flavour = "src"

    def key(self, source: SourceTree) -> str:
        """Names the image that the source gives."""
        return digest_bytes(*(part.encode() for part in (
            _LAYOUT, source.digest, configuration_digest(self.flavour), self.toolchain.version)))

    def build(self, source: SourceTree, label: str) -> Path:
        """The built work tree of the source; from the cache where it is there.

        `label` is what progress, log and errors call it. Raises KernelError, which names the
        first error and the log, and CacheError where the disk is full; in both cases nothing but
        the log stays behind.
        """
        # make takes another spelling of the compiler for another compiler, and builds anew.
        key = digest_bytes(self.key(source).encode(), self.toolchain.command.encode())
        latest = self._latest(source.lineage) if source.lineage else None

        def make(place: Path) -> None:
            built_on = (latest is not None and is_work_tree(latest)
                        and self.cache.flaw(latest.resolve()) is None)
            if latest and built_on:
                clone_work_tree(latest.resolve(), place, progress=self.progress)
            shared = source.root.is_relative_to(self.cache.root)
            bring_up(place, source, shared=shared, progress=self.progress)
            self._make(tree_in(place), label, fresh=not built_on)
            self.cache.check(source.root.parent)

        if latest is None:
            return self.cache.entry(KIND, key, make, doing=f"builds {label}")
        with self.cache.lock(KIND, latest.name, doing=f"builds {label}"):
            place = self.cache.entry(KIND, key, make, doing=f"builds {label}")
            self._remember(latest, place)
        return place

    @contextmanager
    def build_changed(self, built: Path, label: str, *, key: str,
                      change: Callable[[Path], None]) -> Iterator[Path]:
        """A built work tree like `built` but with a change, which `key` names, made to its source;
        it is gone at the end. Raises as `build` does, and what `change` raises."""
        with self.cache.scratch(KIND, key) as place:
            clone_work_tree(built, place, progress=self.progress)
            change(tree_in(place))
            self._make(tree_in(place), label, fresh=False)
            self.cache.check(built)
            yield place

    def _latest(self, lineage: str) -> Path:
        """The link to the work tree that the last build of a lineage left."""
        name = digest_bytes(*(part.encode() for part in (
            lineage, configuration_digest(self.flavour), self.toolchain.version,
            self.toolchain.command)))
        return self.cache.path(KIND, f"latest-{name}")

    def _remember(self, latest: Path, place: Path) -> None:
        """Let the next build of a lineage begin with `place`, and drop what it began with: else
        every state of a tree that is being worked on would stay for good."""
        old = latest.resolve() if latest.is_symlink() else None
        if old == place.resolve():
            return
        with self.cache.writing():
            fresh = latest.with_name(f".{latest.name}")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(place.name)
            fresh.replace(latest)
        if old:
            self.cache.discard(KIND, old.name)

    def _make(self, tree: Path, label: str, *, fresh: bool) -> None:
        """Configure and build in a work tree."""
        log = self.cache.root / "logs" / f"{re.sub(r'[^A-Za-z0-9.+-]+', '_', label)}.log"
        with self.progress.task(f"build {label}", _USUAL_OBJECTS if fresh else None) as task:
            log.parent.mkdir(exist_ok=True)
            with log.open("w") as stream:
                done = True
                if not _is_configured(tree):
                    task.say("configuring")
                    wanted = tree / ".config.wanted"
                    wanted.write_text("\n".join([*_options(self.flavour), ""]))
                    done = self._run("allnoconfig", tree, stream, task,
                                     KCONFIG_ALLCONFIG=str(wanted))
                done = done and self._run(IMAGE, tree, stream, task)
        if not done:
            raise _failure(label, log)

    def _run(self, target: str, tree: Path, log: TextIO, task: Task, **variables: str) -> bool:
        """Make a target, with what make says going to the log; each object made counts on `task`.
        Did it succeed?"""
        jobs = len(os.sched_getaffinity(0)) + 1  # one more, for when one waits for the disk
        command = ["make", f"-j{jobs}", f"ARCH={GUEST.name}", f"CC={self.toolchain.command}",
                   target]
        objects = 0
        with group(command, folder=tree,
                   environment=build_environment({**_FIXED, **variables})) as process:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                if made := _OBJECT.fullmatch(line):
                    objects += 1
                    task.advance()
                    task.say(f"{objects} objects, {made[1].removeprefix(f'{tree}/')}")
            return process.wait() == 0


def _is_configured(tree: Path) -> bool:
    """Has the tree a configuration, made after all its Kconfig files?"""
    try:
        made = (tree / ".config").stat().st_mtime_ns
    except FileNotFoundError:
        return False
    return all(path.stat().st_mtime_ns <= made for path in tree.rglob("Kconfig*"))


def differences(tree: Path, flavour: Flavour) -> list[str]:
    """The lines of the flavour's configuration that a configured tree did not take; of those after
    a comment that ends with `One of:`, up to the next blank line, it has to take only one."""
    taken = frozenset((tree / ".config").read_text().splitlines())
    options = _options(flavour)
    groups = [[line for line in group if line in options] for group in _groups(flavour)]
    alternatives = {line for group in groups for line in group}
    return [line for line in options if line not in taken and line not in alternatives] + [
        " or ".join(group) for group in groups if group and taken.isdisjoint(group)]


def _groups(flavour: Flavour) -> list[list[str]]:
    """The options of which a version has some, and which do the same."""
    return [after.partition("\n\n")[0].splitlines() for fragment in _FRAGMENTS[flavour]
            for after in fragment.read_text().split(" One of:\n")[1:]]


def configuration_digest(flavour: Flavour) -> str:
    """sha256 (hex) of the flavour's configuration, comments apart."""
    return digest_bytes(*(line.encode() for line in sorted(_options(flavour))))


def _options(flavour: Flavour) -> list[str]:
    """The lines that set an option, the file systems' too; the last line about an option holds, as
    in Kconfig's files."""
    options = {row.option: f"{row.option}=y" for row in KINDS.values()}
    for fragment in _FRAGMENTS[flavour]:
        for line in fragment.read_text().splitlines():
            if line.startswith("CONFIG_"):
                options[line.partition("=")[0]] = line
            elif unset := _UNSET.fullmatch(line):
                options.pop(unset[1], None)
    return list(options.values())


def _failure(label: str, log: Path) -> KernelError | CacheError:
    output = log.read_text(errors="replace")
    if _NO_SPACE.search(output):
        return CacheError(f"no space left on the disk while building {label}: free some, or point "
                          "TAILWALK_CACHE (and TMPDIR) at a larger disk. Nothing half-built was "
                          "kept.")
    found = [match for pattern in _COMPLAINTS if (match := pattern.search(output))]
    said = found[0][0].strip() if found else (output.strip().splitlines() or ["make failed"])[-1]
    return KernelError(f"building {label} failed: {said}. The whole log is in {log}.")
