# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_archive import FakeArchive, make_key, remove_key
from skips import lacking


@pytest.fixture(scope="session")
def archive_key() -> Iterator[Path]:
    """The key that made-up archives are signed with."""
    if not shutil.which("gpg"):
        lacking("gpg, which signs made-up archives")
    home = make_key()
    yield home
    remove_key(home)


@pytest.fixture
def archive(tmp_path: Path, archive_key: Path,
            monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeArchive]:
    """A made-up archive, the only one that apt knows."""
    made = FakeArchive(tmp_path / "archive", archive_key)
    monkeypatch.setenv("APT_CONFIG", str(made.configuration))
    yield made
    made.close()
