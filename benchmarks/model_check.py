# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast the model is explored: transitions a CPU second, in each mode.

    python benchmarks/model_check.py [--design tail] [--buffers 4] [--depth 6]

CPU seconds of this one process, so that what else the machine does counts for little.
"""

from __future__ import annotations

import argparse
import time

from tailwalk.model.check import ring_of
from tailwalk.model.designs import find_design
from tailwalk.model.explore import Bounds, explore


def main() -> None:
    """Explore and print, a line a mode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--design", default="tail")
    parser.add_argument("--buffers", type=int, default=4)
    parser.add_argument("--depth", type=int, default=6)
    given = parser.parse_args()
    design, full = find_design(given.design), find_design("full")
    print(f"{'mode':<11}{'states':>11}{'transitions':>13}{'CPU s':>8}{'transitions/s':>15}")
    for mode in design.modes:
        begun = time.process_time()
        found = explore(design, full, ring_of(mode, buffers=given.buffers),
                        Bounds(depth=given.depth))
        seconds = time.process_time() - begun
        print(f"{mode:<11}{found.states:>11,}{found.transitions:>13,}{seconds:>8.1f}"
              f"{found.transitions / seconds:>15,.0f}", flush=True)


if __name__ == "__main__":
    main()
