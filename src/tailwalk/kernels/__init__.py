# SPDX-License-Identifier: GPL-2.0-or-later
"""How a spec becomes a kernel image: package archive, source build, the user's own file."""

from tailwalk.kernels.kernel import Kernel, Module
from tailwalk.kernels.resolve import resolve
from tailwalk.kernels.spec import parse_spec

__all__ = ["Kernel", "Module", "parse_spec", "resolve"]
