# SPDX-License-Identifier: GPL-2.0-or-later
"""close(2) of a file that was just opened."""

from tailwalk.cases.place import PLACE_BY_NAME
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="close", family="names", pattern="close_{place}", call="close(2) of an empty file",
    outside="open(2) of it", needs=(PLACE_BY_NAME,))
