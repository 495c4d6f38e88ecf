# SPDX-License-Identifier: GPL-2.0-or-later
"""Flags of a buffer head (enum bh_state_bits, include/linux/buffer_head.h)."""

UPTODATE = 1
DIRTY = 2
MAPPED = 4
NEW = 8
DELAY = 16
UNWRITTEN = 32
ASYNC_WRITE = 64
WRITE_ERROR = 128

NAMES = {
    UPTODATE: "uptodate", DIRTY: "dirty", MAPPED: "mapped", NEW: "new", DELAY: "delay",
    UNWRITTEN: "unwritten", ASYNC_WRITE: "async-write", WRITE_ERROR: "write-error",
}
