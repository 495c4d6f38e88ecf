# SPDX-License-Identifier: GPL-2.0-or-later
"""splice(2) of a pipe to a cached file."""

from tailwalk.cases.cached_file import CACHED_FILE, PIPED, check_inside
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="splice_from_pipe", family="transfer", pattern="splice_from_pipe_u{size}",
    call="splice(2) of {size:bytes} in a pipe to the begin of the file",
    outside="write(2) to the pipe",
    counted="median", traceless=True, most_calls=35, parameters=(PIPED,), needs=(CACHED_FILE,),
    check=check_inside)
