# SPDX-License-Identifier: GPL-2.0-or-later
"""What to measure: cases, their parameters, and the suites that name sets of them."""

from tailwalk.cases.case import KIB, MIB, PAGE, Case, Filesystem, parse_size, show_size
from tailwalk.cases.places import PLACES, place_offset
from tailwalk.cases.suites import SUITES, find_cases

__all__ = [
    "KIB",
    "MIB",
    "PAGE",
    "PLACES",
    "SUITES",
    "Case",
    "Filesystem",
    "find_cases",
    "parse_size",
    "place_offset",
    "show_size",
]
