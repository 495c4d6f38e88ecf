# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk with a volatile cache, whose power can be cut at any write.

QEMU reaches it as an NBD server over a connected socket. Requests are served one by one, so it is
always known which writes were complete when a flush arrived. What was written after the last
flush may be lost by a power cut, in any part and regardless of order: that is what a real disk
may do, and what killing QEMU alone would never show, since the host's page cache survives it.

The protocol is that of https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md, of
which this is the part that QEMU uses: the fixed newstyle handshake with NBD_OPT_GO, and simple
replies to read, write and flush.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tailwalk.errors import GuestError
from tailwalk.refusals import naming

_GREETING = struct.Struct(">8s8sH")
_OPTION = struct.Struct(">8sII")
_OPTION_REPLY = struct.Struct(">QIII")
_EXPORT = struct.Struct(">HQH")
_REQUEST = struct.Struct(">IHHQQI")
_REPLY = struct.Struct(">IIQ")

_OPTION_REPLY_MAGIC = 0x3E889045565A9
_REQUEST_MAGIC = 0x25609513
_REPLY_MAGIC = 0x67446698
_FIXED_NEWSTYLE_NO_ZEROES = 3
_HAS_FLAGS_SEND_FLUSH = 5
_OPT_ABORT, _OPT_GO = 2, 7
_REP_ACK, _REP_INFO, _REP_UNSUPPORTED = 1, 3, 0x80000001
_READ, _WRITE, _DISCONNECT, _FLUSH = 0, 1, 2, 3
_EIO, _EINVAL = 5, 22

Read = Callable[[int, int, int], bytes]
Write = Callable[[int, bytes, int], int]

SECTOR = 4096
"""What the disk writes as a whole or not at all, in bytes. Smaller would tear the superblock of
an ext4 with blocks of 1 KiB, which no disk with sectors of 4 KiB does."""

FATES = ("kept", "lost", "torn")
"""What may become of the writes after the last flush: all of them are on the disk, none is, or any
sectors of any of them are."""


def broken_image(guest: str, operation: str, reason: str | None) -> GuestError:
    """That this machine failed to do something with the image of a guest's disk."""
    return GuestError(
        f"{guest} was stopped, because this machine failed to {operation} the image of its disk "
        f"({reason}): see that TMPDIR is on a disk with room, and that the disk is sound.")


class _InjectedError(OSError):
    """What the guest is told of a write that is to fail."""


@dataclass(frozen=True)
class _Write:
    offset: int
    before: bytes
    after: bytes


class Disk:
    """Serves an image file to one QEMU. Use as a context manager round the guest.

    Raises GuestError at its end where this machine failed to read or write the image: no guest is
    told of that, and whatever was found meanwhile counts for nothing.
    """

    def __init__(self, image: Path, *, read: Read = os.pread, write: Write = os.pwrite) -> None:
        """Serve `image`, which is read and written by these."""
        self._image = image
        self._read = read
        self._pwrite = write
        self._cut: Callable[[], None] | None = None
        self._writes_left = 0
        self._fails: Callable[[bytes], bool] = lambda _: False
        self._unflushed: list[_Write] = []
        self.was_cut = False
        self._failed: tuple[str, OSError] | None = None
        with naming("the connection of a guest's disk"):
            self._ours, self._theirs = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="disk", daemon=True)

    @property
    def descriptor(self) -> int:
        """QEMU's end of the connection."""
        return self._theirs.fileno()

    @property
    def armed(self) -> bool:
        """Whether it counts write requests."""
        return self._cut is not None

    def arm(self, writes: int, cut: Callable[[], None],
            fails: Callable[[bytes], bool] = lambda _: False) -> None:
        """From now on count write requests; at number `writes`, which is not acknowledged, call
        `cut` in the disk's own thread and answer nothing more. Until then a write fails where
        `fails` says so of what is to be written: none of it is, and QEMU is told."""
        self._writes_left = writes
        self._fails = fails
        self._cut = cut

    def __enter__(self) -> Disk:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        # The guest is gone: its end of the connection, of which this is a copy, is the last.
        self._theirs.close()
        self._thread.join()
        self._ours.close()
        if self._failed and (kind is None or issubclass(kind, Exception)):
            operation, failure = self._failed
            raise broken_image("a guest", operation, failure.strerror) from failure

    def _serve(self) -> None:
        with self._image.open("r+b", buffering=0) as file:
            try:
                if self._shake_hands(os.fstat(file.fileno()).st_size):
                    while not self.was_cut and self._answer(file.fileno()):
                        pass
            except (EOFError, ConnectionError):
                return  # QEMU has ended
        if self._failed:
            self._ours.shutdown(socket.SHUT_RDWR)
        if self._cut is not None and (self.was_cut or self._failed):
            self._cut()

    def _receive(self, length: int) -> bytes:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            got = self._ours.recv_into(view)
            if not got:
                raise EOFError
            view = view[got:]
        return bytes(data)

    def _shake_hands(self, size: int) -> bool:
        """Agree on the export; False where QEMU thinks better of it."""
        self._ours.sendall(_GREETING.pack(b"NBDMAGIC", b"IHAVEOPT", _FIXED_NEWSTYLE_NO_ZEROES))
        self._receive(4)  # the client's flags: QEMU echoes those it was offered
        while True:
            _, option, length = _OPTION.unpack(self._receive(_OPTION.size))
            self._receive(length)
            if option == _OPT_GO:
                export = _EXPORT.pack(0, size, _HAS_FLAGS_SEND_FLUSH)
                self._ours.sendall(
                    _OPTION_REPLY.pack(_OPTION_REPLY_MAGIC, option, _REP_INFO, len(export))
                    + export + _OPTION_REPLY.pack(_OPTION_REPLY_MAGIC, option, _REP_ACK, 0))
                return True
            if option == _OPT_ABORT:
                return False
            self._ours.sendall(
                _OPTION_REPLY.pack(_OPTION_REPLY_MAGIC, option, _REP_UNSUPPORTED, 0))

    def _answer(self, file: int) -> bool:
        """Serve one request; False after the last."""
        magic, _, kind, handle, offset, length = _REQUEST.unpack(self._receive(_REQUEST.size))
        if magic != _REQUEST_MAGIC or kind == _DISCONNECT:
            return False
        written = self._receive(length) if kind == _WRITE else b""
        error, data = 0, b""
        try:
            if kind == _READ:
                data = self._read(file, length, offset)
                error = _EIO if len(data) < length else 0
            elif kind == _WRITE:
                self._write(file, offset, written)
            elif kind == _FLUSH:
                self._unflushed.clear()
            else:
                error = _EINVAL
        except _InjectedError:
            error = _EIO
        except OSError as failed:
            self._failed = "read" if kind == _READ else "write", failed
        if self.was_cut or self._failed:
            return False
        self._ours.sendall(_REPLY.pack(_REPLY_MAGIC, error, handle) + (b"" if error else data))
        return True

    def _write(self, file: int, offset: int, data: bytes) -> None:
        if self._cut is not None:
            self._writes_left -= 1
            self.was_cut = self._writes_left <= 0
        if self._fails(data):
            raise _InjectedError(errno.EIO, os.strerror(errno.EIO))
        self._unflushed.append(_Write(offset, os.pread(file, len(data), offset), data))
        while data:  # a disk that fills up takes a part
            taken = self._pwrite(file, data, offset)
            data, offset = data[taken:], offset + taken

    def leave(self, fate: str, path: Path, *, seed: str) -> Path:
        """After the cut, write what the disk holds under a fate to `path`; `seed` decides what is
        torn."""
        shutil.copyfile(self._image, path)
        with path.open("r+b", buffering=0) as file:
            left_by(fate, self._unflushed, file.fileno(), random.Random(seed))
        return path


def left_by(fate: str, unflushed: Sequence[_Write], file: int, chance: random.Random) -> None:
    """Turn a file that holds all writes into one that holds what a fate leaves of them."""
    if fate == "kept":
        return
    for write in reversed(unflushed):
        os.pwrite(file, write.before, write.offset)
    if fate == "lost":
        return
    for write in unflushed:
        share = chance.choice((0.0, 0.5, 0.9, 1.0))
        at = write.offset
        end = write.offset + len(write.after)
        while at < end:
            upto = min(end, (at // SECTOR + 1) * SECTOR)
            if chance.random() < share:
                os.pwrite(file, write.after[at - write.offset:upto - write.offset], at)
            at = upto
