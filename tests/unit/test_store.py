# SPDX-License-Identifier: GPL-2.0-or-later
"""The results directory: its index follows the files, whatever happens to either."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from made_runs import (
    COUNTS,
    changed_amount,
    made_case,
    made_figure,
    made_run,
    made_seed_run,
    made_seed_runs,
    made_timed_figure,
    made_timed_run,
)

from refused import files_up_to
from stand_ins import Notes
from tailwalk.errors import DamagedError, RecordError
from tailwalk.runs import Run
from tailwalk.runs.index import INDEX_NAME, entries
from tailwalk.runs.record import RUN_SCHEMA, decode_run, encode, short_digest, write_whole
from tailwalk.runs.store import Store, keep_copies, older_than_days


def numbered(number: int, **changed) -> Run:
    """A run like no other."""
    run = made_run("debian:6.18", [made_figure(made_case(), 2000 + number)])
    return msgspec.structs.replace(run, inputs=f"{number:064x}", **changed)


def ids(store: Store, **given) -> list[str]:
    return [entry.id for entry in store.select(**given)]


def test_what_is_added_is_found(tmp_path):
    store = Store(tmp_path / "new" / "runs")
    assert store.select() == []
    runs = [numbered(number) for number in range(3)]
    for run in runs:
        store.add(run)
        assert store.add(run) == store.path(run)
    assert sorted(ids(store)) == sorted(run.id for run in runs)
    assert store.find(runs[1].inputs) == runs[1]
    assert store.find("f" * 64) is None
    assert store.get(runs[2].id) == runs[2]
    assert [store.open(entry) for entry in store.select() if entry.id == runs[0].id] == [runs[0]]


def test_the_newest_of_equal_inputs_is_found(tmp_path):
    store = Store(tmp_path)
    for day in (3, 9, 5):
        store.add(numbered(1, created=f"2026-07-0{day}T00:00:00+00:00"))
    found = store.find(numbered(1).inputs)
    assert found is not None and found.created.startswith("2026-07-09")


def test_queries(tmp_path):
    store = Store(tmp_path)
    for run in made_seed_runs():
        store.add(run)
    store.add(made_run("debian:6.1", [made_figure(made_case("writev_u1k"), 7000)],
                       release="6.1.192-cloud"))
    store.add(made_run("host", [made_timed_figure(made_case(), [560])], release="6.1.20",
                       rig="host"))

    def specs(**given) -> set[str]:
        return {entry.spec for entry in store.select(**given)}

    assert specs() == {*COUNTS, "debian:6.1", "host"}
    assert specs(kernel="debian:6.18") == {"debian:6.18"}
    assert specs(kernel="6.18") == {"debian:6.18", "src:6.18+tail"}
    assert specs(kernel="6.1") == {"debian:6.1", "host"}
    assert specs(kernel="6.18.15") == {"debian:6.18", "src:6.18+tail"}
    assert specs(kernel="src:*") == {"src:6.18+tail"}
    assert specs(kernel="6.1", rig="host") == {"host"}
    assert specs(case="writev_u1k") == {*COUNTS, "debian:6.1"}
    assert specs(case="pwrite_u1k") == {*COUNTS, "host"}
    assert specs(case="pwrite") == set()
    assert specs(kernel="nothing'; DROP TABLE runs; --") == set()
    [entry] = store.select(kernel="debian:7.3")
    assert entry.cases == tuple(figure.case.name for figure in made_seed_run("debian:7.3").figures)
    assert (entry.figures, entry.filesystem, entry.block_size) == (6, "ext4", 4096)


def test_ids_may_be_cut_short_but_not_doubtful(tmp_path):
    store = Store(tmp_path)
    runs = [numbered(number) for number in range(40)]
    for run in runs:
        store.add(run)
    assert all(store.get(run.id[:9]) == run for run in runs)
    first = runs[0].id[0]
    assert sum(run.id[0] == first for run in runs) > 1  # or the next line shows nothing
    with pytest.raises(RecordError, match="may be any of"):
        store.get(first)
    with pytest.raises(RecordError, match="no run 0123456789ab"):
        store.get("0123456789ab")


@pytest.mark.parametrize(("this", "that", "unknown"), [
    (b'"workload": "pwrite"', b'"workload": "nothing"', "workload nothing"),
    (b'"uptodate": true', b'"uptodate": true, "depth": 1', "parameter depth")])
def test_a_run_of_a_newer_workload_is_passed_over_and_left(tmp_path, this, that, unknown):
    notes = Notes()
    store = Store(tmp_path, progress=notes)
    content = encode(numbered(1))
    assert this in content
    path = tmp_path / "newer.json"
    path.write_bytes(content.replace(this, that))
    assert store.select() == [] == store.damaged()
    assert path.exists()
    assert any(f"passed over: {path} has" in note and unknown in note and "update tailwalk" in note
               for note in notes.said)


@pytest.mark.parametrize("spoil", [
    lambda content: content[:0],
    lambda content: content[:-40],
    lambda content: content.replace(b"2001", b"2101"),  # still a run, but not the one measured
    lambda content: b"\0" * len(content),
    lambda content: content.replace(b"{", b"["),
])
def test_a_damaged_file_is_named_and_set_aside(tmp_path, spoil):
    notes = Notes()
    store = Store(tmp_path, progress=notes)
    good, bad = numbered(0), numbered(1)
    store.add(good)
    path = store.add(bad)
    spoiled = spoil(path.read_bytes())
    path.write_bytes(spoiled)
    assert ids(store) == [good.id]
    assert not path.exists()
    [kept] = store.damaged()
    assert kept.read_bytes() == spoiled
    [said] = notes.said
    assert str(path) in said and str(kept) in said
    assert ids(store) == [good.id] and len(notes.said) == 1


@pytest.mark.parametrize("value", [-5, 0, 4412, 2001.5])
def test_a_figure_that_its_calls_did_not_have_is_no_measurement(value):
    run = numbered(1)
    changed = changed_amount(run.figures[0], value=value)
    content = encode(msgspec.structs.replace(run, figures=[changed]))
    with pytest.raises(DamagedError, match=f"says {value} of pwrite_u1k, and most .* had 2001"):
        decode_run(content, "edited.json")


def test_a_time_that_is_not_the_median_of_its_samples_is_no_measurement():
    run = made_timed_run("host", made_timed_figure(made_case(), [500.0, 520.0, 510.0, 530.0]))
    assert decode_run(encode(run), "it") == run
    for changed in ({"value": 80000.0}, {"calls": [(500.0, -3), (515.0, 4)]}):
        [figure] = run.figures
        content = encode(msgspec.structs.replace(
            run, figures=[changed_amount(figure, **changed)]))
        with pytest.raises(DamagedError, match=r"median of its samples is 515|Expected `int` >= 1"):
            decode_run(content, "edited.json")


def test_a_run_without_a_figure_is_none():
    with pytest.raises(DamagedError, match=r"empty\.json is damaged: it is a run without a figure"):
        decode_run(encode(msgspec.structs.replace(numbered(1), figures=[])), "empty.json")


def test_damage_after_indexing_is_seen(tmp_path):
    store = Store(tmp_path)
    run = numbered(1)
    path = store.add(run)
    [entry] = store.select()
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(RecordError, match="was cut short"):
        store.open(entry)
    assert store.find(run.inputs) is None
    assert store.select() == []
    # Measured again, it is back, and what was set aside is still there.
    store.add(run)
    assert ids(store) == [run.id] and len(store.damaged()) == 1


def test_two_damaged_files_of_one_name_are_both_kept(tmp_path):
    store = Store(tmp_path)
    for content in (b"one", b"two"):
        store.add(numbered(1)).write_bytes(content)
        store.select()
    assert {path.read_bytes() for path in store.damaged()} == {b"one", b"two"}


def test_a_newer_or_another_record_stays_where_it_is(tmp_path):
    notes = Notes()
    store = Store(tmp_path, progress=notes)
    newer = tmp_path / "newer.json"
    newer.write_bytes(encode(numbered(1)).replace(RUN_SCHEMA.encode(), b"tailwalk.run/9"))
    other = tmp_path / "profile.json"
    other.write_text('{"schema": "tailwalk.profile/1"}')
    assert store.select() == []
    assert newer.exists() and other.exists() and not store.damaged()
    assert [str(newer) in said for said in notes.said] == [True]


def test_files_that_came_and_went_by_other_hands(tmp_path):
    store = Store(tmp_path)
    first, second = numbered(1), numbered(2)
    path = store.add(first)
    assert ids(store) == [first.id]
    (tmp_path / "by-hand.json").write_bytes(encode(second))
    assert sorted(ids(store)) == sorted([first.id, second.id])
    path.unlink()
    assert ids(store) == [second.id]


@settings(max_examples=settings().max_examples // 4)
@given(st.binary(max_size=5000), st.booleans())
def test_a_spoiled_index_is_made_anew(tmp_path_factory, junk, begins):
    folder = tmp_path_factory.mktemp("runs")
    store = Store(folder)
    runs = [numbered(number) for number in range(3)]
    for run in runs:
        store.add(run)
    expected = store.select()
    index = folder / INDEX_NAME
    whole = index.read_bytes()
    index.write_bytes(junk + whole[len(junk):] if begins else whole[:len(junk)] + junk)
    assert Store(folder).select() == expected
    assert Store(folder).select() == expected


def test_an_index_of_another_version_is_made_anew(tmp_path):
    store = Store(tmp_path)
    store.add(numbered(1))
    expected = store.select()
    write_index(tmp_path, lambda index, entry: (index.update(version=99),
                                                entry.update(spec="debian:9.9")))
    assert Store(tmp_path).select() == expected


def write_index(folder, change, *, digest=True):
    """Change the index of the one run in a folder; its digest with it, or not."""
    place = folder / INDEX_NAME
    first, rest = place.read_bytes().split(b"\n", 1)
    index = json.loads(rest)
    [[_, entry]] = index["known"].values()
    change(index, entry)
    rest = json.dumps(index).encode()
    place.write_bytes((short_digest(rest).encode() if digest else first) + b"\n" + rest)


@pytest.mark.parametrize(("changed", "digest"), [
    ({"spec": "debian:6.11"}, False), ({"file": "../precious"}, True), ({"created": "x"}, True),
    ({"block_size": 10**300}, True)])
def test_an_index_that_lies_is_made_anew(tmp_path, changed, digest):
    """One that somebody else wrote must not have other files removed, as runs."""
    store = Store(tmp_path / "runs")
    store.add(numbered(1))
    expected = store.select()
    write_index(store.root, lambda _, entry: entry.update(changed), digest=digest)
    precious = tmp_path / "precious"
    precious.write_text("")
    assert Store(store.root).select() == expected
    write_index(store.root, lambda _, entry: entry.update(changed), digest=digest)
    store.remove(older_than_days(store.select(), 0))
    assert precious.exists() and store.select() == []


@pytest.mark.parametrize("changed", [
    {"inputs": "../../../../tmp/"}, {"inputs": "*"}, {"inputs": ""}, {"origin": "../../x"},
    {"kernel": {"release": "6" * 65}}])
def test_a_record_cannot_choose_where_it_is_kept(tmp_path, changed):
    document = json.loads(encode(numbered(1)))
    for name, value in changed.items():
        document[name] = {**document[name], **value} if isinstance(value, dict) else value
    source = tmp_path / "hostile.json"
    source.write_text(json.dumps(document))
    store = Store(tmp_path / "a" / "b" / "c" / "d" / "runs")
    done = keep_copies(store, [source])
    assert (done.added, done.failed) == (0, 1)
    assert list(tmp_path.rglob("*.json")) == [source]
    sent = msgspec.structs.replace(numbered(1), inputs="/../../../../x")  # as by a worker
    assert store.path(sent).parent == store.root


def test_only_what_changed_is_read_again(tmp_path):
    store = Store(tmp_path)
    for number in range(5):
        store.add(numbered(number))
    read: list[str] = []

    def reading(path: Path) -> Run | None:
        read.append(path.name)
        return store._read(path)

    for expected in (5, 0):
        read.clear()
        assert len(entries(tmp_path, reading)) == 5
        assert len(read) == expected


def test_a_directory_that_cannot_be_written_can_be_read(tmp_path):
    store = Store(tmp_path)
    run = numbered(1)
    store.add(run)
    (tmp_path / INDEX_NAME).mkdir()  # which no user can write as a file, root neither
    without = store.select()
    assert [entry.id for entry in without] == [run.id]
    (tmp_path / INDEX_NAME).rmdir()
    assert store.select() == without


def test_an_index_that_cannot_be_written_is_done_without(tmp_path):
    store = Store(tmp_path)
    store.add(numbered(1))
    expected = store.select()
    (tmp_path / INDEX_NAME).unlink()
    with files_up_to(100):
        assert store.select() == expected
    assert not (tmp_path / INDEX_NAME).exists()


# It needs no more than the store does: starting it is most of what the test costs.
_WRITER = """
import sys
from pathlib import Path
from tailwalk.runs.record import decode_run
from tailwalk.runs.store import Store

store = Store(Path(sys.argv[1]))
for at, path in enumerate(sys.argv[2:]):
    store.add(decode_run(Path(path).read_bytes(), path))
    if at % 5 == 0:
        store.select()
"""


@pytest.mark.slow
def test_writers_side_by_side_lose_nothing(tmp_path):
    each = 30
    records = [tmp_path / f"{at}.json" for at in range(each * 5 // 2)]
    for at, path in enumerate(records):
        path.write_bytes(encode(numbered(at)))
    store = Store(tmp_path / "runs")
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, store.root,
                                 *records[start:start + each]])
               for start in range(0, 2 * each, each // 2)]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    assert sorted(ids(store)) == sorted(numbered(at).id for at in range(each * 5 // 2))
    assert not store.damaged()


def test_a_killed_writer_leaves_no_run_and_is_cleared_away(tmp_path):
    store = Store(tmp_path)
    path = store.add(numbered(1))
    torn = path.with_name(f".{path.name}-x1y2z3")
    torn.write_bytes(path.read_bytes()[:100])
    assert len(store.select()) == 1
    assert store.leftovers() == []  # its writer may still be at it
    os.utime(torn, (0, 0))
    assert store.leftovers() == [torn]
    store.discard(store.leftovers())
    assert not torn.exists() and path.exists()


class Directory(RuleBasedStateMachine):
    """Adds, removals, damage and losses of the index in any order."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self._folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self._folder.name))
        self.expected: dict[str, Run] = {}

    def teardown(self) -> None:
        self._folder.cleanup()

    @rule(number=st.integers(0, 5))
    def add(self, number):
        run = numbered(number)
        self.store.add(run)
        self.expected[run.id] = run

    @rule(number=st.integers(0, 5))
    def remove(self, number):
        run = numbered(number)
        self.store.remove([entry for entry in self.store.select() if entry.id == run.id])
        self.expected.pop(run.id, None)

    @rule(number=st.integers(0, 5), at=st.integers(0, 400))
    def damage(self, number, at):
        run = numbered(number)
        path = self.store.path(run)
        if path.exists():
            content = bytearray(path.read_bytes())
            content[at] ^= 1
            path.write_bytes(content)
            del self.expected[run.id]
            if RUN_SCHEMA.encode() not in content:  # another record now: not ours to touch
                path.unlink()

    @rule()
    def lose_index(self):
        (self.store.root / INDEX_NAME).unlink(missing_ok=True)

    @invariant()
    def what_is_listed_can_be_had(self):
        assert {entry.id for entry in self.store.select()} == set(self.expected)
        for name, run in self.expected.items():
            assert self.store.get(name) == run


TestDirectory = Directory.TestCase
TestDirectory.settings = settings(max_examples=settings().max_examples // 4,
                                  stateful_step_count=20)


def test_what_cannot_be_written_whole_leaves_nothing_half_written(tmp_path):
    store = Store(tmp_path)
    with files_up_to(100), pytest.raises(RecordError, match="File too large"):
        store.add(numbered(1))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_is_written_to_and_stays(tmp_path):
    device, pipe = tmp_path / "device", tmp_path / "pipe"
    device.symlink_to(os.devnull)
    write_whole(device, b"gone")
    assert device.is_char_device() and device.is_symlink()
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, b"said")
    assert os.read(reader, 10) == b"said"
    os.close(reader)
    assert pipe.is_fifo()
    with pytest.raises(RecordError, match="directory"):
        write_whole(tmp_path, b"")


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    """As /dev/stdout does, redirected to a file."""
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere/record", tmp_path / "link"
    target.write_bytes(b"before")
    link.symlink_to(target)
    write_whole(link, b"after")
    assert link.is_symlink()
    assert target.read_bytes() == b"after"
