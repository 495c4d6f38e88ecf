# SPDX-License-Identifier: GPL-2.0-or-later
"""From a spec to a kernel, whatever its kind."""

from __future__ import annotations

from tailwalk.cache import Cache
from tailwalk.kernels.kernel import Kernel
from tailwalk.kernels.spec import DebianSpec, ImageSpec, parse_spec
from tailwalk.progress import SILENT, Progress


def resolve(spec: str, *, cache: Cache | None = None, progress: Progress = SILENT,
            refresh: bool = False) -> Kernel:
    """The kernel that a spec names, fetched or built first where the cache does not have it.

    `refresh` asks the archive anew instead of trusting a young index. Raises SpecError,
    ArchiveError, KernelError, SeriesError, CacheError, ToolError.
    """
    parsed = parse_spec(spec)
    cache = cache or Cache(progress=progress)
    if isinstance(parsed, DebianSpec):
        from tailwalk.kernels.debian import resolve_debian
        return resolve_debian(parsed, cache, progress=progress, refresh=refresh)
    if isinstance(parsed, ImageSpec):
        from tailwalk.kernels.image import resolve_image
        return resolve_image(parsed, cache, progress=progress)
    from tailwalk.kernels.source import resolve_source
    return resolve_source(parsed, cache, progress=progress, refresh=refresh)
