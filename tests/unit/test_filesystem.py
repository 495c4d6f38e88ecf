# SPDX-License-Identifier: GPL-2.0-or-later
"""Images that travel to guests: what is packed is what the file held."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailwalk.cache import Cache
from tailwalk.cases import KIB, MIB, Filesystem, find_cases
from tailwalk.errors import ToolError, UsageError
from tailwalk.filesystems import KINDS, FilesystemKind, keeps_buffer_heads
from tailwalk.programs.plan import ExecPlan
from tailwalk.rigs.job import prologue
from tailwalk.rigs.plan import Plan
from tailwalk.vm.filesystem import (
    _pack,
    find_program,
    make_image,
    mkfs_command,
    packed_image,
    segments,
)

PARTS = st.lists(st.one_of(
    st.integers(0, 9000).map(lambda length: bytes(length)),
    st.integers(0, 9000).map(lambda length: b"\xff" * length),
    st.binary(max_size=300)), max_size=8)


def unpacked(packed: bytes, size: int) -> bytes:
    """What a zeroed disk holds after the probe's `disk` command (probe/disk.c)."""
    disk = bytearray(size)
    at = 0
    while at < len(packed):
        offset, length, byte = struct.unpack_from("<QQQ", packed, at)
        at += 24
        if byte == 256:
            disk[offset:offset + length] = packed[at:at + length]
            at += length
        else:
            disk[offset:offset + length] = bytes([byte]) * length
    return bytes(disk)


@given(parts=PARTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_segments_make_the_file_again(tmp_path, parts):
    path = tmp_path / "image"
    content = b"".join(parts)
    path.write_bytes(content)
    packed = b"".join(map(_pack, segments(path)))
    assert unpacked(packed, len(content)) == content


@pytest.mark.parametrize("wanted", [Filesystem(), Filesystem(block_size=KIB)])
def test_a_packed_file_system_is_the_image_and_the_same_every_time(tmp_path, wanted):
    image = tmp_path / "image"
    make_image(wanted, image, size=64 * MIB)
    first, again = (packed_image(wanted, Cache(tmp_path / name), size=64 * MIB)
                    for name in ("one", "two"))
    assert first == again
    assert len(first) < 200 * KIB
    assert unpacked(first, 64 * MIB) == image.read_bytes()


def test_a_block_size_the_file_system_does_not_have(tmp_path):
    with pytest.raises(UsageError, match="16384"):
        make_image(Filesystem(block_size=16384), tmp_path / "image", size=128 * MIB)


@pytest.mark.parametrize("kind", ["ramfs", "unknown", "ext3", ""])
def test_a_kind_that_no_guest_has_is_named_with_those_it_can_have(tmp_path, kind):
    wanted = Filesystem(kind=kind)
    plans = (Plan(cases=find_cases(["pwrite_u1k"]), filesystem=wanted),
             ExecPlan(program=Path("/bin/true"), filesystem=wanted))
    for refuse in (lambda: make_image(wanted, tmp_path / "image", size=128 * MIB),
                   lambda: packed_image(wanted, Cache(tmp_path)), lambda: mkfs_command(wanted),
                   *(plan.check for plan in plans)):
        with pytest.raises(UsageError, match=f"{kind!r}: it can have ext4, xfs, btrfs, tmpfs"):
            refuse()


MEMORY = FilesystemKind(name="madefs", drivers=(), option="CONFIG_MADEFS",
                        block_sizes=(4096,), buffer_heads=False, in_memory=True)


def test_one_that_lives_in_memory_is_mounted_without_a_disk(monkeypatch, tmp_path):
    monkeypatch.setitem(KINDS, "madefs", MEMORY)
    wanted = Filesystem(kind="madefs", mount_options="size=1g")
    assert prologue(wanted, Cache(tmp_path)) == (
        b"mount kind=madefs device=madefs options=size=1g\n")
    assert not list(tmp_path.rglob("packed"))
    with pytest.raises(UsageError, match="1024 is not among them"):
        prologue(Filesystem(kind="madefs", block_size=1024), Cache(tmp_path))
    with pytest.raises(UsageError, match="no disk to make it on"):
        packed_image(wanted, Cache(tmp_path))


def test_what_never_leaves_the_page_cache_is_never_half_there(monkeypatch):
    monkeypatch.setitem(KINDS, "madefs", MEMORY)
    [case] = find_cases(["pwrite_u1k"])
    plan = Plan(cases=[case, case.changed(uptodate=False)],
                filesystem=Filesystem(kind="madefs"))
    with pytest.raises(UsageError, match="--partial on madefs"):
        plan.check()
    assert replace(plan, cases=[case]).check() and replace(plan, filesystem=Filesystem()).check()


@pytest.mark.parametrize(("kind", "keeps"), [("ext4", True), ("ext3", True), ("xfs", False),
                                             ("nfs4", False), ("overlay", None)])
def test_who_keeps_buffer_heads(kind, keeps):
    assert keeps_buffer_heads(kind) is keeps


def test_guests_have_no_file_system_that_only_hosts_have():
    assert list(KINDS) == ["ext4", "xfs", "btrfs", "tmpfs"]
    assert all(row.option and row.block_sizes for row in KINDS.values())


def test_a_missing_program_names_the_package():
    with pytest.raises(ToolError, match=r"mkfs\.none is missing: .* apt-get install e2fsprogs"):
        find_program("mkfs.none", "e2fsprogs")
