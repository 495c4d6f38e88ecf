# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of the user's: what they are, and the root file system that they are carried in."""
