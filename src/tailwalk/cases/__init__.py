# SPDX-License-Identifier: GPL-2.0-or-later
"""What to measure: cases, their parameters, and the suites that name sets of them."""

from tailwalk.cases.case import Case, Filesystem, case_of_run1
from tailwalk.cases.left_out import LEFT_OUT
from tailwalk.cases.places import PLACES, place_offset
from tailwalk.cases.size import KIB, MIB, PAGE, parse_size, show_size
from tailwalk.cases.suites import LTS, SUITES, find_cases
from tailwalk.cases.workload import all_families, all_workloads, find_workload

__all__ = [
    "KIB",
    "LEFT_OUT",
    "LTS",
    "MIB",
    "PAGE",
    "PLACES",
    "SUITES",
    "Case",
    "Filesystem",
    "all_families",
    "all_workloads",
    "case_of_run1",
    "find_cases",
    "find_workload",
    "parse_size",
    "place_offset",
    "show_size",
]
