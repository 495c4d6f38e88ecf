# SPDX-License-Identifier: GPL-2.0-or-later
"""Tailwalk: what a small buffered write costs on a Linux kernel, exactly, and why."""

__version__ = "0.1.0"
