# SPDX-License-Identifier: GPL-2.0-or-later
"""pread(2) and pwrite(2) past the page cache."""

from tailwalk.cases.cached_file import SIZE, check_inside
from tailwalk.cases.stored_file import STORED_FILE
from tailwalk.cases.workload import Parameter, Values, Workload
from tailwalk.errors import UsageError
from tailwalk.filesystems import WITH_DISK


def _check(case: str, values: Values) -> None:
    if values["size"] % 512:
        raise UsageError(f"case {case}: calls with O_DIRECT take whole sectors of 512 bytes, and "
                         f"not {values['size']}.")
    if values["access"] != 2:  # which appends
        check_inside(case, values)


WORKLOAD = Workload(
    name="direct", family="direct", pattern="direct_{access}_u{size}",
    call="{access}, {size:bytes} with O_DIRECT",
    outside="ftruncate(2) to the size before and fsync(2), where that changed",
    counted="median", most_calls=250,
    parameters=(SIZE, Parameter(
        name="access", unit="number", meaning="what is done to the file",
        words={"read": "pread(2) at offset 0", "overwrite": "pwrite(2) at offset 0",
               "append": "pwrite(2) at the file's end"})),
    needs=(STORED_FILE,), filesystems=WITH_DISK, check=_check)
