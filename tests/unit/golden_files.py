# SPDX-License-Identifier: GPL-2.0-or-later
"""Golden files: what the command line said when somebody last looked at it and agreed.

With TAILWALK_UPDATE_GOLDEN=1 the files are written anew instead of compared.
"""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"


def check_golden(name: str, text: str) -> None:
    """Compare text with the golden file of that name."""
    path = GOLDEN / name
    if os.environ.get("TAILWALK_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"see {path}, or TAILWALK_UPDATE_GOLDEN=1"
