# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines that guests can be: a record each, and nothing else in Python knows them apart."""

from tailwalk.machines.architecture import Architecture
from tailwalk.machines.x86_64.record import X86_64

GUEST: Architecture = X86_64
"""The one that guests are."""

__all__ = ["GUEST", "Architecture"]
