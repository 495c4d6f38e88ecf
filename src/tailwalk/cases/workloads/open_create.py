# SPDX-License-Identifier: GPL-2.0-or-later
"""open(2) with O_CREAT of a file that is there."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="open_create", family="names", pattern="open_create_u",
    call="open(2) of an empty file to write it, with O_CREAT",
    outside="close(2) of the file that the last call opened")
