# SPDX-License-Identifier: GPL-2.0-or-later
"""libMicro's cases that no suite has, and why: its script of version 1505 runs 261."""

from __future__ import annotations

_IN_USER_MODE = "the C library or the vDSO answers it in user mode: the kernel has no part in it"
_CLOCK = "the clock of a thread or process: a base cost that no file and no mapping has a part in"
_MEMORY = "it measures memory and caches, of which a count of instructions says nothing"
_BASE = "a base cost: the way in and out of a system call, and a device or descriptor of nothing"
_ZERO = ("a mapping of /dev/zero, which is anonymous memory: mmap_a8k, unmap_a8k and the like "
         "measure that")
_PROCESS = "a base cost: it reads what the kernel knows of the process"
_MASK = "besides user mode it sets the signal mask once: sigprocmask measures that"
_NETWORK = "the network's descriptors, which no file system and no page cache has a part in"
_SEVERAL = ("threads or processes hand over to each other: what is counted is the scheduler's "
            "choice, and needs two CPUs to be what users have")
_ONE_CALL = "the number was the size of batches, which 1505 makes no more: the same call as {}"

_WHY = {
    _IN_USER_MODE: """
        getenv getenvT2 clock_MONOTONIC clock_REALTIME gettimeofday log exp lrand48
        memset_10 memset_256 memset_256_u memset_1k memset_4k memset_4k_uc memset_10k
        malloc_10 malloc_100 malloc_1k malloc_10k malloc_100k mallocT2_10 mallocT2_100
        mallocT2_1k mallocT2_10k mallocT2_100k memcpy_10 memcpy_1k memcpy_10k strcpy_10
        strcpy_1k strlen_10 strlen_1k strchr_10 strchr_1k strcmp_10 strcmp_1k scasecmp_10
        scasecmp_1k strtol mutex_st mutex_mt longjmp time localtime_r strftime mktime
        mktimeT2 recurse""",
    _CLOCK: "clock_PROCESS clock_THREAD",
    _MEMORY: "memset_1m memset_10m memsetP2_10m memcpy_1m memcpy_10m memrand cachetocache",
    _BASE: """
        isatty_yes isatty_no close_bad close_zero open_zero read_z1k read_z10k read_z100k
        read_zw100k write_n1k write_n10k write_n100k writev_n1k writev_n10k writev_n100k
        pread_z1k pread_z10k pread_z100k pread_zw100k pwrite_n1k pwrite_n10k pwrite_n100k""",
    _ZERO: """
        mmap_z8k mmap_z128k mmap_rz8k mmap_rz128k mmap_wz8k mmap_wz128k unmap_z8k
        unmap_z128k unmap_rz8k unmap_rz128k unmap_wz8k unmap_wz128k""",
    _PROCESS: "getrusage times",
    _MASK: "getcontext setcontext siglongjmp",
    _NETWORK: """
        getsockname getpeername fcntl_ndelay socket_u socket_i setsockopt bind listen
        connection conn_connect conn_accept close_tcp""",
    _SEVERAL: """
        mutex_T2 c_mutex_1 c_mutex_10 c_mutex_200 c_cond_1 c_cond_10 c_cond_200 c_lockf_1
        c_lockf_10 c_lockf_200 c_flock c_flock_10 c_flock_200 c_fcntl_1 c_fcntl_10
        c_fcntl_200 pipe_pmt1 pipe_pmp1 pipe_pmt4k pipe_pmp4k pipe_smt1 pipe_smp1 pipe_smt4k
        pipe_smp4k pipe_tmt1 pipe_tmp1 pipe_tmt4k pipe_tmp4k""",
    "a base cost: a semaphore of System V that nobody waits for": "semop",
    "a shell that runs a program: fork_10, exec and exit_10 measure what the kernel does of it":
        "system",
    _ONE_CALL.format("fork_10"): "fork_100 fork_1000",
    _ONE_CALL.format("exit_10"): "exit_100 exit_1000",
}

LEFT_OUT = {name: why for why, names in _WHY.items() for name in names.split()}
"""Name to reason."""
