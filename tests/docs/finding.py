# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of what the upgrade test finds, measured.

    python tests/docs/finding.py [DIRECTORY]

measures every upgrade that the page tells of and puts its tables between the comments that name
them. Records of upgrades that a directory has are read in place of that, and kept there where it
lacks them.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pages import ROOT

from tailwalk.cases import Filesystem
from tailwalk.compare import compare
from tailwalk.compare.upgrade import Upgrade, UpgradeCase, read_upgrade, upgrade
from tailwalk.lab.lab import Lab
from tailwalk.lab.plans import upgrade_cases
from tailwalk.lab.upgrades import UPGRADE_CALLS, explained, upgrade_runs
from tailwalk.progress import Progress
from tailwalk.report.words import show_figure
from tailwalk.rigs.plan import Plan
from tailwalk.runs.record import encode
