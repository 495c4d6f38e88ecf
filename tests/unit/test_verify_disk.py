# SPDX-License-Identifier: GPL-2.0-or-later
"""The disk with a volatile cache that verification gives a guest, and the images on it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import shutil
import socket
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stand_ins import put_program
from tailwalk.errors import GuestError, ToolError
from tailwalk.verify.image import IMAGE_SIZE, check_filesystem, make_original
from tailwalk.verify.pattern import POISON
from tailwalk.vm.disk import SECTOR, Disk, _Write, left_by
from tailwalk.vm.guest import Guest
from tailwalk.vm.qemu import Machine, Qemu

# --- the disk ---

WRITES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(1, 255)),
                  max_size=12)


def write_all(path: Path, writes) -> list[_Write]:
    done = []
    with path.open("r+b") as file:
        for at, length, byte in writes:
            offset, data = at * 1024, bytes([byte]) * (length * 1024)
            file.seek(offset)
            before = file.read(len(data))
            file.seek(offset)
            file.write(data)
            done.append(_Write(offset, before, data))
    return done


@given(WRITES, st.sampled_from(["kept", "lost", "torn"]), st.integers())
def test_what_a_fate_leaves(writes, fate, seed):
    size = 128 * 1024
    with tempfile.NamedTemporaryFile() as stream:
        path = Path(stream.name)
        path.write_bytes(bytes(size))
        done = write_all(path, writes)
        full = path.read_bytes()
        with path.open("r+b", buffering=0) as file:
            left_by(fate, done, file.fileno(), random.Random(seed))
        left = path.read_bytes()
    if fate == "kept":
        assert left == full
    elif fate == "lost":
        assert left == bytes(size)
    for at in range(0, size, 512):
        allowed = {0} | {write.after[0] for write in done
                         if write.offset <= at < write.offset + len(write.after)}
        assert left[at] in allowed and left[at:at + 512].count(left[at]) == 512


def test_a_torn_write_keeps_and_loses_whole_sectors():
    data = b"x" * (64 * SECTOR)
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        left_by("torn", [_Write(0, bytes(len(data)), data)] * 3, file.fileno(), random.Random(2))
        file.seek(0)
        left = file.read()
    sectors = {left[at:at + SECTOR] for at in range(0, len(left), SECTOR)}
    assert sectors == {bytes(SECTOR), b"x" * SECTOR}


class Client:
    """The part of an NBD client that the tests need."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=os.dup(descriptor))
        assert self.take(18)[:16] == b"NBDMAGICIHAVEOPT"
        self.socket.sendall(struct.pack(">I", 3))
        self.option(8)  # structured replies: not here
        assert struct.unpack(">QIII", self.take(20))[2] == 0x80000001
        self.option(7)
        *_, kind, length = struct.unpack(">QIII", self.take(20))
        assert kind == 3
        self.size, self.flags = struct.unpack(">HQH", self.take(length))[1:]
        assert struct.unpack(">QIII", self.take(20))[2] == 1

    def option(self, number: int) -> None:
        self.socket.sendall(struct.pack(">8sII", b"IHAVEOPT", number, 0))

    def take(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            data += self.socket.recv(length - len(data)) or pytest.fail("the disk hung up")
        return data

    def ask(self, kind: int, offset: int, data: bytes = b"", length: int = 0) -> None:
        self.socket.sendall(struct.pack(">IHHQQI", 0x25609513, 0, kind, 99, offset,
                                        length or len(data)) + data)

    def answer(self, length: int = 0) -> tuple[int, bytes]:
        magic, error, handle = struct.unpack(">IIQ", self.take(16))
        assert (magic, handle) == (0x67446698, 99)
        return error, self.take(length) if not error else b""


def test_a_disk_reads_what_was_written_and_loses_what_was_not_flushed(tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"o" * (1 << 16))
    cuts = []
    with Disk(image) as disk:
        client = Client(disk.descriptor)
        assert (client.size, client.flags) == (1 << 16, 5)
        for kind, offset, data in ((1, 0, b"a" * 4096), (3, 0, b""), (1, 4096, b"b" * 8192)):
            client.ask(kind, offset, data)
            assert client.answer() == (0, b"")
        client.ask(0, 4000, length=200)
        assert client.answer(200) == (0, b"a" * 96 + b"b" * 104)
        client.ask(6, 0, length=512)
        assert client.answer()[0] == 22
        disk.arm(2, lambda: cuts.append("cut"))
        client.ask(1, 20480, b"c" * 4096)
        assert client.answer() == (0, b"")
        client.ask(1, 24576, b"d" * 4096)
        client.socket.close()
    assert disk.was_cut and cuts == ["cut"]
    old = b"o" * 4096
    kept = disk.leave("kept", tmp_path / "kept", seed="1").read_bytes()
    assert kept[:28672] == b"a" * 4096 + b"b" * 8192 + old * 2 + b"c" * 4096 + b"d" * 4096
    lost = disk.leave("lost", tmp_path / "lost", seed="1").read_bytes()
    assert lost == b"a" * 4096 + old * 15


def test_a_write_that_fails_leaves_nothing_and_is_told(tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"o" * (1 << 16))
    with Disk(image) as disk:
        client = Client(disk.descriptor)
        disk.arm(9, lambda: None, lambda data: data.startswith(b"b"))
        for data, told in ((b"a" * 4096, 0), (b"b" * 4096, 5), (b"c" * 1024, 0)):
            client.ask(1, 8192, data)
            assert client.answer()[0] == told
        client.socket.close()
    assert not disk.was_cut
    assert image.read_bytes()[8192:12288] == b"c" * 1024 + b"a" * 3072
    lost = disk.leave("lost", tmp_path / "lost", seed="1").read_bytes()
    assert lost == b"o" * (1 << 16)


def refuse(number: int):
    def refusing(*_: object):
        raise OSError(number, os.strerror(number))
    return refusing


@pytest.mark.parametrize("armed", [False, True])
@pytest.mark.parametrize(("kind", "number", "named"), [
    (1, errno.ENOSPC, r"write .* \(No space left on device\): see that TMPDIR"),
    (1, errno.EIO, r"write .* \(Input/output error\): see that TMPDIR"),
    (0, errno.EIO, r"read .* \(Input/output error\): see that TMPDIR")])
def test_what_this_machine_fails_to_do_ends_the_guest_untold(tmp_path, armed, kind, number, named):
    image = tmp_path / "image"
    image.write_bytes(bytes(1 << 16))
    ends = []
    with pytest.raises(GuestError, match=named):  # noqa: SIM117 - what the disk raises at its end
        with Disk(image, read=refuse(number), write=refuse(number)) as disk:
            client = Client(disk.descriptor)
            client.socket.settimeout(10)
            if armed:
                disk.arm(9, lambda: ends.append("end"), lambda data: data.startswith(b"f"))
                client.ask(1, 0, b"f" * 4096)
                assert client.answer() == (5, b"")
            client.ask(kind, 4096, b"b" * 4096 * kind, length=4096)
            assert client.socket.recv(16) == b"", "it is told"
            client.socket.close()
            raise GuestError("whatever came of that")
    assert not disk.was_cut
    assert ends == ["end"] * armed


def test_an_interrupt_is_no_failure_of_the_image(tmp_path):
    image = tmp_path / "image"
    image.write_bytes(bytes(1 << 16))
    with pytest.raises(KeyboardInterrupt), Disk(image, write=refuse(errno.EIO)) as disk:
        client = Client(disk.descriptor)
        client.ask(1, 4096, b"b" * 4096)
        assert client.socket.recv(16) == b""
        raise KeyboardInterrupt


def test_a_write_of_which_this_machine_takes_a_part_is_gone_on_with(tmp_path):
    image = tmp_path / "image"
    image.write_bytes(bytes(1 << 16))
    with Disk(image, write=lambda file, data, at: os.pwrite(file, data[:1000], at)) as disk:
        client = Client(disk.descriptor)
        client.ask(1, 4096, b"b" * 4096)
        assert client.answer() == (0, b"")
        client.socket.close()
    assert image.read_bytes()[4096:8193] == b"b" * 4096 + b"\0"


def test_a_failure_that_a_guest_was_told_of_counts_where_no_disk_is_to_fail(tmp_path):
    failed = json.dumps({"event": "BLOCK_IO_ERROR", "data": {
        "operation": "write", "action": "report", "reason": "No space left on device"}}).encode()

    def guest(backing) -> Guest:
        return Guest(Machine(disks=(IMAGE_SIZE,), tells_errors=True), disks=[backing],
                     qemu=Qemu("none", "7.2.22", ""), kernel=tmp_path, initramfs=tmp_path,
                     name="made")

    guest(3)._take_control(failed + b"\n")
    with pytest.raises(GuestError, match=r"on made .* write .* \(No space left.* that TMPDIR is"):
        guest(tmp_path / "image")._take_control(failed + b"\n")


def test_a_client_that_goes_away_ends_the_disk(tmp_path):
    image = tmp_path / "image"
    image.write_bytes(bytes(4096))
    with Disk(image) as disk:
        Client(disk.descriptor).socket.close()
    assert not disk.was_cut


# --- images ---

def test_a_fresh_image_is_clean_and_poisoned_and_damage_is_found(tmp_path):
    path = tmp_path / "image"
    make_original(1024, path)
    assert check_filesystem(path) is None
    content = path.read_bytes()
    assert content.count(POISON) * 8 > 0.5 * len(content)
    with path.open("r+b") as file:
        file.seek(1024 + 12)  # the superblock's count of free blocks
        file.write(b"\1\0\0\0")
    assert "Free blocks" in (check_filesystem(path) or "")


def test_e2fsck_that_cannot_work_is_no_finding(tmp_path):
    with pytest.raises(ToolError, match="cannot check"):
        check_filesystem(tmp_path / "none")


@pytest.mark.parametrize("end", ["kill -KILL $$", "kill -SEGV $$", "exit 32"])
def test_e2fsck_that_is_cut_short_is_no_finding(tmp_path, monkeypatch, end):
    put_program(tmp_path / "e2fsck", end)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(ToolError, match="cannot check"):
        check_filesystem(tmp_path / "image")


def test_e2fsck_that_says_much_or_does_not_end_is_bounded(tmp_path, monkeypatch):
    put_program(tmp_path / "e2fsck",
                "yes | head -n 5000\nhead -c 9000000 /dev/zero | tr '\\0' '\\377'\nexit 4")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert check_filesystem(tmp_path / "image") == "\n".join(["y"] * 1000)
    put_program(tmp_path / "e2fsck", "head -c 9000000 /dev/zero | tr '\\0' '\\377'\nexit 4")
    assert check_filesystem(tmp_path / "image") == "\ufffd" * 300
    put_program(tmp_path / "e2fsck", "exec sleep 100")
    with pytest.raises(ToolError, match="has not checked"):
        check_filesystem(tmp_path / "image", seconds=0.2)


@pytest.mark.slow
@settings(deadline=None, max_examples=20,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**64), st.integers(1, 400))
def test_a_damaged_image_is_clean_or_not_or_cannot_be_checked(tmp_path, seed, count):
    chance = random.Random(seed)
    path, original = tmp_path / "image", tmp_path / "original"
    if not original.exists():
        make_original(1024, original)
    shutil.copyfile(original, path)
    with path.open("r+b") as file:
        for _ in range(count):  # most of the metadata lie in the first MiB
            file.seek(chance.randrange(chance.choice((2048, 1 << 20, IMAGE_SIZE))))
            file.write(chance.randbytes(chance.choice((1, 4, 512))))
    with contextlib.suppress(ToolError):
        assert check_filesystem(path) != ""
