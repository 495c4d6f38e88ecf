# SPDX-License-Identifier: GPL-2.0-or-later
"""The mirrors that this machine's own apt configuration names.

Both formats of sources.list(5) are read: one-line lists and deb822 `.sources` files. A mirror's
host name comes from there and from nowhere else.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tailwalk.errors import ArchiveError, ToolError
from tailwalk.files import read_bounded
from tailwalk.kernels.bounds import TEXT

ELSEWHERE = ("Without Debian's archive image:PATH boots a kernel of this machine's distribution or "
             "of your own, such as image:/boot/vmlinuz-RELEASE, src:PATH builds a tree, and "
             "records made elsewhere are compared as they are")
"""What a machine can do that has no apt, or no Debian among apt's mirrors."""

_KEYRINGS = (Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
             Path("/usr/share/keyrings/debian-archive-keyring.gpg"))
_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)"
                       r"(?P<components>(?:\s+[^\s#]+)*)\s*(?:#.*)?")
_UNUSABLE = ("cdrom:",)


@dataclass(frozen=True, order=True)
class Mirror:
    """One suite at one address.

    `signed_by` is what sources.list(5) calls Signed-By (keyring paths, fingerprints, or a whole
    key as continuation lines); empty where the configuration names none.
    """

    uri: str
    suite: str
    signed_by: str = ""

    @property
    def stanza(self) -> str:
        """The mirror's lines for a `.sources` file, without Types and Targets."""
        text = f"URIs: {self.uri}\nSuites: {self.suite}\nComponents: main\n"
        signed_by = self.signed_by or next((str(path) for path in _KEYRINGS if path.exists()), "")
        return text + (f"Signed-By: {signed_by}\n" if signed_by else "")

    @property
    def list_prefix(self) -> str:
        """How apt begins the names of this suite's files in its lists directory."""
        address = re.sub(r"^[^:]*:(//)?", "", self.uri)
        address = re.sub(r"^[^/@]*@", "", address).rstrip("/")
        quoted = re.sub(r"[\\|{}\[\]<>\"^~_=!@#$%&*]|[^\x21-\x7e]",
                        lambda match: "".join(f"%{byte:02x}" for byte in match[0].encode()),
                        f"{address}/dists/{self.suite}")
        return quoted.replace("/", "_") + "_"


def machine_mirrors() -> tuple[Mirror, ...]:
    """What the machine's apt configuration names for binary packages of the component main.

    Raises ToolError where apt is not installed, ArchiveError where it names no mirror at all.
    """
    source_list, source_parts = _source_places()
    files = [source_list] if source_list.is_file() else []
    if source_parts.is_dir():
        files += sorted(path for path in source_parts.iterdir()
                        if path.suffix in (".list", ".sources") and path.is_file())
    mirrors: dict[Mirror, None] = {}
    for path in files:
        text = read_bounded(path, TEXT).decode(errors="replace")
        parse = parse_sources if path.suffix == ".sources" else parse_list
        mirrors.update(dict.fromkeys(parse(text)))
    if not mirrors:
        raise ArchiveError(
            f"apt's configuration ({source_list}, {source_parts}) names no mirror of a component "
            f"main, so Debian's kernels cannot be fetched. {ELSEWHERE}.")
    return tuple(mirrors)


def parse_list(text: str) -> Iterator[Mirror]:
    """The mirrors in a one-line-format list; lines that are none are passed over, as apt's own
    comments and deb-src lines are."""
    for line in text.splitlines():
        match = _ONE_LINE.fullmatch(line.strip())
        if match is None:
            continue
        options = dict(option.split("=", 1) for option in (match["options"] or "").split()
                       if "=" in option)
        yield from _mirrors([match["uri"]], [match["suite"]], match["components"].split(),
                            options.get("signed-by", "").replace(",", " "))


def parse_sources(text: str) -> Iterator[Mirror]:
    """The mirrors in a deb822 `.sources` file."""
    from debian.deb822 import Deb822

    for stanza in Deb822.iter_paragraphs(text.splitlines(), use_apt_pkg=False):
        if (stanza.get("Enabled", "yes").strip().lower() in ("no", "false", "0", "off", "without",
                                                             "disable")
                or "deb" not in stanza.get("Types", "").split()):
            continue
        yield from _mirrors(stanza.get("URIs", "").split(), stanza.get("Suites", "").split(),
                            stanza.get("Components", "").split(),
                            stanza.get("Signed-By", "").rstrip())


def _mirrors(uris: list[str], suites: list[str], components: list[str],
             signed_by: str) -> Iterator[Mirror]:
    if "main" not in components:
        return
    for uri in uris:
        if not uri.startswith(_UNUSABLE):
            for suite in suites:
                yield Mirror(uri.rstrip("/"), suite, signed_by)


def _source_places() -> tuple[Path, Path]:
    try:
        answer = subprocess.run(
            ["apt-config", "shell", "LIST", "Dir::Etc::sourcelist/f",
             "PARTS", "Dir::Etc::sourceparts/d"],
            check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise ToolError(
            f"there is no apt on this machine, by which Debian's kernels are fetched. {ELSEWHERE}."
        ) from error
    except subprocess.CalledProcessError as error:
        raise ToolError(f"apt-config failed: {error.stderr.strip()}. Mend apt's configuration "
                        "(`apt-config dump` shows it).") from error
    values = dict(word.split("=", 1) for word in shlex.split(answer))
    return Path(values["LIST"]), Path(values["PARTS"])
