# SPDX-License-Identifier: GPL-2.0-or-later
"""Real kernels in the shapes that distributions give them: each counts what Debian's package
counts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tailwalk.cases import find_cases
from tailwalk.errors import ProbeError
from tailwalk.kernels import resolve
from tailwalk.kernels.archive import Archive
from tailwalk.kernels.compression import decompress
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan

pytestmark = pytest.mark.guest

PLAN = Plan(cases=find_cases(["pwrite_u1k"]))


@pytest.fixture(scope="module")
def release(kernel) -> str:
    return kernel("debian:6.12").release


@pytest.fixture(scope="module")
def unpacked(release, kernel, tmp_path_factory) -> Path:
    """A package of Debian's, unpacked as dpkg-deb does."""
    archive = Archive()
    version = kernel("debian:6.12").provenance["version"]
    package = next(package for package in archive.packages()
                   if package.name == f"linux-image-{release}" and package.version == version)
    folder = tmp_path_factory.mktemp("unpacked")
    deb = archive.fetch(package) / package.file.name
    subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
    return folder


def modules_of(root: Path, release: str) -> Path:
    return next(root / place / release for place in ("usr/lib/modules", "lib/modules")
                if (root / place / release).is_dir())


@pytest.fixture(scope="module")
def ubuntu(unpacked, release, tmp_path_factory) -> Path:
    """The image of a kernel as Ubuntu packages it, its modules in a package beside it."""
    home = tmp_path_factory.mktemp("ubuntu")
    image, modules = home / "image", home / "modules"
    (image / "boot").mkdir(parents=True)
    (image / f"boot/vmlinuz-{release}").write_bytes(
        (unpacked / f"boot/vmlinuz-{release}").read_bytes())
    source = modules_of(unpacked, release)
    for path in source.rglob("*"):
        target = modules / "lib/modules" / release / path.relative_to(source)
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            if path.suffix == ".xz":
                target = target.with_suffix(".zst")
                content = subprocess.run(["zstd", "-1", "-c"], input=decompress(content, path.name),
                                         capture_output=True, check=True).stdout
            target.write_bytes(content)
    for root in (image, modules):
        name = f"linux-{root.name}-{release}"
        (root / "DEBIAN").mkdir()
        (root / "DEBIAN/control").write_text(
            f"Package: {name}\nVersion: 6.12-1.1\nArchitecture: amd64\n"
            "Maintainer: Nobody <nobody@example>\nDescription: made up\n")
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zzstd", "-z1", "-b", root,
                        home / f"{name}_6.12-1.1_amd64.deb"], check=True, stdout=subprocess.DEVNULL)
    assert list(modules.rglob("*.ko.zst"))
    return home / f"linux-image-{release}_6.12-1.1_amd64.deb"


def figure(kernel, bench) -> float:
    [measured] = measure([kernel], PLAN, bench=bench)
    return measured.run.figures[0].main.value


def test_every_shape_counts_the_same(kernel, bench, own_bench, unpacked, ubuntu, release):
    wanted = figure(kernel("debian:6.12"), bench)
    for path in (unpacked / f"boot/vmlinuz-{release}", ubuntu):
        found = resolve(f"image:{path}", cache=own_bench.cache)
        assert found.modules is not None and found.release == release
        assert figure(found, own_bench) == wanted, path


def test_a_guest_without_its_driver_says_where_modules_were_looked_for(own_bench, unpacked,
                                                                       release, tmp_path):
    image = tmp_path / "vmlinuz"
    image.write_bytes((unpacked / f"boot/vmlinuz-{release}").read_bytes())
    alone = resolve(f"image:{image}", cache=own_bench.cache)
    said = re.escape(f"Modules of {release} were looked for in {tmp_path} itself")
    with pytest.raises(ProbeError, match=said):
        figure(alone, own_bench)
