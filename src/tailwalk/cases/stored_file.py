# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that workloads begin with outside the page cache, or without data."""

from __future__ import annotations

from tailwalk.cases.cached_file import FILE_SIZE
from tailwalk.cases.workload import Preparation

STORED_FILE = Preparation(
    name="stored_file", prepared="a file of {file_size:size} that is on disk and not in the page "
    "cache, written by 1MiB", parameters=(FILE_SIZE,))
EMPTY_FILE = Preparation(name="empty_file", prepared="an empty file")
