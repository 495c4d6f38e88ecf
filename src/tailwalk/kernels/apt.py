# SPDX-License-Identifier: GPL-2.0-or-later
"""apt-get with state, cache and sources of its own, as whatever user runs it.

The machine's own apt configuration stays in force for what concerns the network (proxies,
credentials, time limits); signatures are checked whatever it says.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from tailwalk.errors import ArchiveError, CacheError, TailwalkError, ToolError
from tailwalk.kernels.mirrors import ELSEWHERE, Mirror
from tailwalk.machines import GUEST
from tailwalk.processes import group
from tailwalk.progress import Task

Target = Literal["Packages", "Sources", "none"]

_CONFIGURATION = """\
#clear APT::Update;
#clear APT::Architectures;
#clear Acquire::Languages;
Dir::State "{root}/state";
Dir::State::lists "{root}/lists";
Dir::State::status "{root}/state/status";
Dir::Cache "{root}/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "{root}/archive.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "{architecture}";
APT::Architectures:: "{architecture}";
APT::Sandbox::User "root";
APT::Get::AllowUnauthenticated "false";
APT::Get::List-Cleanup "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Languages:: "none";
Acquire::GzipIndexes "true";
Acquire::IndexTargets::deb::Packages::KeepCompressedAs "xz";
Acquire::IndexTargets::deb-src::Sources::KeepCompressedAs "xz";
Acquire::Retries "2";
"""

_PERCENT = re.compile(r"dlstatus:[^:]*:(\d+(?:\.\d+)?):")
# With one suite absent, apt says of other failures no more than an Err line and its reason.
_FILE = re.compile(r"^'[^']*' ([^_\s]+)_([^_\s]+)_[^_\s]+\.deb ", re.MULTILINE)
_COMPLAINT = re.compile(r"^(?:E|W): (?P<said>.*)$|^Err:\d+ (?P<item>.*)\n +(?P<reason>.*)$",
                        re.MULTILINE)
_ABSENT = re.compile(r"does not have a Release file|no longer has a Release file|"
                     r" Release: (?:.*\b404\b|File not found)")
_FAILED = re.compile(r"Failed to fetch|failed to download|^fetching ")
_SIGNATURE = re.compile(r"GPG error|is not signed|NO_PUBKEY|BADSIG|EXPKEYSIG|not valid yet|"
                        r"is expired|couldn't be verified|invalid for")
_GONE = re.compile(r"\b404\b|was not found|Unable to locate|Unable to find a source|"
                   r"File not found|no such file", re.IGNORECASE)
_MISMATCH = re.compile(r"Hash Sum mismatch|unexpected size|Corrupted file")


class GoneError(ArchiveError):
    """The index names a file that the archive no longer holds."""


class TamperedError(ArchiveError):
    """What came is not what the archive's key or the signed index vouches for."""


class Apt:
    """One private apt: its directories below `root`, and the suites it knows."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lists = root / "lists"
        for folder in (self.lists / "partial", root / "state", root / "cache/archives/partial"):
            folder.mkdir(parents=True, exist_ok=True)
        (root / "state/status").touch()
        (root / "apt.conf").write_text(_CONFIGURATION.format(
            root=root.absolute(), architecture=GUEST.debian))

    def update(self, mirrors: Iterable[Mirror], target: Target, *,
               task: Task) -> TailwalkError | None:
        """Fetch the signed release files of the mirrors and the index `target` of each.

        Suites that a mirror does not have are passed over; what came is in `lists`. Returns what
        else went wrong: ArchiveError (network, signature, checksum) or CacheError (disk full).
        """
        self.choose(mirrors, target)
        # One retry, since who waits has an older index to fall back on. apt-get's own cache of
        # all packages would be made for nothing: the lists are read here.
        code, output = self._run(["update", "-o", "Acquire::Retries=1",
                                  "-o", "pkgCacheFile::Generate=false"], task)
        failed = any(code or _FAILED.search(line) or _SIGNATURE.search(line)
                     for line in _complaints(output))
        return failure(output, "the package index") if failed or _no_space(output) else None

    def choose(self, mirrors: Iterable[Mirror], target: Target) -> None:
        """Write the sources that the next call works with."""
        kind = "deb-src" if target == "Sources" else "deb"
        (self.root / "archive.sources").write_text("\n".join(
            f"Types: {kind}\nTargets: {target}\n{mirror.stanza}" for mirror in mirrors))

    def fetch(self, arguments: Sequence[str], what: str, *, task: Task) -> None:
        """Fetch `what` into `root`, checked against the signed index.

        Raises GoneError, ArchiveError, CacheError.
        """
        code, output = self._run(arguments, task)
        if code:
            raise failure(output, what)

    def closure(self, names: Sequence[str], what: str, *, task: Task) -> list[str]:
        """The packages that these need, themselves among them, as NAME=VERSION; recommended ones
        are left out. Raises as `fetch`."""
        code, output = self._run(["install", "--print-uris", "--no-install-recommends", "-qq",
                                  "--", *names], task)
        if code:
            raise failure(output, what)
        return [f"{unquote(name)}={unquote(version)}" for name, version in _FILE.findall(output)]

    def _run(self, arguments: Sequence[str], task: Task) -> tuple[int, str]:
        """Exit status and output of apt-get; its progress goes to `task`, of which the whole
        counts 100 units. No process of it outlives the call."""
        command = ["apt-get", "-q", "-y", "-c", str(self.root.absolute() / "apt.conf"),
                   "-o", "APT::Status-Fd=1", *arguments]
        if shutil.which(command[0]) is None:
            raise ToolError("there is no apt-get on this machine, by which Debian's kernels are "
                            f"fetched. {ELSEWHERE}.")
        output: list[str] = []
        done = 0.0
        with group(command, folder=self.root,
                   environment={**os.environ, "LC_ALL": "C.UTF-8"}) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if match := _PERCENT.match(line):
                    if (percent := float(match[1])) > done:
                        task.advance(percent - done)
                        done = percent
                else:
                    output.append(line)
            return process.wait(), "".join(output)


def failure(output: str, what: str) -> TailwalkError:
    """The error that apt-get's output about `what` amounts to."""
    lines = _complaints(output)
    said = (lines[0] if lines else output.strip().splitlines()[-1] if output.strip()
            else "apt-get said nothing").rstrip(". ")
    if _no_space(output):
        return CacheError(f"no space left on the disk while fetching {what}: free some, or point "
                          "TAILWALK_CACHE at a larger disk. Nothing half-written was kept.")
    if bad := [line for line in lines if _SIGNATURE.search(line)]:
        return TamperedError(
            f"the signature check of {what} failed: {bad[0].rstrip('. ')}. Nothing of it is used. "
            "Check this machine's clock, and update the keyring of that archive (Debian's is the "
            "package debian-archive-keyring).")
    if bad := [line for line in lines if _MISMATCH.search(line)]:
        return TamperedError(
            f"what the mirror sent for {what} does not match the signed index: "
            f"{bad[0].rstrip('. ')}. The mirror may be in the middle of an update: run "
            f"{refresh_command(what)} later, and try again.")
    if bad := [line for line in lines if _GONE.search(line)]:
        return GoneError(f"{what} is named in the index, but the archive no longer holds it "
                         f"({bad[0].rstrip('. ')}): run {refresh_command(what)}, or take another "
                         "version.")
    return ArchiveError(f"{what} cannot be fetched: {said}. Check the network, and apt's "
                        "configuration with `apt-get update`; cached kernels work without it.")


def refresh_command(what: str) -> str:
    """The command that asks the archive anew for the index that names `what`; most others cannot
    be told to."""
    return ("`tailwalk build --refresh SPEC`" if what.startswith("source package")
            else "`tailwalk kernels --refresh`")


def _complaints(output: str) -> list[str]:
    """What went wrong, as apt-get says it, suites that a mirror does not have left out."""
    said = [match["said"] or f"fetching {match['item']}: {match['reason']}"
            for match in _COMPLAINT.finditer(output)]
    return [line for line in said if not _ABSENT.search(line)]


def _no_space(output: str) -> bool:
    return "No space left on device" in output or "Disk quota exceeded" in output
