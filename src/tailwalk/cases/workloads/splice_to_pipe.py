# SPDX-License-Identifier: GPL-2.0-or-later
"""splice(2) of a cached file to a pipe."""

from tailwalk.cases.cached_file import CACHED_FILE, PIPED, check_inside
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="splice_to_pipe", family="transfer", pattern="splice_to_pipe_u{size}", most_calls=150,
    call="splice(2) of the first {size:bytes} to an empty pipe", outside="emptying of the pipe",
    parameters=(PIPED,), needs=(CACHED_FILE,), check=check_inside)
