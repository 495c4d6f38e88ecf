# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian archive made up for tests: signed indexes and packages behind a local HTTP server
that can be told to be slow, to lie and to lose files."""

from __future__ import annotations

import functools
import hashlib
import lzma
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from email.utils import formatdate
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class FakeArchive:
    """One mirror and the apt configuration that names it.

    Attributes:
        configuration: to be given to apt through APT_CONFIG.
        requests: how often each path was asked for.
        slow: endings of paths that are sent drop by drop.
        changed: endings of paths in whose middle a byte is sent wrong.
        lost: endings of paths that are answered with 404.
    """

    def __init__(self, home: Path, gnupg: Path) -> None:
        self.site = home / "site"
        self.site.mkdir(parents=True)
        self._gnupg = gnupg
        self.requests: Counter[str] = Counter()
        self.slow: set[str] = set()
        self.changed: set[str] = set()
        self.lost: set[str] = set()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(_Handler, archive=self, directory=str(self.site)))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        (home / "none.d").mkdir()
        keyring = home / "keyring.gpg"
        keyring.write_bytes(_gpg(gnupg, "--export"))
        (home / "sources.list").write_text(
            f"deb [signed-by={keyring}] {self.uri} stable main\n")
        self.configuration = home / "apt.conf"
        self.configuration.write_text(
            f'Dir::Etc::sourcelist "{home}/sources.list";\n'
            f'Dir::Etc::sourceparts "{home}/none.d";\n'
            'Acquire::http::Proxy::127.0.0.1 "DIRECT";\nAcquire::http::Timeout "60";\n')

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def publish(self, debs: Mapping[str, bytes], *, named_only: Mapping[str, bytes] | None = None,
                pointers: Mapping[str, str] | None = None, codename: str = "trixie",
                origin: str = "Debian", depends: Mapping[str, str] | None = None,
                sources: Mapping[str, Mapping[str, Mapping[str, bytes]]] | None = None) -> None:
        """Make the suite `codename` (also called stable) of these packages.

        `named_only` are in the index and nowhere else; `pointers` are packages that only depend
        on others, from `NAME_VERSION` to the field Depends; `depends` has that field of `debs`, by
        the package's name. `sources` has the files of source
        packages by name and version.
        """
        stanzas = [self._stanza(name, content, depends or {}) for name, content in
                   {**debs, **(named_only or {})}.items()]
        for name, depends in (pointers or {}).items():
            package, version = name.split("_")
            stanzas.append(f"Package: {package}\nVersion: {version}\nArchitecture: amd64\n"
                           f"Depends: {depends}\nFilename: pool/{name}_amd64.deb\nSize: 1\n"
                           f"SHA256: {'0' * 64}\n")
        for name, content in debs.items():
            self._write(f"pool/{name}", content)
        filler = "Package: not-a-kernel\nVersion: 1\nArchitecture: amd64\nFilename: x\nSize: 1\n\n"
        indexes = {"main/binary-amd64/Packages": filler + "\n".join(stanzas),
                   "main/source/Sources": "\n".join(
                       self._source_stanza(name, version, files)
                       for name, versions in (sources or {}).items()
                       for version, files in versions.items())}
        for suite in (codename, "stable"):
            sums = ""
            for path, text in indexes.items():
                for ending, content in (("", text.encode()), (".xz", lzma.compress(text.encode()))):
                    self._write(f"dists/{suite}/{path}{ending}", content)
                    sums += (f" {hashlib.sha256(content).hexdigest()} {len(content)} "
                             f"{path}{ending}\n")
            release = (f"Origin: {origin}\nLabel: {origin}\nSuite: stable\nCodename: {codename}\n"
                       f"Date: {formatdate(usegmt=True)}\nArchitectures: amd64\n"
                       f"Components: main\nSHA256:\n{sums}")
            self._write(f"dists/{suite}/InRelease",
                        _gpg(self._gnupg, "--clearsign", content=release.encode()))

    def asked_for(self, ending: str) -> int:
        """How many requests there were for paths that end so."""
        return sum(count for path, count in self.requests.items() if path.endswith(ending))

    def close(self) -> None:
        """Take the mirror off the network."""
        self._server.shutdown()
        self._server.server_close()

    def _stanza(self, name: str, content: bytes, depends: Mapping[str, str]) -> str:
        package, version, _ = name.split("_")
        needs = f"Depends: {depends[package]}\n" if package in depends else ""
        return (f"Package: {package}\nVersion: {version}\nArchitecture: amd64\n{needs}"
                f"Description: made up\nFilename: pool/{name}\nSize: {len(content)}\n"
                f"SHA256: {hashlib.sha256(content).hexdigest()}\n")

    def _source_stanza(self, name: str, version: str, files: Mapping[str, bytes]) -> str:
        sums = ""
        for file, content in files.items():
            self._write(f"pool/{file}", content)
            sums += f"\n {hashlib.sha256(content).hexdigest()} {len(content)} {file}"
        return (f"Package: {name}\nFormat: 3.0 (quilt)\nBinary: x\nArchitecture: any\n"
                f"Version: {version}\nDirectory: pool\nChecksums-Sha256:{sums}\n")

    def _write(self, path: str, content: bytes) -> None:
        target = self.site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: object, archive: FakeArchive, directory: str) -> None:
        self._archive = archive
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.path = self.path.replace("%2b", "+").replace("%7e", "~")
        self._archive.requests[self.path] += 1
        file = Path(self.translate_path(self.path))
        if self._has(self._archive.lost) or not file.is_file():
            self.send_error(404)
            return
        content = bytearray(file.read_bytes())
        if self._has(self._archive.changed):
            content[len(content) // 2] ^= 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            if self._has(self._archive.slow):
                drop = len(content) // 40 + 1
                for start in range(0, len(content), drop):
                    self.wfile.write(content[start:start + drop])
                    time.sleep(0.1)
            else:
                self.wfile.write(content)
        except OSError:
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass

    def _has(self, endings: set[str]) -> bool:
        return self.path.endswith(tuple(endings))


def make_key() -> Path:
    """A GnuPG home with a key in it. Its path is short, since it holds a socket."""
    home = Path(tempfile.mkdtemp(prefix="tw-"))
    _gpg(home, "--passphrase", "", "--quick-generate-key", "fake archive", "ed25519", "sign",
         "never")
    return home


def remove_key(home: Path) -> None:
    """End the agent that GnuPG started for the home, and remove it."""
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    shutil.rmtree(home, ignore_errors=True)


def _gpg(home: Path, *arguments: str, content: bytes = b"") -> bytes:
    return subprocess.run(["gpg", "--homedir", str(home), "--batch", "--quiet", *arguments],
                          input=content, capture_output=True, check=True).stdout
