# SPDX-License-Identifier: GPL-2.0-or-later
"""The license is in the tree, and every source file names it."""

from __future__ import annotations

import subprocess
import tomllib
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
_COMMENTS = (f"# {_SPDX}", f"// {_SPDX}", f"/* {_SPDX} */", f"{{#- {_SPDX} -#}}")

# Files of others', which carry their own license as a whole.
_OTHERS = {"docs/javascripts/iframe-worker.js": "/* SPDX-License-Identifier: MIT"}

# Lists of packages and checksums, as uv writes them.
_LOCKS = "requirements/*.txt"
# Texts, pictures, what programs print, and what can hold no comment.
_TEXTS = {".md", ".txt", ".svg", ".json", ".csv", ".table", ".mail", ".markdown", ".1", ".typed",
          ".github", ".sarif", ".xml"}


def sources() -> list[Path]:
    """Every file that git tracks or would add, texts apart."""
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [ROOT / name for name in listed
             if name and name != "LICENSE" and not fnmatch(name, _LOCKS)]
    return [path for path in paths if path.suffix not in _TEXTS and path.is_file()]


def names_license(path: Path) -> bool:
    first, _, rest = path.read_text().partition("\n")
    if first.startswith("#!"):
        first = rest.partition("\n")[0]
    return first in _COMMENTS


def test_every_source_file_names_the_license_in_its_first_line() -> None:
    found = sources()
    assert {".py", ".c", ".h", ".S", ".toml", ".yml", ".j2", ".css", ".js"} <= {
        path.suffix for path in found}
    strange = {str(path.relative_to(ROOT)): path.read_text().partition("\n")[0]
               for path in found if not names_license(path)}
    assert strange == _OTHERS


@pytest.mark.parametrize(("text", "said"), [
    (f"# {_SPDX}\nimport os\n", True),
    (f"#!/bin/sh\n# {_SPDX}\n", True),
    (f'"""Text."""\n# {_SPDX}\n', False),
    ("# SPDX-License-Identifier: MIT\n", False),
    ("#!/bin/sh\n", False),
    ("", False),
])
def test_a_file_without_it_is_seen(tmp_path: Path, text: str, said: bool) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    assert names_license(path) is said


def test_the_license_is_version_2_of_the_gpl_and_the_package_says_so() -> None:
    digest = sha256((ROOT / "LICENSE").read_bytes()).hexdigest()
    assert digest == "8177f97513213526df2cf6184d8ff986c675afb514d4e68a404010521b880643"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "GPL-2.0-or-later"
    assert project["license-files"] == ["LICENSE"]
