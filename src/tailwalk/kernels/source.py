# SPDX-License-Identifier: GPL-2.0-or-later
"""`src:VERSION` and `src:PATH`: kernels built from source, with a series or without."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from pathlib import Path

from tailwalk.cache import Cache
from tailwalk.errors import KernelError
from tailwalk.kernels.build import IMAGE, Builder, configuration_digest, differences
from tailwalk.kernels.kernel import Kernel
from tailwalk.kernels.sourcetree import SourceTree, user_tree
from tailwalk.kernels.spec import SourceSpec
from tailwalk.kernels.toolchain import find_toolchain
from tailwalk.kernels.unpacked import key_of, open_unpacked
from tailwalk.kernels.upstream import upstream_tree
from tailwalk.kernels.worktree import tree_in
from tailwalk.progress import SILENT, Progress
from tailwalk.series import SeriesPlan, load_series, plan_series
from tailwalk.versions import KernelVersion


def resolve_source(spec: SourceSpec, cache: Cache, *, progress: Progress = SILENT,
                   refresh: bool = False) -> Kernel:
    """The kernel that the source gives in the spec's flavour, built where it is not there.

    A series that changes nothing in this source (it has the change, or what the series is against
    is absent) gives the kernel without it, with a note. Raises ArchiveError (source not to be
    had), KernelError (no source tree, build failed), SeriesError (unknown series, or one that
    does not fit), ToolError (compiler or the like missing), CacheError (disk full).
    """
    series = load_series(spec.series) if spec.series else None
    source = open_source(spec.tree, cache, progress=progress, refresh=refresh)
    plan = plan_series(series, source.root) if series else None
    if plan and plan.state != "applies":
        progress.note(f"{spec}: {plan.state}: {plan.reason}.")
    toolchain = find_toolchain()
    builder = Builder(cache=cache, toolchain=toolchain, progress=progress, flavour=spec.flavour)
    kept = {"spec": str(spec)}
    key = key_of([builder.key(source), plan.digest if plan and plan.changes else ""])
    with ExitStack() as stack:
        def build() -> list[Path]:
            place = builder.build(source, spec.plain)
            if lost := differences(tree_in(place), spec.flavour):
                kept["options not taken"] = " ".join(lost)
                progress.note(f"{spec.plain} did not take {', '.join(lost)} of the lab's "
                              "configuration.")
            if plan and plan.changes:
                place = stack.enter_context(builder.build_changed(
                    place, str(spec), key=key, change=lambda tree: _change(tree, plan)))
            return [tree_in(place) / IMAGE]

        kernel = open_unpacked(cache, key, spec=str(spec), progress=progress,
                               provenance=kept, files=build)
    # What the entry says of itself may be of another spec with the same image, such as one whose
    # series changes nothing here.
    return dataclasses.replace(kernel, provenance={
        **kernel.provenance, "spec": str(spec), **_provenance(source, plan, builder)})


def open_source(tree: KernelVersion | Path, cache: Cache, *, progress: Progress = SILENT,
                refresh: bool = False) -> SourceTree:
    """The source tree that `src:` names: the archive's, or the user's as it is now.

    Raises ArchiveError, KernelError, CacheError, ToolError.
    """
    if isinstance(tree, Path):
        with progress.task(f"read {tree}"):
            return user_tree(tree)
    return upstream_tree(tree, cache, progress=progress, refresh=refresh)


def _change(tree: Path, plan: SeriesPlan) -> None:
    again = plan_series(plan.series, tree)
    if again.digest != plan.digest:
        raise KernelError(f"{plan.root} changed while it was being built: run the command again.")
    again.write()


def _provenance(source: SourceTree, plan: SeriesPlan | None, builder: Builder) -> dict[str, str]:
    found = {**source.provenance, "source digest": source.digest,
             "configuration": configuration_digest(builder.flavour),
             "compiler": builder.toolchain.version}
    if plan:
        found |= {"series": f"{plan.series.name} ({plan.state})",
                  "series digest": plan.series.digest}
    return found
