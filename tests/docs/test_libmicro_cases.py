# SPDX-License-Identifier: GPL-2.0-or-later
"""libMicro's cases that are about the kernel and that one CPU can count: each is in the suite, or
has a reason not to be."""

from __future__ import annotations

from tailwalk.cases import LEFT_OUT, SUITES

_PLACES = [*(f"{one}_{place}" for place in ("usr", "tmp")
             for one in ("close", "chdir", "chgetwd", "realpath", "stat", "fcntl", "open"))]
_SIZED = [f"{one}_{place}{size}k" for place in "ut" for size in (1, 10, 100)
          for one in ("read", "write", "writev", "pread", "pwrite")]
_MAPPED = [f"{one}_{touch}{place}{size}k" for one in ("mmap", "unmap") for touch in ("", "r", "w")
           for place in "uta" for size in (8, 128)]
_REST = """
lseek_u8k lseek_t8k getpid file_lock dup socketpair poll_10 poll_100 poll_1000 poll_w10 poll_w100
poll_w1000 select_10 select_100 select_1000 select_w10 select_w100 select_w1000 sigaction signal
sigprocmask pthread fork_10 fork_100 fork_1000 exit_10 exit_100 exit_1000 exit_10_nolibc exec
mprot_z8k mprot_z128k mprot_wz8k mprot_wz128k mprot_twz8k mprot_tw128k mprot_tw4m pipe_pst1
pipe_pst4k pipe_sst1 pipe_sst4k pipe_tst1 pipe_tst4k
"""
CASES = [*_PLACES, *_SIZED, *_MAPPED, *_REST.split()]


def test_every_case_is_in_the_suite_or_has_a_reason_not_to_be():
    assert len(CASES) == len(set(CASES)) == 123
    repeated = {name for name in CASES if name in LEFT_OUT}
    assert repeated == {"fork_100", "fork_1000", "exit_100", "exit_1000"}
    assert sorted([*SUITES["libmicro"], *repeated]) == sorted(CASES)


def test_every_other_case_of_libmicros_script_has_a_reason():
    assert len({*SUITES["libmicro"], *LEFT_OUT}) == len(SUITES["libmicro"]) + len(LEFT_OUT) == 261
