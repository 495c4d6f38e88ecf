# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache: directories named by what went into them, and checked before they are used."""

from tailwalk.cache.digests import (
    digest_bytes,
    digest_file,
    digest_of,
    with_digest,
    without_digest,
)
from tailwalk.cache.entries import WHILE_WAITING, Cache, default_root

__all__ = ["WHILE_WAITING", "Cache", "default_root", "digest_bytes", "digest_file", "digest_of",
           "with_digest", "without_digest"]
