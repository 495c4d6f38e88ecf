# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands behind a block: the two low bits are its mapping (the extent status tree), the
others what the journal and the device have seen of it."""

HOLE, DELAYED, UNWRITTEN, WRITTEN = 0, 1, 2, 3
MAPPING = 3
UNCOMMITTED = 4  # became written in a transaction that has not committed
RUNNING = 8  # its data are in the running transaction (data=journal)
FAILED = 16  # an I/O error was reported for it since it was last written
CONVERTING = 32  # becomes written when the write in flight succeeds (ext4_io_end_vec)

MAPPINGS = {HOLE: "hole", DELAYED: "delayed", UNWRITTEN: "unwritten", WRITTEN: "written"}
NAMES = {UNCOMMITTED: "uncommitted", RUNNING: "running", FAILED: "failed",
         CONVERTING: "converting"}
