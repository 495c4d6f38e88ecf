# SPDX-License-Identifier: GPL-2.0-or-later
"""io_uring_enter(2) that submits a read of a cached file and waits for its end."""

from tailwalk.cases.cached_file import CACHED_FILE, OFFSET, SIZE, check_inside
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="io_uring_read", family="io_uring", pattern="io_uring_read_u{size}",
    call="io_uring_enter(2), a read of {size:bytes} at offset {offset}, and its end",
    outside="filling of its entry", counted="median", parameters=(SIZE, OFFSET),
    needs=(CACHED_FILE,), check=check_inside)
