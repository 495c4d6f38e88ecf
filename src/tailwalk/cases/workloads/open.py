# SPDX-License-Identifier: GPL-2.0-or-later
"""open(2) of a file that is there."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="open", family="names", pattern="open_usr", call="open(2) of an empty file to read it",
    outside="close(2) of the file that the last call opened")
