# SPDX-License-Identifier: GPL-2.0-or-later
"""C: the TCG plugin that tells a program's instructions from the kernel's other work."""
