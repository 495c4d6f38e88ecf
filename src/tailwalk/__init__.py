# SPDX-License-Identifier: GPL-2.0-or-later
"""Tailwalk: which system calls a Linux kernel upgrade makes dearer, exactly, and why."""

__version__ = "0.2.0"
