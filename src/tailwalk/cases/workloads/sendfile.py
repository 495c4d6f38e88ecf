# SPDX-License-Identifier: GPL-2.0-or-later
"""sendfile(2) of a cached file to another."""

from tailwalk.cases.cached_file import CACHED_FILE, SIZE, check_inside
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="sendfile", family="transfer", pattern="sendfile_u{size}",
    call="sendfile(2) of the first {size:bytes} to the begin of another file like it",
    outside="setting of both offsets to 0", parameters=(SIZE,),
    needs=(CACHED_FILE,), counted="median", traceless=True, most_calls=60, check=check_inside)
