# SPDX-License-Identifier: GPL-2.0-or-later
"""open(2) that makes a file."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="create", family="names", pattern="create_u",
    call="open(2) of a file that is not there, with O_CREAT and O_EXCL",
    outside="close(2) and unlink(2) of the file that the last call made", counted="median")
