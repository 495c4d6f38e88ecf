# SPDX-License-Identifier: GPL-2.0-or-later
"""Flags of the folio. It is locked while a rule runs and never between two rules, so that flag
needs no bit."""

CACHED = 1
UPTODATE = 2
DIRTY = 4
WRITEBACK = 8
UNJOURNALLED = 16  # of the inode: chattr -j has taken it out of data=journal

NAMES = {
    CACHED: "cached", UPTODATE: "uptodate", DIRTY: "dirty", WRITEBACK: "writeback",
    UNJOURNALLED: "unjournalled",
}
