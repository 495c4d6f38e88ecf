# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's archive: which kernel packages it holds, and their files, signatures checked.

What apt-get fetched is kept as a *snapshot*: apt's own lists beside a small index of the packages
that matter here, in a directory named by the index's digest, with a link `current` that a refresh
moves in one step. Readers so see one whole snapshot or the other, whoever interrupts whom.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from threading import Event
from typing import Literal

import msgspec

from tailwalk.cache import Cache, digest_bytes, digest_file
from tailwalk.errors import ArchiveError, CacheError, KernelError
from tailwalk.files import link_or_copy, open_bounded, rename_to_disk
from tailwalk.kernels.apt import Apt, GoneError, TamperedError, refresh_command
from tailwalk.kernels.bounds import INDEX, PACKAGE
from tailwalk.kernels.compression import joined, unpacked
from tailwalk.kernels.mirrors import ELSEWHERE, Mirror, machine_mirrors
from tailwalk.machines import GUEST
from tailwalk.progress import SILENT, Progress, Task

Kind = Literal["Packages", "Sources"]

MAX_AGE = 12 * 3600
"""Seconds after which a snapshot is refreshed before it is used."""

_ALIASES = ("oldstable", "stable", "testing")
_UNSTABLE = "sid"

_WANTED = {
    "Packages": re.compile(rb"linux-(?:source-\d\S*|(?:image|binary|modules|base)-"
                           rb"(?:unsigned-)?\d\S*-" + GUEST.flavour.encode() + rb"(?:-unsigned)?)"),
    "Sources": re.compile(rb"linux(?:-\d+\.\d+)?"),
}
_FORM = "1"
"""To be raised whenever what an index holds changes: a snapshot of another form is made anew."""

_STANZA = b"\nPackage: "
_LIST = {"Packages": f"main_binary-{GUEST.debian}_Packages.xz", "Sources": "main_source_Sources.xz"}


class ArchiveFile(msgspec.Struct, frozen=True):
    """A file as the signed index describes it; `size` in bytes."""

    name: str
    size: int
    sha256: str


class Package(msgspec.Struct, frozen=True):
    """A binary package of the archive.

    `depends` is the field Depends as the index has it.
    """

    name: str
    version: str
    suite: str
    depends: str
    file: ArchiveFile

    @property
    def files(self) -> list[ArchiveFile]:
        """The one that it is, as a source package has several."""
        return [self.file]


class SourcePackage(msgspec.Struct, frozen=True):
    """A source package of the archive: `.dsc`, upstream archive, Debian's own files."""

    name: str
    version: str
    suite: str
    files: list[ArchiveFile]


class Release(msgspec.Struct, frozen=True):
    """A suite as its signed release file describes it; `digest` is that file's sha256."""

    uri: str
    suite: str
    signed_by: str
    origin: str
    codename: str
    digest: str

    @property
    def mirror(self) -> Mirror:
        """Where the suite is fetched from."""
        return Mirror(self.uri, self.suite, self.signed_by)


class ArchiveIndex(msgspec.Struct, frozen=True):
    """What a snapshot holds, without apt's lists."""

    form: str
    releases: list[Release]
    packages: list[Package] = []
    sources: list[SourcePackage] = []


class Archive:
    """Debian's archive through the mirrors of this machine's apt configuration.

    Every method raises ArchiveError (network, signature, checksum, nothing found), CacheError
    (disk full) and ToolError (no apt), with the way out in the message.
    """

    def __init__(self, cache: Cache | None = None, *, progress: Progress = SILENT,
                 refresh: bool = False) -> None:
        """`refresh` fetches the indexes anew, once, however fresh the cached ones are."""
        self._cache = cache or Cache(progress=progress)
        self._progress = progress
        self._refresh = refresh
        self._indexes: dict[Kind, ArchiveIndex] = {}

    def packages(self) -> list[Package]:
        """The binary packages that kernels are made of, and the `linux-source-*` ones."""
        return self._index("Packages").packages

    def sources(self) -> list[SourcePackage]:
        """The kernel's source packages."""
        return self._index("Sources").sources

    def suites(self) -> list[str]:
        """The suites that were looked through."""
        return [release.suite for release in self.releases()]

    def fetch(self, package: Package | SourcePackage) -> Path:
        """The directory with the package's files, from the cache or else from the archive.

        An archive may have dropped the small files (`.dsc`, `.debian.tar.*`) of a source package
        whose upstream archive it keeps for a later one: those are then missing from the directory.
        Raises GoneError where the upstream archive itself, or a binary package, is gone.
        """
        files = package.files
        source = isinstance(package, SourcePackage)
        title = f"{'source package ' if source else ''}{package.name} {package.version}"
        wanted = f"{package.name}={package.version}"
        key = files[0].sha256 if len(files) == 1 else digest_bytes(
            *(file.sha256.encode() for file in files))

        def make(folder: Path) -> None:
            with (tempfile.TemporaryDirectory(dir=folder) as name,
                  self._progress.task(f"fetch {title}", 100) as task):
                work = Path(name)
                apt = Apt(work)
                kind: Kind = "Sources" if source else "Packages"
                apt.choose([self._borrow_lists(kind, package.suite, apt)], kind)
                try:
                    apt.fetch(["source", "--download-only", "--only-source", wanted] if source
                              else ["download", wanted], title, task=task)
                except GoneError:
                    if not any((work / file.name).is_file() for file in files
                               if ".orig.tar." in file.name):
                        raise
                if changed := _changed(work, files):
                    raise TamperedError(f"{title}: {changed.name} is not what the signed index "
                                        f"says. Run {refresh_command(title)}, and try again.")
                for path in work.iterdir():
                    if path.name in {file.name for file in files}:
                        path.rename(folder / path.name)

        return self._cache.entry("packages", key, make, doing=f"fetches {title}")

    def releases(self) -> list[Release]:
        """The suites that were looked through, as their signed release files describe them."""
        return self._index("Packages").releases

    def named(self, release: Release) -> str:
        """What else the suite of a release is called, such as stable."""
        snapshot = self._snapshot("Packages")
        for name in ("InRelease", "Release"):
            with suppress(OSError):
                path = (snapshot or Path()) / "lists" / f"{release.mirror.list_prefix}{name}"
                found = re.search(r"^Suite: *(\S+)", path.read_text(errors="replace"), re.MULTILINE)
                if found:
                    return found[1]
        return ""

    def apt_of(self, suites: Sequence[str], folder: Path) -> Apt:
        """A private apt below `folder` that knows the binary packages of these suites."""
        apt = Apt(folder)
        apt.choose([self._borrow_lists("Packages", suite, apt) for suite in suites], "Packages")
        return apt

    def _borrow_lists(self, kind: Kind, suite: str, apt: Apt) -> Mirror:
        """Link the lists of one suite into the private apt's directory, so that it need not read
        those of all suites, nor hold a lock while it downloads."""
        self._index(kind)
        with self._cache.lock("archive", kind):
            snapshot = self._snapshot(kind)
            index = _read_index(snapshot) if snapshot else None
            if snapshot is None or index is None:
                raise ArchiveError(f"the cached package index vanished from {self._cache.root}: "
                                   "run the command again.")
            mirror = next(release.mirror for release in index.releases if release.suite == suite)
            _borrow(snapshot, apt, mirror.list_prefix)
        return mirror

    def _index(self, kind: Kind) -> ArchiveIndex:
        if kind not in self._indexes:
            self._indexes[kind] = self._fresh_index(kind)
        return self._indexes[kind]

    def _fresh_index(self, kind: Kind) -> ArchiveIndex:
        asked = time.time()
        since = asked if self._refresh else asked - MAX_AGE
        if index := self._young_index(kind, since):
            return index
        with self._cache.writing(), self._cache.lock(
                "archive", kind, doing="asks the archive what it has"):
            # Another process may have refreshed while this one waited for the lock.
            if index := self._young_index(kind, since):
                return index
            try:
                return self._renew(kind)
            except ArchiveError as error:
                snapshot = self._snapshot(kind)
                if self._refresh or snapshot is None or (index := _read_index(snapshot)) is None:
                    raise
                self._progress.note(f"the package index is {_age(asked, snapshot)} old and could "
                                    f"not be refreshed: {error}")
                return index

    def _young_index(self, kind: Kind, since: float) -> ArchiveIndex | None:
        snapshot = self._snapshot(kind)
        return _read_index(snapshot) if snapshot and _made(snapshot) >= since else None

    def _snapshot(self, kind: Kind) -> Path | None:
        """The link to the current snapshot, if there is one."""
        link = self._cache.path("archive", f"current-{kind}")
        return link if link.exists() else None

    def _renew(self, kind: Kind) -> ArchiveIndex:
        """Make a snapshot and point `current` at it; the lock is held."""
        home = self._cache.root / "archive"
        for leftover in home.glob(f".partial-{kind}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(prefix=f".partial-{kind}-", dir=home))
        try:
            apt = Apt(partial)
            old = self._snapshot(kind)
            with self._progress.task("refresh the package index", 300) as task:
                mirrors = _suites(apt, task, self._progress)
                # Not before: an old release file would hide that there is no network.
                if old:
                    _borrow(old, apt)
                if error := apt.update(mirrors, kind, task=task):
                    raise error
            index = _index_of(apt, mirrors, kind, _read_index(old) if old else None)
            _keep_only(apt.lists, mirrors)
            content = msgspec.json.encode(index)
            (partial / "index.json").write_bytes(content)
            target = home / f"{kind}-{digest_bytes(content)}"
            shutil.rmtree(target, ignore_errors=True)
            rename_to_disk(partial, target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        link = home / f".new-{kind}"
        link.unlink(missing_ok=True)
        link.symlink_to(target.name)
        link.replace(home / f"current-{kind}")
        for path in home.glob(f"{kind}-*"):
            if path != target:
                shutil.rmtree(path, ignore_errors=True)
        return index


def _suites(apt: Apt, task: Task, progress: Progress) -> list[Mirror]:
    """The suites that may hold kernels, at the mirrors the machine names.

    The machine's own suites and Debian's aliases tell the code names there are; the code names
    are then what is asked for, since an alias may lag behind on a caching mirror.
    """
    named = machine_mirrors()
    error = apt.update(named, "none", task=task)
    releases = _debian_releases(apt, named)
    if not releases or isinstance(error, CacheError):
        raise error or ArchiveError(
            f"none of the suites in apt's configuration ({', '.join(m.suite for m in named)}) is "
            f"Debian's, so its kernels cannot be fetched. {ELSEWHERE}.")
    aliases = {Mirror(release.uri, alias, release.signed_by) for alias in _ALIASES
               for release in releases if not _is_security(release.suite)}
    if error := apt.update(sorted(aliases), "none", task=task):
        progress.note(f"some of Debian's suites are left out: {error}")
    releases += _debian_releases(apt, sorted(aliases))
    bases = list(dict.fromkeys(release.codename.split("-")[0] for release in releases))
    found: dict[str, Mirror] = {}
    for release in releases:
        endings = ("-security",) if _is_security(release.suite) else ("", "-backports")
        names = [base + ending for base in bases for ending in endings]
        for name in [*names, *([] if "-security" in endings else [_UNSTABLE])]:
            found.setdefault(name, Mirror(release.uri, name, release.signed_by))
    return list(found.values())


def _debian_releases(apt: Apt, mirrors: Iterable[Mirror]) -> list[Release]:
    return [release for mirror in mirrors if (release := _release(apt, mirror))
            and release.origin.startswith("Debian")]


def _is_security(suite: str) -> bool:
    return suite.endswith(("-security", "/updates"))


def _release(apt: Apt, mirror: Mirror) -> Release | None:
    for name in ("InRelease", "Release"):
        path = apt.lists / f"{mirror.list_prefix}{name}"
        if path.exists():
            head = path.read_text(errors="replace").split("\nSHA256:")[0]
            fields = dict(re.findall(r"^(Origin|Codename): *(.*?) *$", head, re.MULTILINE))
            return Release(mirror.uri, mirror.suite, mirror.signed_by, fields.get("Origin", ""),
                           fields.get("Codename", ""), digest_file(path))
    return None


def _index_of(apt: Apt, mirrors: Iterable[Mirror], kind: Kind,
              old: ArchiveIndex | None) -> ArchiveIndex:
    """The index of what apt's lists hold. What `old` says of a suite whose signed release file is
    the same is taken over, since reading a suite's list takes a second."""
    from concurrent.futures import ThreadPoolExecutor

    releases = [release for mirror in mirrors if (release := _release(apt, mirror))
                and (apt.lists / f"{mirror.list_prefix}{_LIST[kind]}").exists()]
    if not releases:
        raise ArchiveError("the mirrors in apt's configuration hold no suite with an index of "
                           f"{kind}: check them with `apt-get update`.")
    ended = Event()

    def read(release: Release) -> Sequence[Package | SourcePackage]:
        if old and release in old.releases:
            return [one for one in (old.packages or old.sources) if one.suite == release.suite]
        path = apt.lists / f"{release.mirror.list_prefix}{_LIST[kind]}"
        return read_list(path, kind, release.suite, ended)

    # lzma releases the interpreter's lock, so two lists are unpacked at a time.
    with ThreadPoolExecutor(2) as pool:
        try:
            found = [one for part in pool.map(read, releases) for one in part]
        except BaseException:
            ended.set()
            raise
    return ArchiveIndex(_FORM, releases, [one for one in found if isinstance(one, Package)],
                        [one for one in found if isinstance(one, SourcePackage)])


def read_list(path: Path, kind: Kind, suite: str,
              ended: Event) -> Sequence[Package | SourcePackage]:
    """The packages of a suite's list that have a wanted name; nothing where it `ended` before.
    Only these are parsed: the list of one suite is 60 MB of text.

    Raises ArchiveError for what is no such list.
    """
    make = _package if kind == "Packages" else _source
    try:
        with open_bounded(path, PACKAGE) as stream:
            pieces = takewhile(lambda _: not ended.is_set(), unpacked(stream, path.name))
            content = b"\n" + joined(pieces, path.name, most=INDEX)
        return [make(stanza.decode(), suite) for stanza in _stanzas(content, _WANTED[kind])]
    except (KernelError, KeyError, TypeError, ValueError) as error:
        raise ArchiveError(f"the list of {kind} of {suite} is damaged ({error}): run "
                           f"{refresh_command('')}.") from error


def _stanzas(content: bytes, wanted: re.Pattern[bytes]) -> Iterator[bytes]:
    start = content.find(_STANZA + b"linux")
    while start >= 0:
        name = start + len(_STANZA)
        end = content.find(b"\n\n", start)
        if wanted.fullmatch(content[name:content.find(b"\n", name)]):
            yield content[start + 1:end if end >= 0 else None]
        start = content.find(_STANZA + b"linux", name)


def _package(stanza: str, suite: str) -> Package:
    from debian.deb822 import Packages

    fields = Packages(stanza)
    file = ArchiveFile(Path(fields["Filename"]).name, int(fields["Size"]), fields["SHA256"])
    return Package(fields["Package"], fields["Version"], suite, fields.get("Depends", ""), file)


def _source(stanza: str, suite: str) -> SourcePackage:
    from debian.deb822 import Sources

    fields = Sources(stanza)
    files = [ArchiveFile(Path(entry["name"]).name, int(entry["size"]), entry["sha256"])
             for entry in fields["Checksums-Sha256"]]
    return SourcePackage(fields["Package"], fields["Version"], suite, files)


def _keep_only(lists: Path, mirrors: Iterable[Mirror]) -> None:
    prefixes = tuple(mirror.list_prefix for mirror in mirrors)
    for path in lists.iterdir():
        if path.is_file() and not path.name.startswith(prefixes):
            path.unlink()


def _read_index(snapshot: Path) -> ArchiveIndex | None:
    """The snapshot's index; None where it is damaged (it is then made anew)."""
    try:
        content = (snapshot / "index.json").read_bytes()
        if not snapshot.resolve().name.endswith(digest_bytes(content)):
            return None
        index = msgspec.json.decode(content, type=ArchiveIndex)
        return index if index.form == _FORM else None
    except (OSError, msgspec.MsgspecError):
        return None


def _made(snapshot: Path) -> float:
    return snapshot.lstat().st_mtime


def _age(now: float, snapshot: Path) -> str:
    hours = (now - _made(snapshot)) / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours"


def _borrow(snapshot: Path, apt: Apt, prefix: str = "") -> None:
    """Let apt see what it fetched for a snapshot, so that it fetches only what changed."""
    for path in (snapshot / "lists").glob(f"{prefix}*"):
        target = apt.lists / path.name
        if path.is_file() and path.name != "lock" and not target.exists():
            link_or_copy(path, target)


def _changed(folder: Path, files: Sequence[ArchiveFile]) -> Path | None:
    """The first of the files there that is not what the signed index says; the folder's first
    where none is there."""
    there = [file for file in files if (folder / file.name).is_file()]
    for file in there:
        if digest_file(folder / file.name) != file.sha256:
            return folder / file.name
    return None if there else folder / files[0].name
