# SPDX-License-Identifier: GPL-2.0-or-later
"""Data-integrity tests: random operations on a kernel's ext4, compared with a shadow copy, and
power cuts, after which everything made durable must be there."""

from tailwalk.verify.configuration import CONFIGURATIONS, Configuration, find_configurations
from tailwalk.verify.record import Finding, Verification
from tailwalk.verify.verify import Goal, verify

__all__ = ["CONFIGURATIONS", "Configuration", "Finding", "Goal", "Verification",
           "find_configurations", "verify"]
