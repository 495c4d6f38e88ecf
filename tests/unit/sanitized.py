# SPDX-License-Identifier: GPL-2.0-or-later
"""C code of a series, run with what it stands on in the kernel made up, under the sanitizers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from skips import lacking


def run_sanitized(source: str, folder: Path, *, seconds: float) -> subprocess.CompletedProcess[str]:
    """Compile a program in the folder and run it, for so long at most."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        lacking("a C compiler")
    program, code = folder / "program", folder / "program.c"
    code.write_text(source)
    subprocess.run([compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-sign-compare",
                    "-fsanitize=address,undefined", "-fno-sanitize-recover", "-o", program, code],
                   check=True)
    return subprocess.run([program], capture_output=True, text=True, timeout=seconds, check=False)
