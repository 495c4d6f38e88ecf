# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of the probe's job."""

from __future__ import annotations

import os
from string import ascii_letters, digits, punctuation
from urllib.parse import quote

_PLAIN = (ascii_letters + digits + punctuation).replace("%", "")


def job_line(verb: str, /, **words: int | str) -> bytes:
    """A line: the verb, and each word as KEY=VALUE.

    Of a value every byte that is a space, a % or no printable character of ASCII is written as
    %XX (probe/job.c reads it).
    """
    values = {key: int(value) if isinstance(value, bool) else value
              for key, value in words.items()}
    return " ".join([verb, *(f"{key}={quote(os.fsencode(str(value)), safe=_PLAIN)}"
                             for key, value in values.items())]).encode() + b"\n"
