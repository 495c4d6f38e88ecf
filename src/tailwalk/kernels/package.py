# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian packages and tar archives, read a piece at a time, since somebody else made them.

Only regular files come out of them, each to where the caller says. Names that lead out, links and
devices so have no effect, and whatever an archive holds, memory and disk are bounded (`bounds`).
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from errno import EEXIST, EILSEQ, EINVAL, EISDIR, ENAMETOOLONG, ENOTDIR
from hashlib import md5
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from tailwalk.errors import KernelError, PlaceError
from tailwalk.files import open_bounded
from tailwalk.kernels.bounds import ARCHIVE, CONTROL, HEADER, MEMBERS, MIB, PACKAGE, UNPACKED
from tailwalk.kernels.compression import PIECE, unpacked

_DEB = b"!<arch>\n"
_TAR, _TAR_AT = b"ustar", 257
_PART = 60  # bytes of a header in the format of ar(1)
_PARTS = 16  # of a package, which has three
# What an archive may make the system say of a name.
_BAD_NAMES = (EEXIST, EILSEQ, EINVAL, EISDIR, ENAMETOOLONG, ENOTDIR)

Place = Callable[[PurePosixPath], Path | None]
"""Where a file of an archive is to be written; None: nowhere."""


class _Member(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        """What a header says; raises ReadError where that would fill the memory or go back."""
        entry = super().frombuf(buf, encoding, errors)
        if entry.size < 0 or (entry.type in _ABOUT_OTHERS and entry.size > HEADER):
            raise tarfile.ReadError(f"a header says that {entry.size} bytes follow")
        return entry


_ABOUT_OTHERS = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE,
                 tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)


class _Pieces:
    """A stream of pieces, as tarfile reads one."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, ARCHIVE

    def read(self, size: int) -> bytes:  # noqa: ARG002
        # An unpacker may have nothing yet; to tarfile nothing is the end.
        piece = next(filter(None, self._pieces), b"")
        self._left -= len(piece)
        if self._left < 0:
            raise tarfile.ReadError(f"it unpacks to more than {ARCHIVE // MIB:,} MiB")
        return piece


def tar_members(pieces: Iterator[bytes]) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The members of a tar archive, each to be read before the next; raises as tarfile does."""
    with tarfile.open(fileobj=_Pieces(pieces), mode="r|",  # type: ignore[call-overload]
                      bufsize=PIECE, tarinfo=_Member, errorlevel=2) as tar:
        for number, member in enumerate(tar):
            if number == MEMBERS:
                raise tarfile.ReadError(f"it has more than {MEMBERS:,} members")
            yield tar, member


def is_deb(path: Path) -> bool:
    """Does the file begin as a Debian package does?"""
    with open_bounded(path, PACKAGE) as stream:
        return stream.read(len(_DEB)) == _DEB


def is_tar(path: Path) -> bool:
    """Is the file a tar archive, compressed or not?"""
    with open_bounded(path, PACKAGE) as stream:
        return next(unpacked(stream, str(path)), b"").startswith(_TAR, _TAR_AT)


def package_of(path: Path) -> tuple[str, str]:
    """The name and the version of a Debian package; raises KernelError where it is damaged."""
    from debian.deb822 import Deb822

    with damage_named(path, "Debian package"), open_bounded(path, PACKAGE) as stream:
        fields = Deb822(_control(stream, path)["control"])
        return str(fields["Package"]), str(fields["Version"])


def extract(path: Path, place: Place) -> None:
    """Write the regular files of a Debian package or a tar archive to where `place` says; those
    of a package are checked against the md5sums that it carries.

    Raises KernelError where it is damaged or neither, or larger than `bounds` allow.
    """
    deb = is_deb(path)
    with (damage_named(path, "Debian package" if deb else "tar archive"),
          open_bounded(path, PACKAGE) as stream):
        if not deb:
            _extract(unpacked(stream, str(path)), path, place, {})
            return
        lines = _control(stream, path).get("md5sums", b"").decode().splitlines()
        sums = {name.removeprefix("./"): digest for digest, _, name in (
            line.partition("  ") for line in lines)}
        _extract(_part(stream, "data.tar", path), path, place, sums)
        # tarfile takes a damaged header for the end of the archive.
        if sums:
            raise ValueError(f"it lacks {next(iter(sums))}")


def package_members(path: Path) -> Iterator[bytes]:
    """The tar archive of what a Debian package installs, in pieces; raises KernelError where it is
    damaged."""
    with damage_named(path, "Debian package"), open_bounded(path, PACKAGE) as stream:
        yield from _part(stream, "data.tar", path)


def _extract(pieces: Iterator[bytes], path: Path, place: Place, sums: dict[str, str]) -> None:
    written: dict[str, Path] = {}
    for tar, member in tar_members(pieces):
        name = member.name.removeprefix("./")
        digest = sums.pop(name, None)
        if not (member.isfile() or member.islnk()) or (
                target := place(PurePosixPath(name))) is None:
            continue
        if member.islnk():
            source = written.get(member.linkname.removeprefix("./"))
            if source is None:
                raise ValueError(f"{name} is a link to {member.linkname}, which is not before it")
            content: IO[bytes] | None = source.open("rb")
        else:
            content = tar.extractfile(member)
        assert content is not None  # it is a regular file
        if member.size > UNPACKED:
            raise ValueError(f"{name} in it has {member.size // MIB:,} MiB, and no file of a "
                             f"kernel has more than {UNPACKED // MIB:,}")
        with content:
            found = _write(content, target)
        if digest not in (None, found):
            raise KernelError(f"{path} is damaged: {name} in it does not match the package's own "
                              "checksum. Fetch or build it anew.")
        written[name] = target


def _write(content: IO[bytes], target: Path) -> str:
    """Write a file; returns its md5."""
    digest = md5(usedforsecurity=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as stream:
        while piece := content.read(PIECE):
            stream.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def _control(stream: BinaryIO, path: Path) -> Mapping[str, bytes]:
    """What a package says of itself, by the name of the file."""
    found: dict[str, bytes] = {}
    for tar, member in tar_members(_part(stream, "control.tar", path)):
        name = member.name.removeprefix("./")
        if name in ("control", "md5sums") and member.isfile() and member.size <= CONTROL and (
                content := tar.extractfile(member)):
            found[name] = content.read()
    return found


def _part(stream: BinaryIO, name: str, path: Path) -> Iterator[bytes]:
    """What a part of a package holds (deb(5)), unpacked."""
    at = len(_DEB)
    for _ in range(_PARTS):
        stream.seek(at)
        header = stream.read(_PART)
        length = header[48:58].strip()
        if not header.endswith(b"`\n") or not length.isdigit():
            break
        size = int(length)
        if header[:16].decode().startswith(name):
            return unpacked(stream, f"{name} in {path}", size=size)
        at += _PART + size + size % 2
    raise ValueError(f"it has no {name}")


@contextmanager
def damage_named(path: Path, kind: str) -> Iterator[None]:
    """Raise KernelError where an archive cannot be read to its end, or names files that cannot
    be; any other error of the system goes through."""
    try:
        yield
    except (tarfile.TarError, EOFError, KeyError, ValueError, ArithmeticError, PlaceError,
            RecursionError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, *_BAD_NAMES):
            raise
        raise KernelError(f"{path} is damaged or no {kind} "
                          f"({error or 'it ends too early'}). Fetch or build it anew.") from error
