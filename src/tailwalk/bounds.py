# SPDX-License-Identifier: GPL-2.0-or-later
"""What a number, text or list of a record can be: msgspec refuses the rest, and the published
schemas say it. A record is input, whoever wrote it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

EXACT = 2**53
"""JSON's whole numbers are the same in every reader up to here: months of a guest's instructions,
or of nanoseconds."""

Count = Annotated[int, Meta(ge=0, le=EXACT)]
Times = Annotated[int, Meta(ge=1, le=EXACT)]
Whole = Annotated[int, Meta(ge=-EXACT, le=EXACT)]
Value = Whole | Annotated[float, Meta(ge=-1e18, le=1e18)]
"""Of a figure or call, whose unit says of what: a time may come out below 0. What is reckoned of
such values, as a ratio, may be any number that JSON has."""

Share = Annotated[float, Meta(ge=0, le=1)]
Percent = Annotated[float, Meta(ge=0, le=1e6)]

Order = Annotated[int, Meta(ge=0, le=20)]
"""Of a folio: 4 GiB, where no kernel makes one beyond a huge page."""

Text = Annotated[str, Meta(max_length=128 * 1024)]
"""As long as an argument of a program can be (MAX_ARG_STRLEN)."""

Moment = Annotated[str, Meta(
    max_length=32, pattern="^(19[7-9]|2[0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    "([.][0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?$")]
"""A date and time, ISO 8601; `check_moment` says whether there is such a day."""

LONGEST_RELEASE = 64
Release = Annotated[str, Meta(max_length=LONGEST_RELEASE)]
"""As `uname -r` says it: the kernel has no room for more."""

Digest = Annotated[str, Meta(max_length=64, pattern="^[0-9a-f]+$")]
"""Also part of a file's name."""

Hexadecimal = Annotated[str, Meta(max_length=18, pattern="^0x[0-9a-f]+$")]

FEW = Meta(max_length=1024)
"""Of what somebody names one by one, such as kernels, or facts of a machine."""

MANY = Meta(max_length=1_000_000)
"""Of what is found or counted, such as functions or calls."""
