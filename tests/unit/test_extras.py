# SPDX-License-Identifier: GPL-2.0-or-later
"""What one thing needs and the rest does not is named as pip can install it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tailwalk import extras
from tailwalk.errors import ToolError
from tailwalk.model.proof import prove
from tailwalk.rigs.dask_pool import DaskPool
from tailwalk.runs.export import write_parquet

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

FROM_THE_INDEX = re.compile(r"pip install [^\n]*(?<![./\w-])'?tailwalk(\[|\b(?![-/.]))")


@pytest.mark.parametrize(("extra", "module", "use"), [
    ("parquet", "pyarrow", lambda: write_parquet([], Path("none.parquet"))),
    ("proof", "z3", lambda: prove("tail")),
    ("dask", "distributed", lambda: list(DaskPool("tcp://127.0.0.1:1")(None, []))),  # type: ignore[arg-type]
])
def test_a_missing_package_is_named_as_pip_takes_it(
        extra: str, module: str, use: Callable[[], object],
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ToolError) as caught:
        use()
    said = re.search(r"run (.*)\.$", str(caught.value))
    assert said is not None
    assert shlex.split(said[1]) == [sys.executable, "-m", "pip", "install", *EXTRAS[extra]]


def test_a_checkout_that_was_never_installed_says_what_holds_there() -> None:
    """-S: what is installed is not seen."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", "from tailwalk.extras import import_extra\n"
         "import_extra('z3', extra='proof', what='a proof')"], capture_output=True, text=True,
        check=False, env={"PYTHONPATH": str(Path(extras.__file__).parents[1])})
    assert done.stderr.rstrip().endswith(
        "a proof needs the package z3, which is not installed: in the checkout, run pip install "
        "'.[proof]'.")


def test_no_text_has_pip_ask_the_index_for_tailwalk() -> None:
    assert FROM_THE_INDEX.search("pip install 'tailwalk[dask]'")
    assert not FROM_THE_INDEX.search("pip install ./tailwalk")
    listed = subprocess.run(["git", "ls-files", "src", "docs", "*.md", "Makefile"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout.split()
    assert "README.md" in listed
    for name in listed:
        text = (ROOT / name).read_text(errors="replace")
        assert not FROM_THE_INDEX.search(text), name
