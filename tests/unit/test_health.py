# SPDX-License-Identifier: GPL-2.0-or-later
"""What `tailwalk doctor` says of a machine."""

from __future__ import annotations

import shutil

import pytest

from tailwalk.lab.health import examine


@pytest.mark.parametrize(("there", "state"), [(True, "ok"), (False, "missing")])
def test_debian_kernels_need_zstd(there, state, monkeypatch):
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **more: (
        ("/usr/bin/zstd" if there else None) if name == "zstd" else which(name, **more)))
    check = next(check for check in examine() if check.name == "zstd")
    assert check.state == state
    assert there or "apt-get install zstd" in check.found
