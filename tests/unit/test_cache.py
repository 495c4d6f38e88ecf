# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache: what is damaged is never used, what is remembered is what is there."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from refused import unprivileged
from stand_ins import Notes
from tailwalk import refusals
from tailwalk.cache import WHILE_WAITING, Cache, default_root, digest_file, digests
from tailwalk.cache.digests import DigestMemory
from tailwalk.cache.inventory import examine, held
from tailwalk.cli import group
from tailwalk.cli.console import LineProgress
from tailwalk.errors import CacheError, UsageError
from tailwalk.progress import SILENT

CONTENT = bytes(range(256)) * 64
AT_ONCE = -3600.0
"""However young a file is, its digest is remembered."""


class Maker:
    """Fills an entry, and counts how often it had to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, folder: Path) -> None:
        self.times += 1
        (folder / "inner").mkdir()
        (folder / "state").write_bytes(CONTENT)
        (folder / "inner" / "said").write_text("6.18.15")


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def cache(tmp_path, notes) -> Cache:
    return Cache(tmp_path / "cache", progress=notes, settled=AT_ONCE)


def exchange(path: Path, at: int, count: int = 9) -> None:
    """Change bytes where they lie, and put back every time that can be put back."""
    before = path.stat()
    with path.open("r+b") as stream:
        stream.seek(at)
        old = stream.read(count)
        stream.seek(at)
        stream.write(bytes(byte ^ 0x55 for byte in old))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def remembered(path: Path) -> Callable[[], str]:
    """What tells the digest of a file, with a memory beside it."""
    memory = DigestMemory(path.parent / "digests", settled=AT_ONCE)
    return lambda: memory.digests(path.parent, [path.name])[path.name]


def swap(path: Path, put: Callable[[Path], object]) -> None:
    """Put something else in the place of a file or a directory."""
    path.rename(path.parents[2] / "old")
    put(path)


def copied(folder: Path) -> Path:
    """A file outside that holds what the entry's did."""
    outside = folder.parents[1] / "copy"
    outside.write_bytes(CONTENT)
    return outside


def test_what_is_whole_is_made_once(cache, notes):
    make = Maker()
    for _ in range(3):
        folder = cache.entry("state", "a", make)
        assert (folder / "state").read_bytes() == CONTENT
    assert make.times == 1
    assert notes.said == []


@pytest.mark.parametrize("damage", [
    lambda folder: exchange(folder / "state", 8000),
    lambda folder: (folder / "state").write_bytes(b""),
    lambda folder: (folder / "state").write_bytes(CONTENT[:-1]),
    lambda folder: (folder / "state").unlink(),
    lambda folder: (folder / "inner" / "said").write_text("6.18.16"),
    lambda folder: (folder / "more").write_text("a file that nobody kept"),
    lambda folder: (folder / ".seal").write_bytes(b""),
    lambda folder: exchange(folder / ".seal", 5),
    lambda folder: shutil.rmtree(folder / "inner"),
    lambda folder: swap(folder / "state", lambda path: path.mkdir()),
    lambda folder: swap(folder / "state", os.mkfifo),
    lambda folder: swap(folder / "state", lambda path: path.symlink_to(copied(folder))),
    lambda folder: swap(folder / "inner", lambda path: path.symlink_to("/")),
    lambda folder: swap(folder / ".seal", lambda path: path.mkdir()),
], ids=["nine bytes", "emptied", "cut", "gone", "another word", "one more", "empty seal",
        "other seal", "no folder", "folder for file", "pipe for file", "link for file",
        "link for folder", "folder for seal"])
def test_what_is_damaged_is_set_aside_named_and_made_again(cache, notes, damage):
    make = Maker()
    folder = cache.entry("state", "a", make)
    cache.entry("state", "a", make)  # remembers the digests
    damage(folder)
    again = cache.entry("state", "a", make)
    assert make.times == 2
    assert (again / "state").read_bytes() == CONTENT
    assert (again / "inner" / "said").read_text() == "6.18.15"
    note, = notes.said
    assert str(folder) in note
    assert str(cache.root / "damaged" / "state-a") in note
    assert (cache.root / "damaged" / "state-a").is_dir()
    cache.entry("state", "a", make)
    assert make.times == 2


def test_entries_that_changed_places_are_made_again(cache, notes):
    one, other = (cache.entry("state", key, Maker()) for key in "ab")
    one.rename(cache.root / "state" / "c")
    other.rename(one)
    (cache.root / "state" / "c").rename(other)
    make = Maker()
    for key in "ab":
        cache.entry("state", key, make)
    assert make.times == 2
    assert [note.count("(it was made as another entry)") for note in notes.said] == [1, 1]


@given(at=st.integers(0, len(CONTENT) - 1), bit=st.integers(0, 7))
def test_one_bit_anywhere_is_seen(tmp_path_factory, at, bit):
    path = tmp_path_factory.mktemp("bit") / "file"
    path.write_bytes(CONTENT)
    memory = remembered(path)
    was = memory()
    assert memory() == was == digest_file(path)
    changed = bytearray(CONTENT)
    changed[at] ^= 1 << bit
    before = path.stat()
    with path.open("r+b") as stream:
        stream.write(changed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert memory() == digest_file(path) != was


@pytest.mark.parametrize("put", [
    lambda path: path.write_bytes(b"a file"),
    lambda path: path.symlink_to("nowhere"),
    lambda path: path.symlink_to("other"),
], ids=["file", "dangling link", "link"])
def test_what_is_no_directory_is_set_aside(cache, notes, put):
    other = cache.entry("state", "other", Maker())
    put(other.with_name("a"))
    make = Maker()
    for _ in range(2):
        assert (cache.entry("state", "a", make) / "state").read_bytes() == CONTENT
    assert make.times == 1
    note, = notes.said
    assert "it is no directory" in note
    assert (other / "state").read_bytes() == CONTENT


@pytest.mark.parametrize("take", [lambda folder: folder.chmod(0),
                                  lambda folder: (folder / "state").chmod(0),
                                  lambda folder: (folder / ".seal").chmod(0)],
                         ids=["folder", "file", "seal"])
def test_what_nobody_may_read_is_set_aside(cache, notes, take):
    make = Maker()
    folder = cache.entry("state", "a", make)
    take(folder)
    again = unprivileged(lambda: cache.entry("state", "a", make))
    assert (again / "state").read_bytes() == CONTENT
    note, = notes.said
    assert "cannot be read: Permission denied" in note


def test_what_changes_while_it_is_used_is_not_built_on(cache):
    folder = cache.entry("state", "a", Maker())
    cache.check(folder)
    exchange(folder / "state", 8000)
    with pytest.raises(CacheError, match=r"changed while it was in use .*run the command again"):
        cache.check(folder)
    cache.check(cache.root.parent)  # whatever is none of the cache's


def test_verify_sees_what_no_time_shows(cache, notes, monkeypatch):
    """As where the disk itself changes bytes: no file's identity does."""
    make = Maker()
    folder = cache.entry("state", "a", make)
    cache.entry("state", "a", make)
    was = digests._identity(f"{folder}/state")
    exchange(folder / "state", 8000)
    real = digests._identity
    monkeypatch.setattr(digests, "_identity", lambda path: was if path.endswith("/state")
                        else real(path))
    assert cache.flaw(folder) is None
    assert cache.doubted("state", "a") == ""
    entry, = (entry for entry in held(cache) if entry.kind == "state")
    assert examine(cache, entry, {}) == ("damaged", "state is not what was kept")
    assert cache.doubted("state", "a") > "2026"
    cache.entry("state", "a", make)
    assert make.times == 2
    assert len(notes.said) == 1


def test_a_directory_of_another_users_is_named(cache, monkeypatch):
    cache.root.mkdir()
    assert cache.exposed() is None
    cache.root.chmod(0o777)
    assert f"{cache.root} (of user {cache.root.stat().st_uid}, mode 777)" in (
        cache.exposed() or "")
    cache.root.chmod(0o775)
    monkeypatch.setattr(os, "geteuid", lambda: cache.root.stat().st_uid + 1)
    if cache.root.stat().st_uid:
        assert "mode 775" in (cache.exposed() or "")
    else:  # root can change everything anyway
        assert cache.exposed() is None


@pytest.mark.parametrize(("given", "place"), [
    ("/srv/with space", "/srv/with space/tailwalk"), ("relative", "/home/u/.cache/tailwalk"),
    ("", "/home/u/.cache/tailwalk")])
def test_where_the_cache_is(monkeypatch, given, place):
    monkeypatch.delenv("TAILWALK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    monkeypatch.setenv("HOME", "/home/u")
    assert str(default_root()) == place


def test_what_has_no_seal_is_made_again(cache, notes):
    make = Maker()
    folder = cache.entry("state", "a", make)
    (folder / ".seal").unlink()
    cache.entry("state", "a", make)
    assert make.times == 2
    assert notes.said == [f"{folder} in the cache has no seal: it is made again."]
    assert [entry.kind for entry in held(cache)] == ["state"]


def bytes_read() -> int:
    """Bytes that this process has read so far (proc_pid_io(5))."""
    return int(re.search(r"rchar: (\d+)", Path("/proc/self/io").read_text())[1])


def test_a_remembered_digest_saves_the_reading(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT * 100)
    memory = remembered(path)
    was = memory()
    begin = bytes_read()
    assert memory() == was
    assert bytes_read() - begin < len(CONTENT)
    path.touch()
    begin = bytes_read()
    assert memory() == was
    assert bytes_read() - begin >= len(CONTENT) * 100


def test_a_young_file_is_not_remembered(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    DigestMemory(tmp_path / "digests").digests(tmp_path, ["file"])
    assert not (tmp_path / "digests").exists()


@pytest.mark.parametrize("damage", [b"", b"[", b'{"file":[[1,2,3,4,5],"0","0"]}', b"\xff" * 90])
def test_a_damaged_memory_is_not_believed(tmp_path, damage):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    memory = remembered(path)
    memory()
    kept, = (tmp_path / "digests").iterdir()
    kept.write_bytes(damage)
    assert memory() == digest_file(path)
    kept.write_bytes(kept.read_bytes().replace(digest_file(path).encode(), b"0" * 64))
    assert memory() == digest_file(path)


def test_a_cache_that_cannot_be_written_is_read(cache):
    make = Maker()
    folder = cache.entry("state", "a", make)
    places = [cache.root, *cache.root.rglob("*")]
    for place in places:
        if place.is_dir():
            place.chmod(0o555)
    try:
        assert unprivileged(lambda: cache.entry("state", "a", make)) == folder
        with pytest.raises(CacheError, match="Permission denied"):
            unprivileged(lambda: cache.entry("state", "b", make))
    finally:
        for place in places:
            if place.is_dir():
                place.chmod(0o755)
    assert make.times == 1


def test_who_waits_for_a_lock_can_be_told_to_stop(cache):
    class StopError(Exception):
        pass

    stop = threading.Event()
    ended: list[str] = []

    def check() -> None:
        if stop.is_set():
            raise StopError

    def wait() -> None:
        WHILE_WAITING.set(check)
        try:
            cache.entry("state", "a", Maker())
        except StopError:
            ended.append("stopped")

    with cache.lock("state", "a"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        stop.set()
        waiting.join(60)
    assert ended == ["stopped"]
    assert not cache.has("state", "a")


def test_what_it_tells_does_not_travel_with_a_cache(tmp_path):
    with (tmp_path / "log").open("w") as stream:
        cache = Cache(tmp_path / "cache", progress=LineProgress(stream))
        there = pickle.loads(pickle.dumps(cache))
    assert there.root == cache.root
    assert there.progress is SILENT


class TestCommand:
    """`tailwalk cache`."""

    @pytest.fixture
    def run(self, cache, tmp_path, monkeypatch):
        (tmp_path / "temporary").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

        def call(*arguments: str, status: int = 0) -> str:
            done = CliRunner().invoke(group, ["cache", *arguments],
                                      env={"TAILWALK_CACHE": str(cache.root)})
            if isinstance(done.exception, UsageError):
                raise done.exception
            assert done.exit_code == status, done.output
            return done.output
        return call

    def test_an_empty_cache(self, run):
        assert run().split()[:2] == ["all", "0"]
        assert [line.split()[:2] for line in run("verify").splitlines() if "MiB" in line] == [
            ["whole", "0"], ["damaged", "0"], ["unchecked", "0"]]
        assert "0 entries removed" in run("prune")

    def test_what_is_there_by_kind(self, run, cache):
        for key in ("a", "b"):
            cache.entry("state", key, Maker())
        cache.entry("symbols", "a", Maker())
        lines = [line.split()[:2] for line in run().splitlines()]
        assert lines == [["state", "2"], ["symbols", "1"], ["all", "3"]]

    def test_guests_that_nobody_used_for_days_are_told_with_how_to_be_rid_of_them(self, run, cache):
        old, kernel = cache.entry("state", "old", Maker()), cache.entry("kernels", "old", Maker())
        cache.entry("state", "new", Maker())
        assert "unused" not in run()
        for entry in (old, kernel):  # a kernel may have been built for long
            os.utime(entry, (time.time() - 3 * 86_400,) * 2)
        said = run()
        assert "unused           1" in said
        command = said.splitlines()[-1].split()
        assert command[:3] == ["tailwalk", "cache", "prune"]
        assert "1 entry removed" in run(*command[2:])
        assert "unused" not in run() and kernel.exists()

    def test_damage_is_named_and_removed(self, run, cache):
        folder = cache.entry("state", "a", Maker())
        cache.entry("state", "b", Maker())
        assert run("verify").splitlines()[-3].split() == ["whole", "2", "0", "MiB", "state"]
        exchange(folder / "state", 100)
        said = run("verify", status=2)
        assert f"{folder} is damaged: state is not what was kept" in said
        assert "damaged          1" in said
        cache.entry("state", "a", Maker())
        (cache.entry("probe", "c", Maker()) / ".seal").unlink()
        assert [line.split()[:2] + line.split()[4:] for line in run("verify").splitlines()
                if "MiB" in line] == [["whole", "2", "state"], ["damaged", "0"],
                                      ["unchecked", "3", "damaged,", "digests,", "probe"]]
        assert "1 entry removed" in run("prune")
        assert [entry.kind for entry in held(cache)] == ["digests", "probe", "state", "state"]

    def test_what_a_killed_process_left(self, run, cache):
        cache.entry("state", "a", Maker())
        left = cache.root / "state" / ".partial-b-x1y2"
        left.mkdir()
        with cache.lock("state", "b"):
            assert "0 entries removed" in run("prune")  # somebody is at work on it
        assert str(left) in run("prune", "--dry-run")
        assert left.is_dir()
        assert "1 entry removed" in run("prune")
        assert not left.exists()

    def test_what_a_killed_process_left_among_temporary_files(self, run, monkeypatch):
        monkeypatch.setattr(refusals, "_LOCKED_WITHIN", 0.0)
        left = Path(tempfile.mkdtemp(prefix="tailwalk-temporary-"))
        own = Path(tempfile.mkdtemp(prefix="tailwalk-"))
        with refusals.temporary_folder() as folder:
            (folder / "used").touch()
            assert "1 entry removed" in run("prune")
            assert (folder / "used").exists()
        assert not left.exists()
        assert own.is_dir()

    def test_what_is_old(self, run, cache):
        old = cache.entry("state", "old", Maker())
        cache.entry("state", "new", Maker())
        os.utime(old, (time.time() - 40 * 86_400,) * 2)
        assert str(old) in run("prune", "--older-than", "30")
        assert not old.exists()
        assert cache.has("state", "new")

    def test_use_makes_young(self, run, cache):
        folder = cache.entry("state", "a", Maker())
        os.utime(folder, (time.time() - 40 * 86_400,) * 2)
        cache.entry("state", "a", Maker())
        assert "0 entries removed" in run("prune", "--older-than", "30")

    def test_what_makes_no_sense(self, run, cache):
        cache.entry("state", "a", Maker())
        with pytest.raises(UsageError, match="--kind cheese"):
            run("prune", "--kind", "cheese")
        assert "--older-than" in run("prune", "--older-than", "-1", status=2)
        assert cache.has("state", "a")
