# SPDX-License-Identifier: GPL-2.0-or-later
"""By how much a figure may differ between two kernels and still be called unchanged.

It is a property of the two kernels. Between releases some instructions always come and go, in code
that has nothing to do with what is looked for; between two kernels of one source and one way to
build it every difference is the change's own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import msgspec

from tailwalk.bounds import Percent
from tailwalk.errors import UsageError
from tailwalk.runs import KernelRecord
from tailwalk.words import listed

Ground = Literal["asked", "one source", "releases", "builds"]
"""What a threshold rests on.

`asked`: it was given. `one source`: one image, or kernels built here with one configuration and
compiler from one source, which a series or a patch may have changed. `releases`: other upstream
versions. `builds`: one upstream version, but not known to be built alike from one source.
"""

_DEFAULTS: dict[Ground, float] = {"one source": 1.0, "releases": 5.0, "builds": 5.0}
_BETWEEN: dict[Ground, str] = {
    "one source": "kernels of one source", "releases": "releases", "builds": "separate builds"}
_ALIKE = ("configuration", "compiler")
_UPSTREAM = re.compile(r"\d+(\.\d+)*(-rc\d+)?")


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Percent of the first kernel's figure that the second's may differ by, and why so many."""

    percent: Percent
    ground: Ground

    @property
    def limit(self) -> Fraction:
        """The same as a share, and as the decimal number that was written."""
        return Fraction(str(self.percent)) / 100


BETWEEN_RELEASES = Threshold(percent=_DEFAULTS["releases"], ground="releases")


def check_threshold(asked: float | None) -> None:
    """Raise UsageError for a threshold in percent that is not 0 or more; None is none."""
    if asked is not None and not (math.isfinite(asked) and asked >= 0):
        raise UsageError(f"a threshold of {asked} percent makes no sense: give 0 or more.")


def thresholds_for(pairs: Sequence[tuple[KernelRecord, KernelRecord]],
                   asked: float | None) -> list[Threshold]:
    """The threshold of each pair of kernels: the one asked for, or the default between the two.

    Raises UsageError for one that is not 0 or more.
    """
    if asked is None:
        return [Threshold(percent=_DEFAULTS[ground], ground=ground)
                for ground in (_ground(*pair) for pair in pairs)]
    check_threshold(asked)
    return [Threshold(percent=asked, ground="asked")] * len(pairs)


def _ground(one: KernelRecord, other: KernelRecord) -> Ground:
    if one.digest == other.digest:
        return "one source"
    one_version = _version(one) == _version(other)
    built_alike = "source digest" in one.provenance and all(
        name in one.provenance and one.provenance[name] == other.provenance.get(name)
        for name in _ALIKE)
    patched = {kernel.provenance.get("Debian's patches") == "applied" for kernel in (one, other)}
    if built_alike and (one.provenance["source digest"] == other.provenance.get("source digest")
                        or (one_version and len(patched) == 1)):
        return "one source"
    return "builds" if one_version else "releases"


def _version(kernel: KernelRecord) -> str:
    """The upstream version in a release, or all of a release that begins with none."""
    match = _UPSTREAM.match(kernel.release)
    return match[0] if match else kernel.release


def show_thresholds(named: Sequence[tuple[str, Threshold]]) -> str:
    """The thresholds of kernels, by their names, in words: `5% (between releases)`.

    Where they are not all of one percentage, the kernels of any but the commonest are named.
    """
    groups: dict[float, list[tuple[str, Threshold]]] = {}
    for name, threshold in named:
        groups.setdefault(threshold.percent, []).append((name, threshold))
    commonest = max(groups, key=lambda percent: len(groups[percent]))
    said = []
    for percent in sorted(groups, reverse=True):
        names = "" if percent == commonest else (
            f": {', '.join(name for name, _ in groups[percent])}")
        grounds = list(dict.fromkeys(threshold.ground for _, threshold in groups[percent]))
        why = "as asked for" if "asked" in grounds else (
            f"between {listed([_BETWEEN[ground] for ground in grounds])}")
        said.append(f"{percent:g}% ({why}{names})")
    return " or ".join(said)
