# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests share, those that boot kernels above all."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tailwalk.cache import Cache
from tailwalk.kernels import Kernel
from tailwalk.kernels.resolve import resolve
from tailwalk.rigs.bench import Bench
from tailwalk.vm.qemu import Machine, find_qemu

pytest_plugins = ["skips"]

# What is imported and collected stays: Python's collector would walk over it again and again.
gc.disable()

# A busy machine is no defect: tests have a time limit of their own. `make check` takes `quick`.
settings.register_profile("tailwalk", deadline=None, max_examples=150)
settings.register_profile("quick", deadline=None, max_examples=10)
settings.load_profile("tailwalk")

# What tests print is of one width, in no colours, in UTF-8, whatever the terminal they run on.
for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "LC_ALL", "LC_CTYPE"):
    os.environ.pop(name, None)
os.environ["LANG"] = "C.UTF-8"

# In the background of a script a program starts with this ignored, and so would those that tests
# interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def kernel() -> Callable[[str], Kernel]:
    """The kernel a spec names, fetched into the user's own cache once for all tests."""
    found: dict[str, Kernel] = {}

    def get(spec: str) -> Kernel:
        if spec not in found:
            found[spec] = resolve(spec)
        return found[spec]

    return get


@pytest.fixture(scope="session")
def bench() -> Bench:
    """A bench with the user's own cache."""
    return Bench.prepare()


@pytest.fixture
def own_bench(tmp_path: Path, bench: Bench) -> Bench:
    """A bench whose cache holds nothing yet."""
    return Bench(machine=Machine(), qemu=find_qemu(), probe=bench.probe,
                 cache=Cache(tmp_path / "cache"))


@pytest.fixture(scope="session")
def static(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A static program."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "program.c").write_text("int main(void) { return 7; }\n")
    subprocess.run(["cc", "-static", "-s", "-o", folder / "program", folder / "program.c"],
                   check=True)
    return (folder / "program").read_bytes()
