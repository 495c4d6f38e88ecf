# SPDX-License-Identifier: GPL-2.0-or-later
"""The bridge: sequences of the model, replayed on a real kernel and compared."""

from tailwalk.bridge.replay import SHAPES, Goal, replay

__all__ = ["SHAPES", "Goal", "replay"]
