# SPDX-License-Identifier: GPL-2.0-or-later
"""The named cases, and the suites that name sets of them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import chain

from tailwalk.cases.case import Case
from tailwalk.cases.workload import all_workloads, find_workload, workload_names
from tailwalk.errors import UsageError
from tailwalk.words import listed

SUITES: dict[str, tuple[str, ...]] = {
    "seed": ("write_u1k", "write_u10k", "pwrite_u1k", "pwrite_u10k", "writev_u1k", "writev_u10k"),
    "seed100k": ("write_u100k", "pwrite_u100k", "writev_u100k"),
    "reads": ("read_u1k", "read_u10k", "read_u100k", "pread_u1k", "pread_u10k", "pread_u100k",
              "readv_u1k", "readv_u10k", "readv_u100k"),
    "basic": ("getpid", "lseek_u8k", "open_usr", "mmap_ru128k", "fsync_u1k", "unlink_u8m"),
    "databases": (
        "fdatasync_u1k", "fdatasync_u8k", "fsync_u1k", "fsync_u8k", "sync_file_range_u1k",
        "sync_file_range_u8k", "overwrite_fdatasync_u1k", "overwrite_fdatasync_u8k", "msync_u1",
        "writeback_u8m", "append_u1k", "append_u4k", "append_fdatasync_u8k", "strided_u100",
        "hole_u4k", "unwritten_u4k", "fill_u8m", "touch_u4k", "read_cold_u8m", "fault_read_u4k",
        "fault_write_u4k", "populate_u8m", "mprotect_shared_u", "reread_random_u",
        "direct_read_u4k", "direct_overwrite_u4k", "direct_append_u4k", "truncate_down_u8m",
        "truncate_up_u8m", "fallocate_u8m", "punch_hole_u1m", "zero_range_u1m", "seek_hole_u1m",
        "seek_data_u1m", "fadvise_dontneed_u8m", "unlink_u8m"),
    "names": ("create_u", "open_create_u", "close_unlinked_u", "fstat_u", "statx_u",
              "stat_absent_u", "rename_u", "rename_over_u", "link_u", "symlink_u", "readlink_u",
              "unlink_u", "mkdir_u", "rmdir_u", "readdir_u1000", "setxattr_u32", "setxattr_u1k",
              "getxattr_u32", "getxattr_u1k", "listxattr_u32", "removexattr_u32",
              "removexattr_u1k"),
    "transfers": ("epoll_add_u", "epoll_del_u", "epoll_wait_u1", "epoll_wait_u100",
                  "splice_to_pipe_u64k", "splice_to_pipe_u1m", "splice_from_pipe_u64k",
                  "splice_from_pipe_u1m", "tee_u64k", "sendfile_u64k", "sendfile_u1m",
                  "copy_file_range_u64k", "copy_file_range_u1m", "io_uring_read_u4k",
                  "io_uring_write_u4k", "io_uring_fsync_u4k"),
    "libmicro": (
        "getpid", *(f"{one}_{place}" for one in ("close", "chdir", "chgetwd", "realpath", "stat",
                                                 "fcntl", "open") for place in ("usr", "tmp")),
        "lseek_u8k", "lseek_t8k",
        *(f"{one}_{place}{size}" for one in ("read", "write", "writev", "pread", "pwrite")
          for place in "ut" for size in ("1k", "10k", "100k")),
        *(f"{one}_{touch}{place}{length}" for one in ("mmap", "unmap") for touch in ("", "r", "w")
          for place in "uta" for length in ("8k", "128k")),
        "mprot_z8k", "mprot_z128k", "mprot_wz8k", "mprot_wz128k", "mprot_twz8k", "mprot_tw128k",
        "mprot_tw4m", "file_lock", "dup", "socketpair",
        *(f"{one}_{writable}{number}" for one in ("poll", "select") for writable in ("", "w")
          for number in (10, 100, 1000)),
        "sigaction", "signal", "sigprocmask",
        *(f"pipe_{way}st{size}" for way in "pst" for size in ("1", "4k")),
        "fork_10", "exit_10", "exit_10_nolibc", "exec", "pthread"),
}

LTS = ("seed", "reads", "basic", "libmicro", "databases", "names", "transfers")
"""The suites whose cases, each once, are those of `lts`: the upgrade test."""
SUITES["lts"] = tuple(dict.fromkeys(chain.from_iterable(SUITES[name] for name in LTS)))


def named_case(name: str) -> Case:
    """The case of this name; `k` at the end of a size is KiB, `m` MiB.

    Raises UsageError for a name that no workload has a case of.
    """
    # Most begin with their workload's name, and the others need not be imported.
    for workload in sorted(workload_names(), key=lambda one: not name.startswith(one)):
        values = find_workload(workload).named(name)
        if values is not None:
            return Case(name=name, workload=workload, parameters=values)
    known = [*SUITES, *dict.fromkeys(chain.from_iterable(SUITES.values()))]
    near = get_close_matches(name, known, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    begin = f"{name.partition('_')[0]}_"
    patterns = [one.pattern for one in all_workloads() if one.pattern.startswith(begin)]
    like = f" Cases that begin so are {listed(patterns)}." if patterns else ""
    raise UsageError(
        f"there is no case {name!r}.{hint}{like} `tailwalk cases` lists those of the suites; one "
        "of another size has a name of the same pattern, such as pwrite_u4k or writev_u512.")


def find_cases(names: Iterable[str]) -> tuple[Case, ...]:
    """The cases that names of suites and cases stand for, in order, each once.

    Raises UsageError for an unknown name.
    """
    found: dict[str, Case] = {}
    for name in names:
        for case in SUITES.get(name, (name,)):
            found.setdefault(case, named_case(case))
    return tuple(found.values())
