# SPDX-License-Identifier: GPL-2.0-or-later
"""How large what is read here may be, in bytes where nothing else is said.

What somebody made to fill memory or disk is refused at these; what kernels are made of is smaller.
"""

MIB = 1 << 20

IMAGE = 1024 * MIB
"""A kernel's image as a file: a distribution's vmlinux with debug information has some 900 MiB."""

UNPACKED = 512 * MIB
"""One file out of an archive, or what a compressed image or module holds: it is in memory."""

PACKAGE = 4096 * MIB
"""An archive or package as it lies on the disk."""

ARCHIVE = 8192 * MIB
"""All that an archive unpacks to: v6.18's source has 1.5 GB, modules with debug information 5."""

MEMBERS = 200_000
"""Files in an archive: v6.18's source has 97,000."""

HEADER = 32 << 10
"""What a tar archive says of one file besides its 512 bytes: long names, attributes."""

CONTROL = 16 * MIB
"""A package's own lists: its control file, its checksums."""

INDEX = 1024 * MIB
"""The list of a suite's packages, unpacked: Debian's has 60 MB."""

TEXT = 16 * MIB
"""A text file: modules.builtin, a Makefile, apt's configuration."""

SOURCE = 256 * MIB
"""A file of kernel source: the largest of v6.18's, a driver's registers, has 22 MB."""

MODINFO = MIB
"""What a module says of itself; the drivers with the most aliases need some 50 kB."""

SEGMENTS, NOTES = 64, 8 << 10
"""Segments of a vmlinux, of which a kernel has five, and its notes, of which it has 500 bytes."""

DEPTH = 64
"""How many modules may need each other in a row."""
