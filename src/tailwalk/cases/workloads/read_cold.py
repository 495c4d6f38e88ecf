# SPDX-License-Identifier: GPL-2.0-or-later
"""A file that is not in the page cache, read from its beginning on."""

from tailwalk.cases.cached_file import SIZE, check_inside
from tailwalk.cases.size import KIB, MIB
from tailwalk.cases.stored_file import STORED_FILE
from tailwalk.cases.workload import Parameter, Workload
from tailwalk.filesystems import WITH_DISK

WORKLOAD = Workload(
    name="read_cold", family="read", pattern="read_cold_u{size}",
    call="all read(2) calls for {size:size} in order, {piece:size} each; the figure is that of all "
         "of them",
    outside="fsync(2), drop of the page cache, and lseek(2) to 0", counted="median", most_calls=10,
    parameters=(SIZE, Parameter(name="piece", unit="bytes", meaning="size of each read",
                                default=128 * KIB, least=512, most=64 * MIB)),
    bulk="size", needs=(STORED_FILE,), filesystems=WITH_DISK, check=check_inside)
