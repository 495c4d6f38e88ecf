# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stand_ins import Notes
from tailwalk.errors import ArchiveError
from tailwalk.kernels.archive import ArchiveFile, Package
from tailwalk.kernels.debian import Build, candidates, find_builds
from tailwalk.kernels.spec import DebianSpec
from tailwalk.versions import KernelVersion


def package(name: str, version: str, depends: str = "", suite: str = "trixie") -> Package:
    return Package(name, version, suite, depends,
                   ArchiveFile(f"{name}.deb", 1, f"{name} {version}"))


def whole(release: str, version: str, suite: str = "trixie") -> Package:
    return package(f"linux-image-{release}-cloud-amd64", version,
                   "kmod, initramfs-tools (>= 0.120) | linux-initramfs-tool", suite)


def split(release: str, version: str, *parts: str) -> list[Package]:
    names = [f"linux-{part}-{release}-cloud-amd64" for part in ("base", "binary", "modules")]
    return [package(f"linux-image-{release}-cloud-amd64", version,
                    "dracut | initramfs-tools, " + ", ".join(
                        f"{name} (= {version})" for name in names)),
            *(package(f"linux-{part}-{release}-cloud-amd64", version) for part in parts)]


def names(build: Build) -> list[str]:
    return [package.name for package in build.packages]


def chosen(spec: str, builds: list[Build], notes: Notes | None = None) -> str:
    numbers = [int(number) for number in spec.split(".")]
    return next(candidates(DebianSpec(KernelVersion(*numbers)), builds,
                           notes or Notes())).debian_version


def test_both_shapes_are_found_newest_first() -> None:
    builds = find_builds([
        whole("6.18.9+deb13", "6.18.9-1~bpo13+1"), whole("6.18.15+deb13", "6.18.15-1~bpo13+1"),
        *split("7.3.4+deb13", "7.3.4-1~bpo13+1", "base", "binary", "modules")])
    assert [str(build.version) for build in builds] == ["7.3.4", "6.18.15", "6.18.9"]
    assert names(builds[0]) == [f"linux-{part}-7.3.4+deb13-cloud-amd64"
                                for part in ("binary", "modules", "base")]
    assert builds[0].release == "7.3.4+deb13-cloud-amd64"
    assert names(builds[1]) == ["linux-image-6.18.15+deb13-cloud-amd64"]
    assert not any(build.missing for build in builds)


def test_packages_that_are_no_kernel_are_left_out() -> None:
    builds = find_builds([
        package("linux-image-6.12-cloud-amd64", "6.12.113-1~deb12u1",
                "linux-image-6.12.113+deb12-cloud-amd64 (= 6.12.113-1~deb12u1)"),
        package("linux-image-6.12.113+deb12-cloud-amd64-dbg", "6.12.113-1~deb12u1"),
        package("linux-source-6.12", "6.12.113-1"),
        whole("7.3", "7.3~rc7-1~exp1"),
        package("linux-image-6.1.0-53-cloud-amd64", "6.1.187-1", "kmod")])
    assert [str(build.version) for build in builds] == ["6.1.187"]


def test_an_unsigned_image_stands_in_for_a_signed_one() -> None:
    unsigned = package("linux-image-6.18.15+deb13-cloud-amd64-unsigned", "6.18.15-1", "kmod")
    build, = find_builds([unsigned])
    assert names(build) == ["linux-image-6.18.15+deb13-cloud-amd64-unsigned"]
    assert build.release == "6.18.15+deb13-cloud-amd64"
    build, = find_builds([unsigned, whole("6.18.15+deb13", "6.18.15-1")])
    assert names(build) == ["linux-image-6.18.15+deb13-cloud-amd64"]
    build, = find_builds(split("7.3.4", "7.3.4-1", "base", "binary-unsigned", "modules"))
    assert names(build)[0] == "linux-binary-unsigned-7.3.4-cloud-amd64" and not build.missing


def test_modules_of_another_version_do_not_count() -> None:
    build, = find_builds([*split("7.3", "7.3.4-1", "base", "binary"),
                          package("linux-modules-7.3-cloud-amd64", "7.3.3-1")])
    assert build.missing == ("linux-modules-7.3-cloud-amd64",)


def test_a_package_in_two_suites_is_one_build() -> None:
    build, = find_builds([whole("6.12.107", "6.12.107-1", "trixie"),
                          whole("6.12.107", "6.12.107-1", "trixie-security")])
    assert build.suite == "trixie"


def test_the_newest_that_can_boot() -> None:
    builds = find_builds([
        *split("6.19.14", "6.19.14-1", "binary", "base"), *split("6.19.9", "6.19.9-1", "binary"),
        *split("6.19.8", "6.19.8-1", "binary", "modules", "base"),
        whole("6.18.15+deb13", "6.18.15-1~bpo13+1"), whole("6.18.15+deb14", "6.18.15-1")])
    notes = Notes()
    assert chosen("6.19", builds, notes) == "6.19.8-1"
    assert ["linux-modules-6.19.14-cloud-amd64" in notes.said[0],
            "linux-modules-6.19.9-cloud-amd64" in notes.said[1]] == [True, True]
    assert notes.said[0].endswith("whose package linux-modules-6.19.14-cloud-amd64 is no longer in "
                                  "the archive.")
    assert notes.said[1].endswith("whose packages linux-modules-6.19.9-cloud-amd64 and "
                                  "linux-base-6.19.9-cloud-amd64 are no longer in the archive.")
    assert chosen("6.18", builds) == chosen("6.18.15", builds) == "6.18.15-1"
    with pytest.raises(ArchiveError, match=r"6\.19\.14-1 cannot boot, since its package "
                                           r"linux-modules-6\.19\.14-cloud-amd64 .*can: 6\.19\.8"):
        chosen("6.19.14", builds)
    with pytest.raises(ArchiveError, match=r"no kernel 6\.19\.3: of its line there are 6\.19\.8"):
        chosen("6.19.3", builds)
    with pytest.raises(ArchiveError, match=r"no kernel 5\.4: there are the lines 6\.18, 6\.19"):
        chosen("5.4", builds)
    with pytest.raises(ArchiveError, match="the lines none"):
        chosen("5.4", [])


def test_only_what_is_known_to_be_there_is_advised() -> None:
    """Of 7.0 the archive has neither all packages nor, for all its index says, the source."""
    builds = find_builds([
        *split("7.0.13", "7.0.13-1", "binary"), *split("6.19.14", "6.19.14-1", "binary", "base"),
        *split("7.1.13", "7.1.13-1", "binary"), *split("7.2.9", "7.2.9-1", "binary", "modules",
                                                       "base"),
        *split("7.3.4", "7.3.4-1", "binary", "modules", "base"), whole("6.18.15", "6.18.15-1"),
        whole("6.12.107", "6.12.107-1")])

    def advice(spec: str, *sources: KernelVersion) -> str:
        with pytest.raises(ArchiveError) as caught:
            next(candidates(DebianSpec(KernelVersion(*map(int, spec.split(".")))), builds,
                            sources=sources))
        return str(caught.value)

    assert advice("7.0").endswith(
        "cannot boot, since its packages linux-modules-7.0.13-cloud-amd64 and "
        "linux-base-7.0.13-cloud-amd64 are no longer in the archive; the nearest that can: "
        "debian:6.18 and debian:7.2; src:PATH builds one from a source tree of yours.")
    assert "nearest that can: debian:6.18 and debian:7.2" in advice("6.19")
    assert "there are the lines 6.12, 6.18, 7.2, 7.3." in advice("5.4")
    assert "there are the lines 6.12, 6.18, 7.2, 7.3." in advice("7.0.1")
    cached = KernelVersion(7, 0, 12)
    assert "src:7.0 builds one, since its source is in the cache" in advice("7.0", cached)
    assert "src:7.0" not in advice("7.0.13", cached)
    assert "src:5.4" not in advice("5.4", cached)
    builds = [build for build in builds if build.missing]
    assert "nor can any other of its kernels" in advice("7.0")


@given(st.sets(st.tuples(st.integers(5, 7), st.integers(0, 20), st.integers(0, 120)), min_size=1),
       st.data())
def test_a_series_means_the_greatest_bootable_patch(
        there: set[tuple[int, int, int]], data: st.DataObject) -> None:
    packages: list[Package] = []
    bootable = set()
    for number in there:
        release = ".".join(map(str, number))
        lost = data.draw(st.sampled_from([(), ("modules",), ("base",), ("binary",)]))
        packages += split(release, f"{release}-1", *({"base", "binary", "modules"} - set(lost)))
        if not lost:
            bootable.add(number)
    builds = find_builds(data.draw(st.permutations(packages)))
    major, minor, _ = data.draw(st.sampled_from(sorted(there)))
    fit = [patch for x, y, patch in bootable if (x, y) == (major, minor)]
    if fit:
        assert chosen(f"{major}.{minor}", builds) == f"{major}.{minor}.{max(fit)}-1"
    else:
        with pytest.raises(ArchiveError, match="cannot boot"):
            chosen(f"{major}.{minor}", builds)
