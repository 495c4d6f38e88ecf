# SPDX-License-Identifier: GPL-2.0-or-later
"""A directory, read to its end."""

from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="readdir", family="names", pattern="readdir_u{entries}",
    call="getdents64(2) of 32KiB at a time, to the end of a directory of {entries} files",
    outside="lseek(2) to its begin", counted="median", most_calls=25,
    parameters=(Parameter(
        name="entries", unit="number", meaning="files in the directory", most=10_000,
        refusal="case {case}: {value} files; a directory has at most 10000."),))
