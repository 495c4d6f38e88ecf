# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel's functions tell of whoever executes them: which system call it makes, of which
kind of file, how the kernel was entered, what a thread does. This is all that the plugin `calls`
knows of a kernel.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import msgspec

from tailwalk.cache import digest_bytes
from tailwalk.errors import KernelError, UsageError
from tailwalk.kernels import Kernel
from tailwalk.kernels.symbols import UNKNOWN, read_symbols
from tailwalk.machines import GUEST
from tailwalk.rigs.alone import DRIVER, THREADS
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.recording import newborn_address, symbol_text
from tailwalk.vm.state import Booted

_RECORD = struct.Struct("<QII")


class _Label(IntEnum):
    """As in plugins/calls/tasks.h."""

    NOTHING = 0
    CALL_ENTRY = 1
    EXCEPTION_ENTRY = 2
    INTERRUPT_ENTRY = 3
    STUB = 4
    NEWBORN = 5
    CALL_FUNCTION = 6
    FILE_OPERATION = 7
    THREAD_WORK = 8
    DRIVER_ENTRY = 9
    DRIVER_DONE = 10
    REQUEST = 11


_OPERATION = (
    r"(?:file_|dir_|vn_|reg_|real_)?(?:read|write|read_iter|write_iter|open|close|release|"
    r"release_file|release_dir|sync_file|fsync|llseek|mmap|mmap_prepare|fallocate|ioctl|readdir|"
    r"iterate|iterate_shared|lookup|create|link|unlink|symlink|mkdir|rmdir|mknod|rename2?|tmpfile|"
    r"setattr|getattr|splice_read|splice_write|copy_file_range|remap_file_range|poll|statfs|"
    r"page_mkwrite|filemap_fault|fault|write_fault)")

FILES = {
    **{kind: rf"{kind}_{_OPERATION}" for kind in ("ext4", "xfs", "btrfs")},
    "tmpfs": rf"shmem_{_OPERATION}",
    "pipe": rf"(?:anon_)?(?:pipe|fifo)_{_OPERATION}",
    "socket": rf"sock_{_OPERATION}",
    "terminal": rf"tty_{_OPERATION}",
    "disk": rf"blkdev_{_OPERATION}",
    "proc": rf"proc_{_OPERATION}|proc_\w+_(?:read|write|open|release|lookup|readdir)",
    "sysfs": rf"kernfs_(?:fop_|iop_|dir_)?{_OPERATION}",
    "device": r"(?:read|write)_(?:iter_)?(?:null|zero|full)|null_lseek|u?random_read_iter",
    "event": r"(?:eventfd|timerfd|signalfd|inotify|ep|eventpoll)_(?:read|write|poll|read_iter|"
             r"release|eventpoll_\w+)",
    "mapped file": r"filemap_fault|filemap_map_pages",
    "other file system": r"generic_file_(?:read|write)_iter|generic_file_open|dcache_readdir",
}
"""Kinds of files, and the functions that do something with one: a call is of the kind whose
function it reaches first."""

_SOCKET_CALLS = frozenset((
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
    "recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    "socket", "socketpair"))

# They have to do with so many files that the first one says nothing.
_FILELESS_CALLS = frozenset((
    "clone", "clone3", "execve", "execveat", "exit", "exit_group", "fork", "sync", "vfork",
    "wait4", "waitid"))
_FILELESS = 0xff

SIZED = {
    "read": 1, "write": 1, "pread64": 1, "pwrite64": 1, "recvfrom": 1, "sendto": 1,
    "readahead": 1, "sync_file_range": 1, "getdents64": 1, "fallocate": 2, "sendfile": 2,
    "splice": 3, "copy_file_range": 3,
}
"""Calls that have a size, and which saved register it is in: the third argument, the fourth or the
fifth."""

# What lies below it takes the flags off for a disk without a cache, and splits.
_REQUEST = "submit_bio"

_CALL_NAMES = {
    "newfstat": "fstat", "newlstat": "lstat", "newstat": "stat", "newuname": "uname",
    "sendfile64": "sendfile", "ni_syscall": "no such call",
}
"""Names of the kernel's that differ from the calls'."""

PAGE_FAULT = "page fault"

_ENTRY_NAMES = {"page_fault": PAGE_FAULT, "common_interrupt": "interrupt"}


@dataclass(frozen=True)
class Labels:
    """The table for the plugin, its arguments, and what the numbers in it mean; `functions` by
    their places in the table."""

    table: bytes
    arguments: str
    functions: Sequence[str]
    calls: Sequence[str]
    entries: Sequence[str]

    threads: Sequence[str] = ("other threads", *THREADS)
    files: Sequence[str] = ("", *FILES)

    @property
    def names(self) -> frozenset[str]:
        """Of all functions."""
        return frozenset(self.functions) - {UNKNOWN.name}

    def call(self, name: str) -> int:
        """The number of a call, 0 for an empty name; raises UsageError for one that is none."""
        if name and name not in self.calls:
            raise UsageError(f"{name} is no system call of this kernel. Name it as strace does, "
                             "such as openat, pwrite64 or newfstatat.")
        return self.calls.index(name) if name else 0


# Another one for every change of the code that gives labels another form or other values.
_FORM = b"2"
_NAMES = repr((GUEST.entries, GUEST.newborn, THREADS, DRIVER)).encode()


def kept_labels(bench: Bench, kernel: Kernel, booted: Booted) -> Labels:
    """As `labels_of` of the kernel's names, from the cache or made now: that takes half a second,
    in which no guest runs. Raises as `symbol_text` and `labels_of`."""
    def make(folder: Path) -> None:
        made = labels_of(symbol_text(bench, kernel, booted), kernel.spec)
        (folder / "labels").write_bytes(msgspec.json.encode(made))

    folder = bench.cache.entry("labels", digest_bytes(booted.key.encode(), _FORM, _NAMES), make)
    return msgspec.json.decode((folder / "labels").read_bytes(), type=Labels)


def labels_of(text: str, kernel: str) -> Labels:
    """The labels for the functions in the text of `symbol_text`; `kernel` names the kernel in
    errors.

    Raises KernelError where the kernel names no functions, or none by which it is entered.
    """
    table = read_symbols(text, kernel)
    names = [(int(match[1], 16), match[2]) for match in re.finditer(_TELLING, text)]
    address = {name: at for at, name in names}
    calls, entries = ["unknown call"], ["other entry"]
    found: dict[int, tuple[_Label, int]] = {}
    for at, name in names:
        if label := _label(name, calls, entries):
            found[at] = label
    for stub, goes_to in GUEST.entries.stubs.items():
        if stub in address and goes_to in address:
            found[address[stub]] = (_Label.STUB, found[address[goes_to]][1])
    found[newborn_address(text)] = (_Label.NEWBORN, 0)
    if not all(name in address for name in DRIVER):
        found = {at: label for at, label in found.items()
                 if label[0] not in (_Label.DRIVER_ENTRY, _Label.DRIVER_DONE)}
    begin, end = (address.get(name, 0) for name in GUEST.entries.text)
    if not begin or (_Label.CALL_ENTRY, 0) not in found.values():
        raise KernelError(f"the kernel {kernel} does not name the function by which system calls "
                          f"enter it ({GUEST.entries.calls}), so a program's calls cannot be told "
                          "apart. Build it with CONFIG_KALLSYMS, or take another kernel.")
    functions = [(0, UNKNOWN.name), *((at, (function or UNKNOWN).name)
                                      for at, function in table.places())]
    return Labels(
        table=b"".join(_RECORD.pack(at, *found.get(at, (_Label.NOTHING, 0)))
                       for at, _ in functions),
        arguments=f",entry={begin}:{end},fault={address.get(GUEST.entries.page_fault, 0)}",
        functions=[name for _, name in functions], calls=calls, entries=entries)


# Compiled when labels are made, and not when they are kept.
_FILE = "|".join(f"(?P<f{number}>{pattern})" for number, pattern in enumerate(FILES.values(), 1))
_WORK = {name: number for number, functions in enumerate(THREADS.values(), 1)
         for name in functions}
_DRIVER = dict(zip(DRIVER, (_Label.DRIVER_ENTRY, _Label.DRIVER_DONE), strict=True))
_ENTRIES = ((GUEST.entries.exceptions, _Label.EXCEPTION_ENTRY),
            (GUEST.entries.interrupts, _Label.INTERRUPT_ENTRY))
_ANY = "|".join((
    GUEST.entries.call, GUEST.entries.compat_call, GUEST.entries.compat_calls,
    GUEST.entries.exceptions, GUEST.entries.interrupts, _FILE,
    *map(re.escape, (GUEST.entries.calls, *GUEST.entries.text, *GUEST.entries.stubs,
                     GUEST.entries.page_fault, _REQUEST, *_WORK, *_DRIVER))))
# One pass for all of a kernel's hundred thousand lines.
_TELLING = rf"(?m)^([0-9a-f]{{16}}) [tTwW] ((?:{_ANY})(?![^\s.]))"


def _label(name: str, calls: list[str], entries: list[str]) -> tuple[_Label, int] | None:
    """What a function tells; names of calls and entries are added."""
    if match := (re.fullmatch(GUEST.entries.call, name)
                 or re.fullmatch(GUEST.entries.compat_call, name)):
        call = _CALL_NAMES.get(match[1], match[1])
        if call not in calls:  # a call of 32 bits may be the same function by another name
            calls.append(call)
        file = list(FILES).index("socket") + 1 if call in _SOCKET_CALLS else (
            _FILELESS if call in _FILELESS_CALLS else 0)
        return _Label.CALL_FUNCTION, calls.index(call) | SIZED.get(call, 0) << 16 | file << 24
    if name == GUEST.entries.calls:
        return _Label.CALL_ENTRY, 0
    if re.fullmatch(GUEST.entries.compat_calls, name):
        return _Label.CALL_ENTRY, 1
    if name == _REQUEST:
        return _Label.REQUEST, 0
    if name in _WORK:
        return _Label.THREAD_WORK, _WORK[name]
    if name in _DRIVER:
        return _DRIVER[name], 0
    for pattern, label in _ENTRIES:
        if match := re.fullmatch(pattern, name):
            entries.append(_ENTRY_NAMES.get(match[1], match[1].replace("_", " ")))
            return label, len(entries) - 1
    if match := re.fullmatch(_FILE, name):
        return _Label.FILE_OPERATION, int((match.lastgroup or "f0")[1:])
    return None
