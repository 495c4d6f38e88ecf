# SPDX-License-Identifier: GPL-2.0-or-later
"""How lists are said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tailwalk.errors import ArchiveError
from tailwalk.kernels.debian import Build, candidates
from tailwalk.kernels.listing import Available
from tailwalk.kernels.spec import DebianSpec
from tailwalk.report.lists import _state
from tailwalk.versions import KernelVersion
from tailwalk.words import listed


@pytest.mark.parametrize(("words", "said"), [
    ([], ""), (["A"], "A"), (["A", "B"], "A and B"), (["A", "B", "C"], "A, B and C"),
    (("A", "B", "C", "D"), "A, B, C and D"),
])
def test_a_list_has_commas_and_one_and(words: Sequence[str], said: str) -> None:
    assert listed(words) == said


def test_an_error_says_what_is_lacking_as_a_list() -> None:
    names = tuple(f"linux-{part}-7.3.4-cloud-amd64" for part in ("binary", "modules", "base"))
    build = Build(version=KernelVersion(7, 3, 4), debian_version="7.3.4-1",
                  release="7.3.4-cloud-amd64", suite="sid", packages=(), missing=names)
    with pytest.raises(ArchiveError, match=f"packages {names[0]}, {names[1]} and {names[2]} are"):
        next(candidates(DebianSpec(KernelVersion(7, 3, 4)), [build]))
    listing = Available(spec="debian:7.3.4", line="7.3", version="7.3.4-1", release=build.release,
                        suite="sid", packages=[], missing=list(names), download=0, newest=False,
                        cached=False)
    assert _state(listing) == "lacks binary, modules and base"
