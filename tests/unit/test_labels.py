# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels that are kept are those that would be made now."""

from __future__ import annotations

import inspect
from hashlib import sha256

from tailwalk.kernels import symbols
from tailwalk.rigs import labels, recording


def test_what_makes_labels_has_not_changed_without_their_form() -> None:
    makers = (labels, symbols, recording.newborn_address)
    source = "".join(map(inspect.getsource, makers))
    assert (labels._FORM, sha256(source.encode()).hexdigest()[:16]) == (b"2", "f1b72fa6c100a634"), (
        "the code that makes labels has changed: give labels.py another _FORM, unless they stay "
        "the same, and say form and digest here")
