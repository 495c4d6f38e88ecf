# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.errors import SpecError, UsageError
from tailwalk.kernels.spec import (
    DebianSpec,
    Flavour,
    ImageSpec,
    SourceSpec,
    parse_spec,
    require_measurable,
)
from tailwalk.versions import KernelVersion

numbers = st.integers(0, 9999)
versions = st.builds(KernelVersion, numbers, numbers, st.none() | numbers)
series = st.from_regex(r"[a-z][a-z0-9_-]{0,12}", fullmatch=True)


@pytest.mark.parametrize(("text", "meaning"), [
    ("debian:6.18", DebianSpec(KernelVersion(6, 18))),
    ("debian:6.18.15", DebianSpec(KernelVersion(6, 18, 15))),
    (" debian:6.18 ", DebianSpec(KernelVersion(6, 18))),
    ("src:6.18", SourceSpec(KernelVersion(6, 18))),
    ("src:6.18.15+tail", SourceSpec(KernelVersion(6, 18, 15), "tail")),
    ("src:/usr/src/linux", SourceSpec(Path("/usr/src/linux"))),
    ("src:../linux-6.18", SourceSpec(Path("../linux-6.18"))),
    ("src:../linux+tail", SourceSpec(Path("../linux"), "tail")),
    ("src:../linux-6.18+Debian", SourceSpec(Path("../linux-6.18+Debian"))),
    ("debug:6.18+tail", SourceSpec(KernelVersion(6, 18), "tail", "debug")),
    ("debug:../linux", SourceSpec(Path("../linux"), flavour="debug")),
    ("image:/boot/vmlinuz-6.18.15+deb13", ImageSpec(Path("/boot/vmlinuz-6.18.15+deb13"))),
    ("image:a:b", ImageSpec(Path("a:b"))),
])
def test_each_form(text: str, meaning: object) -> None:
    assert parse_spec(text) == meaning


def test_a_directory_with_a_plus_in_its_name_is_a_path(tmp_path: Path) -> None:
    tree = tmp_path / "linux+tail"
    assert parse_spec(f"src:{tree}") == SourceSpec(tmp_path / "linux", "tail")
    tree.mkdir()
    assert parse_spec(f"src:{tree}") == SourceSpec(tree)
    assert parse_spec(f"src:{tree}+other") == SourceSpec(tree, "other")


def test_a_home_directory_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_spec("image:~/vmlinux") == ImageSpec(tmp_path / "vmlinux")
    with pytest.raises(SpecError, match="home directory"):
        parse_spec("image:~no-such-user-here/vmlinux")


@pytest.mark.parametrize(("text", "hint"), [
    ("", "empty. A spec is one of"),
    ("6.18", "did you mean debian:6.18 or src:6.18? A spec is one of"),
    ("v6.18.2", "did you mean debian:6.18.2"),
    ("debain:6.18", "did you mean 'debian:6.18'"),
    ("debian:", "nothing follows the colon"),
    ("src:", "nothing follows the colon"),
    ("image:", "nothing follows the colon"),
    ("host", "`tailwalk host` measures the one that this machine runs"),
    ("host:", "image:/boot/vmlinuz-RELEASE boots its image"),
    ("debian", "'debian' is no kernel spec: a colon"),
    ("debian:v6.18", "Did you mean debian:6.18?"),
    ("debian:6.18+tail", "write src:6.18+tail"),
    ("debian:6", "no kernel version"),
    ("debian:6.18.15.1", "no kernel version"),
    ("debian:06.18", "no kernel version"),
    ("debian:6.18-rc1", "no kernel version"),
    ("debian:٦.18", "no kernel version"),
    ("src:6.18+Tail!", "no name of a series"),
    ("src:6.18+", "no name of a series"),
    ("src:6.18+tail+span", "names more than one series"),
    ("/boot/vmlinuz", "did you mean image:/boot/vmlinuz?"),
    ("image:a\0b", r"'image:a\x00b' is no kernel spec: it holds what cannot be seen"),
    ("image:a\x1b[31m", r"'image:a\x1b[31m' is"),
    ("src:6.18+\u202etail", r"'src:6.18+\u202etail' is"),
    ("image:/tmp/\udcff", r"'image:/tmp/\udcff' is"),
    ("image:" + "x" * 5000, "it has 5,006 signs"),
])
def test_what_is_no_spec_gets_a_hint(text: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    assert hint in str(caught.value)


def test_a_kernel_that_checks_itself_gives_no_figures() -> None:
    require_measurable("debian:6.18", "src:6.18+tail", "image:debug:x")
    with pytest.raises(UsageError, match=r"^ debug:6\.18 checks itself .*src: in place of debug:"):
        require_measurable("src:6.18", " debug:6.18")


@given(versions)
def test_a_version_reads_back(version: KernelVersion) -> None:
    assert parse_spec(f"debian:{version}") == DebianSpec(version)
    assert parse_spec(str(SourceSpec(version))) == SourceSpec(version)


@given(versions, series, st.sampled_from(get_args(Flavour)))
def test_a_source_with_a_series_reads_back(version: KernelVersion, name: str,
                                           flavour: Flavour) -> None:
    spec = SourceSpec(version, name, flavour)
    assert parse_spec(str(spec)) == spec


@given(st.text(max_size=40))
def test_any_text_is_a_spec_or_a_spec_error(text: str) -> None:
    try:
        spec = parse_spec(text)
    except SpecError as error:
        assert "spec" in str(error) or repr(text) in str(error)
    else:
        assert parse_spec(str(spec)) == spec


@given(versions, versions)
def test_a_series_covers_its_versions_and_no_others(one: KernelVersion,
                                                    other: KernelVersion) -> None:
    assert one.line.covers(one)
    assert one.line.covers(other) == (one.line == other.line)
    assert one.covers(one)
    if one.patch is not None and other.patch is not None and one != other:
        assert not one.covers(other)
