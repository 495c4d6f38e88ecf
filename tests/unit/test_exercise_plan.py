# SPDX-License-Identifier: GPL-2.0-or-later
"""The exerciser's C on this machine, with the compiler's sanitizers: what a seed does. And the
probe's: steps of a replay that make no sense."""

from __future__ import annotations

import hashlib
import re
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailwalk.cases.workload import all_workloads
from tailwalk.compiling import c_sources
from tailwalk.machines import GUEST
from tailwalk.probe.declared import with_declared
from tailwalk.probe.job import job_line
from tailwalk.verify import CONFIGURATIONS

pytestmark = pytest.mark.slow

_LIMITS = (8 << 20, 4 << 20, (2 << 20) + 12345, 200 << 10)


def compiled(folder: Path, sources: Mapping[str, bytes], *files: str) -> Path:
    """A program of the probe's sources that ends where it does what C does not define."""
    for name, body in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    subprocess.run(
        ["cc", "-std=gnu11", "-g", "-O1", "-fsanitize=address,undefined",
         "-fno-sanitize-recover=all", "-I.", f"-I{GUEST.name}", *files, "-o", "program"],
        cwd=folder, check=True)
    return folder / "program"


@pytest.fixture(scope="module")
def sources() -> dict[str, bytes]:
    return c_sources("probe")


@pytest.fixture(scope="module")
def planner(sources, tmp_path_factory) -> Path:
    here = Path(__file__).parent
    made = {**sources, "harness.c": (here / "exercise_plan.c").read_bytes(),
            "stand_in.h": (here / "stand_in.h").read_bytes()}
    return compiled(tmp_path_factory.mktemp("plan"), made, "harness.c", "exercise/plan.c",
                    "exercise/share.c")


def planned(planner: Path, seed: int, operations: int, block_size: int, options: str, *,
            direct: bool = False, writers: int = 1, writer: int = 0) -> str:
    return subprocess.run(
        [planner, *map(str, (seed, operations, block_size, int(direct), writers, writer)), options],
        capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_seed_does_what_it_did_when_it_was_recorded(planner):
    """A verification's record, and the command that repeats a finding, name a seed alone."""
    said = "".join(planned(planner, seed, 3000, block_size, options)
                   for seed in (1, 7, 99999999, (1 << 48) - 1) for block_size in (1024, 4096)
                   for options in ("data=ordered", "data=journal"))
    assert said.startswith("1 fill of file 2, 1221976 bytes at 0; 2 0 1221976 0 110 0\n"
                           "2 writev of file 2, 44677 bytes at 1080624; ")
    assert hashlib.sha256(said.encode()).hexdigest() == (
        "b9d6129714cd86499bed7a827ae23a8bda98e1c8cfe55c61881b42c3c05e3151")


@pytest.mark.parametrize("block_size", [0, 1 << 40])
def test_blocks_that_no_file_system_has(planner, block_size):
    done = subprocess.run([planner, "1", "1", str(block_size), "0", "1", "0", ""],
                          capture_output=True, text=True, check=False)
    assert done.stdout == f"no file system has blocks of {block_size} bytes"


@settings(deadline=None, max_examples=20,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, (1 << 64) - 1), st.sampled_from(CONFIGURATIONS))
def test_every_operation_stays_in_its_file(planner, seed, one):
    lines = planned(planner, seed, 1000, one.block_size, one.mount_options).splitlines()
    assert len(lines) == 1004
    for line in lines[:1000]:
        file, offset, length, good, _, *parts, _ = map(int, line.partition(";")[2].split())
        assert (length if " truncate " in line else offset + length) <= _LIMITS[file]
        assert 0 <= good <= length and sum(parts) in (0, length)


_LINE = re.compile(r"(\d+) (.*?)(?: of file .*)?; (\d) (\d+) (\d+) .*")
_OWNS = (1000, 5000, 8192, 333)


def operations_of(said: str) -> list[tuple[int, str, int, int, int]]:
    """Number, name, file, offset and length of each."""
    found = [match.groups() for match in map(_LINE.match, said.splitlines()) if match]
    return [(int(one[0]), one[1], *map(int, one[2:])) for one in found]


@pytest.mark.parametrize("seed", [1, 2, 99999999])
def test_direct_operations_are_of_whole_blocks_of_the_disk_inside_the_file(planner, seed):
    done = operations_of(planned(planner, seed, 3000, 4096, "data=ordered", direct=True))
    direct = [one for one in done if one[1].startswith("direct")]
    assert len({name for _, name, *_ in direct}) == 2 and len(direct) > 200
    assert all(offset % 512 == 0 and length % 512 == 0 for *_, offset, length in direct)
    assert sum(length > 0 for *_, length in direct) > 0.9 * len(direct)


@pytest.mark.parametrize("writers", [2, 3, 16])
def test_writers_have_bytes_of_their_own_in_the_same_blocks(planner, writers):
    blocks: list[set[tuple[int, int]]] = []
    common = []
    for writer in range(writers):
        done = operations_of(planned(planner, 7, 2000, 4096, "data=ordered", direct=True,
                                     writers=writers, writer=writer))
        own = [one for one in done if one[0] > 4 and one[0] % 400]
        common.append([one for one in done if one not in own])
        assert {name for _, name, *_ in own} > {"pwrite", "mmap store", "fsync", "msync",
                                                "sync range", "direct write", "direct read"}
        for _, name, file, offset, length in own:
            unit = offset // _OWNS[file]
            assert unit % writers == writer and offset + length <= _LIMITS[file]
            assert offset + length <= (unit + 1) * _OWNS[file]
            assert file != 2 or name != "mmap store"
            assert not name.startswith("direct") or (file, offset % 512, length % 512) == (2, 0, 0)
        blocks.append({(file, offset // 4096) for _, name, file, offset, length in own
                       if name in ("pwrite", "mmap store")})
    assert all(one == common[0] for one in common)
    assert len(set.intersection(*blocks[:2])) > 10


@pytest.fixture(scope="module")
def replayer(sources, tmp_path_factory) -> Path:
    """The probe as a host's worker, on a file where it runs, with the kernel's settings as they
    are."""
    def changed(name: str, *edits: tuple[bytes, bytes]) -> None:
        for old, new in edits:
            assert old in sources[name]
            sources[name] = sources[name].replace(old, new)

    sources = with_declared({name: body for name, body in sources.items()
                             if not name.startswith("exercise/")}, all_workloads())
    changed("replay.c", (b'"/mnt/sequence"', b'"sequence"'), (b"CACHESTAT 451", b"CACHESTAT 4510"))
    changed("disk.c", (b"*text)\n{\n\tint control = ", b"*text)\n{\n\tint control = 1 ? 1 : "),
            (b"write(control, text, strlen(text)) != (ssize_t)strlen(text)", b"0"),
            (b"close(control)", b"(void)text"))
    return compiled(tmp_path_factory.mktemp("replay"), sources,
                    *(name for name in sources if name.endswith(".c")))


def replayed(replayer: Path, folder: Path, block_size: int, content: bytes,
             length: int | None = None) -> bytes:
    """What the probe answers to the sequences."""
    (folder / "sequence").unlink(missing_ok=True)
    job = job_line("replay", device="ram0", block_size=block_size,
                   length=len(content) if length is None else length) + content
    done = subprocess.run([replayer], input=job + job_line("end"), cwd=folder, capture_output=True,
                          check=False, timeout=20)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr.decode()
    return done.stdout


_STEP = struct.Struct("<BBxxIII")
_WILD = st.one_of(st.integers(0, 9000), st.integers(0, (1 << 32) - 1))
_STEPS = st.lists(st.builds(_STEP.pack, st.integers(0, 9), st.integers(0, 255), _WILD, _WILD,
                            _WILD), max_size=6)


@pytest.mark.parametrize(("step", "what"), [
    ((0, 1, 0, 4096, 5000), "4096 bytes at 0, 5000 of them readable"),
    ((1, 1, 4000, 4096, 0), "4096 bytes at 4000, 0 of them readable, in a file of 4096"),
    ((1, 1, (1 << 32) - 1, 2, 0), "2 bytes at 4294967295"),
    ((9, 1, 0, 0, 0), "unknown kind 9")])
def test_a_step_outside_its_file_is_named(replayer, tmp_path, step, what):
    content = struct.pack("<II4x", 4, 1) + _STEP.pack(*step)
    assert what in replayed(replayer, tmp_path, 1024, content).decode("latin-1")


@pytest.mark.parametrize(("block_size", "content", "length"), [
    (1024, struct.pack("<II4x", 4, 1 << 31), None), (1024, struct.pack("<II4x", 4, 2), 40),
    (0, struct.pack("<II4x", 4, 0), None), (1 << 40, struct.pack("<II4x", 4, 0), None),
    (1024, struct.pack("<II65x", 65, 0), None), (1024, struct.pack("<II", 0, 0), None)])
def test_a_sequence_that_cannot_be_is_named(replayer, tmp_path, block_size, content, length):
    said = replayed(replayer, tmp_path, block_size, content, length).decode("latin-1")
    assert re.search(r"a sequence of \d+ steps on \d+ blocks of \d+ bytes", said)


@settings(deadline=None, max_examples=60,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([0, 1, 1024, 4096, 1 << 40]), st.binary(max_size=20), st.binary(max_size=3),
       _STEPS)
def test_any_steps_are_seen_or_refused(replayer, tmp_path, block_size, layout, more, steps):
    content = struct.pack("<II", len(layout), len(steps)) + layout + b"".join(steps) + more
    assert replayed(replayer, tmp_path, block_size, content).startswith(b"TWP1")
