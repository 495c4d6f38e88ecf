# SPDX-License-Identifier: GPL-2.0-or-later
"""The archive that this machine's apt configuration names."""

from __future__ import annotations

import re

import pytest

from skips import not_here
from tailwalk.cache import Cache
from tailwalk.errors import ArchiveError
from tailwalk.kernels import Kernel, resolve
from tailwalk.kernels.archive import Archive
from tailwalk.kernels.debian import find_builds
from tailwalk.kernels.modules import load_order
from tailwalk.kernels.vmlinux import read_vmlinux

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


def for_any_cpu(kernel: Kernel, *names: str) -> list[str]:
    return [module.name for module in load_order(kernel, names) if not module.cpus]


@pytest.mark.parametrize("spec", ["debian:6.12", "debian:6.18", "debian:7.3"])
def test_a_real_kernel_from_an_empty_cache(cache: Cache, spec: str) -> None:
    kernel = resolve(spec, cache=cache)
    assert kernel.release.startswith(spec.removeprefix("debian:") + ".")
    assert read_vmlinux(kernel.image.read_bytes(), spec).startable
    assert for_any_cpu(kernel, "virtio_blk", "ext4") == ["virtio_blk"]
    assert for_any_cpu(kernel, "brd") == ["brd"]
    # Up to v6.13 the instruction for crc32c is used by a module of its own.
    own = [module.name for module in load_order(kernel, []) if module.cpus]
    assert own == (["crc32c_intel", "sha256_ssse3"] if spec == "debian:6.12" else [])
    assert resolve(spec, cache=cache) == kernel


def test_every_suite_is_seen_and_a_broken_kernel_named(cache: Cache) -> None:
    archive = Archive(cache)
    assert len(archive.suites()) >= 4
    assert {"sid"} < set(archive.suites())
    builds = find_builds(archive.packages())
    assert len({build.version.line for build in builds}) >= 4
    for build in builds:
        assert build.release.startswith(re.sub(r"\.\d+$", "", str(build.version)))
    broken = next((build for build in builds if build.missing), None)
    if broken is None:
        not_here("the archive has every kernel whole today")
    with pytest.raises(ArchiveError, match=re.escape(broken.missing[0])):
        resolve(f"debian:{broken.version}", cache=cache)


def test_sources_of_a_kernel(cache: Cache) -> None:
    found = [source for source in Archive(cache).sources() if source.version.startswith("6.18.")]
    assert any(file.name.endswith(".orig.tar.xz") for file in found[0].files)
