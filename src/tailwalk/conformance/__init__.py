# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of the model, replayed on a real kernel and compared."""

from tailwalk.conformance.replay import SHAPES, ReplayGoal, replay, replayable

__all__ = ["SHAPES", "ReplayGoal", "replay", "replayable"]
