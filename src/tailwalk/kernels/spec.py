# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel specs: how a user names a kernel."""

from __future__ import annotations

import difflib
import re
import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from tailwalk.errors import SpecError, UsageError
from tailwalk.machines import GUEST
from tailwalk.versions import KernelVersion, parse_version

FORMS = ("debian:6.18", "debian:6.18.15", "src:6.18", "src:6.18+SERIES", "src:PATH[+SERIES]",
         "debug:VERSION|PATH[+SERIES]", "image:PATH")

# A name, or the path of a definition.
_SERIES = re.compile(r"[a-z][a-z0-9_-]*|.+\.toml", re.ASCII)
_KINDS = ("debian", "src", "debug", "image")
_LONGEST = 4096 + 200  # PATH_MAX, include/uapi/linux/limits.h, and a kind and series

Flavour = Literal["src", "debug"]
"""What a source is configured for: `src`, the lab's minimal configuration, to be measured; `debug`,
the same and the kernel's own checks (KASAN, lockdep, slab debugging, fault injection), for
`tailwalk verify`."""


@dataclass(frozen=True)
class DebianSpec:
    """`debian:VERSION`: a kernel package of Debian's archive."""

    version: KernelVersion

    def __str__(self) -> str:
        return f"debian:{self.version}"


@dataclass(frozen=True)
class SourceSpec:
    """`src:VERSION` or `src:PATH`, with a series of changes (its name, or the path of its
    definition, which ends in .toml) or without; `debug:` the same in that flavour."""

    tree: KernelVersion | Path
    series: str | None = None
    flavour: Flavour = "src"

    def __str__(self) -> str:
        return f"{self.plain}" + (f"+{self.series}" if self.series else "")

    @property
    def plain(self) -> str:
        """The spec without its series."""
        return f"{self.flavour}:{self.tree}"


@dataclass(frozen=True)
class ImageSpec:
    """`image:PATH`: a kernel file of the user's."""

    path: Path

    def __str__(self) -> str:
        return f"image:{self.path}"


Spec = DebianSpec | SourceSpec | ImageSpec

HOST = "host"
"""What records of the host rig call the kernel they are of. No command takes it: what is measured
there is the kernel that runs, and no guest boots it."""


def parse_spec(text: str) -> Spec:
    """What a spec means. A `+` in `src:PATH` belongs to the path where such a directory exists,
    and begins the name of a series otherwise.

    Raises SpecError, with a hint, for what is no spec.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise SpecError(f"{reprlib.repr(text)} is no kernel spec: it has {len(text):,} signs.")
    if not text.isprintable():
        raise SpecError(f"{text!r} is no kernel spec: it holds what cannot be seen, such as "
                        "control characters. Give such a file a link of another name.")
    kind, colon, rest = text.partition(":")
    if kind == HOST:
        raise SpecError("host is no kernel to name: `tailwalk host` measures the one that this "
                        "machine runs, and image:/boot/vmlinuz-RELEASE boots its image in a guest.")
    if kind == "debian" and rest:
        return DebianSpec(_debian_version(rest, text))
    if kind in get_args(Flavour) and rest:
        return _source(cast(Flavour, kind), rest, text)
    if kind == "image" and rest:
        return ImageSpec(_path(rest, text))
    raise SpecError(f"{text!r} is no kernel spec{_hint(text, kind, colon)} "
                    f"A spec is one of {', '.join(FORMS)}.")


def checks_itself(spec: str) -> bool:
    """Is a kernel of this name built with the kernel's own checks?"""
    return spec.strip().startswith("debug:")


def require_measurable(*specs: str) -> None:
    """Raise UsageError for a kernel that checks itself: the rigs that give figures call this, and
    commands before they fetch or build a kernel for one."""
    for spec in filter(checks_itself, specs):
        raise UsageError(f"{spec} checks itself at every step, so that its figures say nothing "
                         "of a kernel that people run: measure src: in place of debug:, and "
                         "give this one to tailwalk verify.")


def _debian_version(rest: str, text: str) -> KernelVersion:
    version = parse_version(rest)
    if version is None:
        hint = ""
        if "+" in rest:
            hint = (" Debian's kernels are taken as they are; for a series on top of a version "
                    f"write src:{rest}.")
        elif parse_version(rest.lstrip("v")):
            hint = f" Did you mean debian:{rest.lstrip('v')}?"
        raise SpecError(f"{text!r}: {rest!r} is no kernel version; write debian:6.18 for the "
                        f"newest 6.18.y or debian:6.18.15 for that one.{hint}")
    return version


def _source(flavour: Flavour, rest: str, text: str) -> SourceSpec:
    if version := parse_version(rest):
        return SourceSpec(version, flavour=flavour)
    base, plus, series = rest.rpartition("+")
    if plus and base:
        version = parse_version(base)
        if version and not _SERIES.fullmatch(series):
            raise SpecError(f"{text!r}: {series!r} is no name of a series; `tailwalk series list` "
                            "lists them.")
        if version:
            return SourceSpec(version, series, flavour)
        first, more, _ = base.partition("+")
        if more and parse_version(first):
            raise SpecError(f"{text!r} names more than one series, and a kernel takes one: a "
                            "definition of your own can continue another by its field `on`.")
        if _SERIES.fullmatch(series) and not _is_directory(rest):
            return SourceSpec(_path(base, text), series, flavour)
    return SourceSpec(_path(rest, text), flavour=flavour)


def _path(rest: str, text: str) -> Path:
    try:
        return Path(rest).expanduser()
    except RuntimeError as error:
        raise SpecError(f"{text!r}: {rest!r} names no home directory ({error}); write the whole "
                        "path.") from error


def _is_directory(rest: str) -> bool:
    try:
        return Path(rest).expanduser().is_dir()
    except (OSError, RuntimeError):
        return False


def _hint(text: str, kind: str, colon: str) -> str:
    if not text:
        return ": it is empty."
    if kind in _KINDS and colon:
        return ": nothing follows the colon."
    if kind in _KINDS:
        return ": a colon and a version or path belong behind it."
    if parse_version(text.removeprefix("v")):
        version = text.removeprefix("v")
        return f"; did you mean debian:{version} or src:{version}?"
    if close := difflib.get_close_matches(kind, _KINDS, 1):
        return f"; did you mean {text.replace(kind, close[0], 1)!r}?"
    if not colon and ("/" in text or text.startswith(("vmlinu", GUEST.image.name))):
        return f"; did you mean image:{text}?"
    return "."
