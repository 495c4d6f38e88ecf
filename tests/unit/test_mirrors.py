# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.cache import Cache
from tailwalk.errors import ArchiveError, ToolError
from tailwalk.kernels import resolve
from tailwalk.kernels.mirrors import ELSEWHERE, Mirror, machine_mirrors, parse_list, parse_sources

URI = "http://mirror.example/debian"


@pytest.mark.parametrize(("line", "mirrors"), [
    (f"deb {URI} bookworm main", [Mirror(URI, "bookworm")]),
    (f"deb\t{URI}/  bookworm   contrib main # ours", [Mirror(URI, "bookworm")]),
    (f"deb [arch=amd64 signed-by=/k/a.gpg,/k/b.gpg] {URI} sid main",
     [Mirror(URI, "sid", "/k/a.gpg /k/b.gpg")]),
    (f"deb [ trusted=yes ] {URI} sid main", [Mirror(URI, "sid")]),
    (f"deb-src {URI} bookworm main", []),
    (f"# deb {URI} bookworm main", []),
    (f"deb {URI} bookworm contrib non-free", []),
    (f"deb {URI} ./", []),
    ("deb cdrom:[Debian]/ bookworm main", []),
    ("", []),
])
def test_one_line_format(line: str, mirrors: list[Mirror]) -> None:
    assert list(parse_list(line)) == mirrors


def test_deb822_format() -> None:
    text = f"""\
# the main archive
Types: deb deb-src
URIs: {URI} http://other.example/debian/
Suites: trixie
 trixie-updates
Components: main contrib
Signed-By: /usr/share/keyrings/k.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main

Types: deb-src
URIs: http://sources.example/debian
Suites: trixie
Components: main

types: deb
uris: http://security.example/debian-security
suites: trixie-security
components: main
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY865UxYJ
 -----END PGP PUBLIC KEY BLOCK-----
"""
    keyring = "/usr/share/keyrings/k.gpg"
    found = list(parse_sources(text))
    assert found[:4] == [
        Mirror(URI, "trixie", keyring), Mirror(URI, "trixie-updates", keyring),
        Mirror("http://other.example/debian", "trixie", keyring),
        Mirror("http://other.example/debian", "trixie-updates", keyring)]
    assert [mirror.suite for mirror in found[4:]] == ["trixie-security"]
    # A key within the file comes out as it went in, so that apt can read it again.
    assert list(parse_sources("Types: deb\n" + found[4].stanza)) == [found[4]]


@given(st.text(max_size=200))
def test_no_text_of_either_format_breaks_the_parsers(text: str) -> None:
    for mirror in parse_list(text):
        assert mirror.uri and mirror.suite
    list(parse_sources(text))


@given(st.lists(st.sampled_from(["bookworm", "sid", "trixie-backports"]), min_size=1, max_size=3),
       st.sampled_from(["", "/usr/share/keyrings/k.gpg"]))
def test_a_stanza_reads_back(suites: list[str], keyring: str) -> None:
    mirrors = [Mirror(URI, suite, keyring or "/k.gpg") for suite in suites]
    text = "\n".join(f"Types: deb\n{mirror.stanza}" for mirror in mirrors)
    assert list(parse_sources(text)) == mirrors


@pytest.mark.parametrize("uri", [
    "http://mirror.example/debian", "http://user:secret@mirror.example:8080/a_b~c/debian",
    "https://mirror.example", "file:/srv/mirror"])
def test_list_names_are_apts_own(uri: str, tmp_path: Path) -> None:
    mirror = Mirror(uri, "trixie/updates", "/k.gpg")
    source = tmp_path / "one.sources"
    source.write_text(f"Types: deb\n{mirror.stanza}")
    said = subprocess.run(
        ["apt-get", "update", "--print-uris", "-o", f"Dir::Etc::sourcelist={source}", "-o",
         "Dir::Etc::sourceparts=/dev/null", "-o", f"Dir::State={tmp_path}"],
        capture_output=True, text=True, check=False).stdout
    assert f" {mirror.list_prefix}InRelease " in said


def test_the_machines_configuration_is_read_in_both_formats(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = tmp_path / "parts.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text(f"deb {URI} bookworm main\n")
    (parts / "b.sources").write_text(f"Types: deb\nURIs: {URI}\nSuites: sid\nComponents: main\n")
    (parts / "c.list.save").write_text(f"deb {URI} old main\n")
    configuration = tmp_path / "apt.conf"
    configuration.write_text(f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\n'
                             f'Dir::Etc::sourceparts "{parts}";\n')
    monkeypatch.setenv("APT_CONFIG", str(configuration))
    assert machine_mirrors() == (Mirror(URI, "bookworm"), Mirror(URI, "sid"))
    (tmp_path / "sources.list").unlink()
    (parts / "b.sources").unlink()
    with pytest.raises(ArchiveError, match="names no mirror") as caught:
        machine_mirrors()
    assert ELSEWHERE in str(caught.value)


@pytest.mark.parametrize("spec", ["debian:6.18", "src:6.18"])
def test_a_machine_without_apt_is_told_what_works_there(spec: str, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="no apt on this machine") as caught:
        resolve(spec, cache=Cache(tmp_path / "cache"))
    assert ELSEWHERE in str(caught.value)
