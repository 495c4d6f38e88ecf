# SPDX-License-Identifier: GPL-2.0-or-later
"""The CPU that guests of the exact rig have: what x86-64 servers of the last ten years share, as
far as QEMU's TCG has it and counts it truly.

Kernels choose code by the CPU's features, some kernels more of it than others, so a feature that
every server has and the guest lacks makes one kernel look dearer than it is on any server. Shared
means: in Intel's server processors from Broadwell (2016) and in AMD's from Zen (2017) on.
"""

from __future__ import annotations

_BASE = "qemu64"

_WITH = (
    # Checksums of metadata and journal: crc32c has an instruction since SSE4.2 (crc32c-intel up to
    # v6.13, lib/crc since). Without it v6.18 takes 1.9 times the instructions for a rename that it
    # takes with it, and v6.12 1.6 times.
    "sse4.2",
    # Long runs of crc32c are folded by carry-less multiplication (crc32c_x86_3way of 512 bytes
    # and more); it needs the next two as well.
    "pclmulqdq", "sse4.1",
    # sha256, one of btrfs' checksums, and the C library's string functions, which take SSSE3 for
    # granted beside SSE4.2.
    "ssse3",
    # hweight() and bitmap weights: one instruction in place of a call.
    "popcnt",
    # Encrypted directories, dm-crypt, TLS.
    "aes",
    # sha256 again: by AVX2 (with BMI2) rather than AVX rather than SSSE3, in the crypto interface
    # (sha256-avx2, v6.12) as in the library (lib/crypto/x86/sha256.h, v6.18). No kernel from v6.1
    # to v7.3 copies with AVX, and the CRC code that does use it wants VPCLMULQDQ beside it, which
    # TCG lacks.
    "avx", "avx2", "bmi2",
    # Programs built for x86-64-v3 have all of these; kernels choose nothing by them on these paths.
    "bmi1", "fma", "f16c", "movbe", "abm",
    # A change of tasks saves the FPU by XSAVE where there is one, at another price than FXSAVE.
    "xsave", "xsaveopt",
    # A change of tasks reads the FS and GS bases by instructions in place of MSRs (since v5.9).
    "fsgsbase",
    # User pages are opened to the kernel and closed again round every copy: an instruction each
    # where there would be a no-op.
    "smap", "smep",
    # The clock is read by one instruction in place of two.
    "rdtscp",
)

_WITHOUT = (
    # QEMU 7.2 leaves junk in the flags after cmpxchg16b: v6.12 panicked in 8 of 38 boots.
    "cx16",
)

# What servers have and the guest does not:
#   ERMS, FSRM: kernels then copy by `rep movsb`, of which TCG counts every byte.
#   VPCLMULQDQ, SHA-NI, AVX-512, XSAVEC, XSAVES, PCID, INVPCID, x2APIC, RDSEED: not in the TCG of
#     QEMU 7.2, and some of them not in the oldest of these servers.
#   RDRAND: its values are the computer's, and nothing that is measured may depend on them.
#   ADX, CLWB, CLFLUSHOPT, PDPE1GB, UMIP, XGETBV1: no figure moves with them.

GUEST_CPU = ",".join([_BASE, *(f"-{name}" for name in _WITHOUT), *(f"+{name}" for name in _WITH)])
"""The model and features, as QEMU's -cpu takes them."""
