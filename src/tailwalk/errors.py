# SPDX-License-Identifier: GPL-2.0-or-later
"""The one error tree.

Every message says what was wrong, with which value, and what to do about it. The command line
catches `TailwalkError` in one place, prints the message as one paragraph and exits 2; a stack
trace that reaches a user is a defect.
"""

from __future__ import annotations

import reprlib


class TailwalkError(Exception):
    """Anything that a user can cause, meet or mend."""


class UsageError(TailwalkError):
    """An argument or option whose value makes no sense."""


def require_type(name: str, value: object, kind: type | tuple[type, ...], wanted: str) -> None:
    """Raise UsageError, saying what is wanted, unless the value is of the type; a bool is no
    number."""
    if isinstance(value, bool) or not isinstance(value, kind):
        raise UsageError(f"{name}={reprlib.repr(value)}: give {wanted}.")


class SpecError(UsageError):
    """A kernel spec that cannot be read."""


class ToolError(TailwalkError):
    """A program of the machine (QEMU, cc, mkfs, apt-get) is missing, too old or failed."""


class ArchiveError(TailwalkError):
    """The package archive cannot be reached, does not hold what was asked for, or failed a
    signature or checksum check."""


class KernelError(TailwalkError):
    """A kernel image that cannot be read, lacks a driver or cannot be built."""


class SeriesError(TailwalkError):
    """A series that is unknown, or whose edits do not match the source."""


class CacheError(TailwalkError):
    """The cache directory cannot be written, or is full."""


class PlaceError(TailwalkError):
    """Something of this machine cannot be written or made: temporary files, standard output, a
    pipe or a process."""


class GuestError(TailwalkError):
    """The guest panicked, hung, was killed or gave a torn result."""


class HostError(TailwalkError):
    """This machine's own kernel cannot be measured in the directory given."""


class ProbeError(GuestError):
    """The probe in the guest says that something it was asked for failed."""


class RecordError(TailwalkError):
    """A record (run, profile, comparison) that is damaged, too new, or of another kind."""


class DamagedError(RecordError):
    """A record that is not what was once written: cut short, or changed since."""


class ModelError(TailwalkError):
    """The model was asked for something outside its bounds."""
