# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk upgrade` on a lab of made-up kernels, which boots nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result
from made_lab import MadeLab
from made_profiles import made_profile
from made_runs import made_figure, made_run

from tailwalk.cases import Case
from tailwalk.cli import group
from tailwalk.errors import (
    KernelError,
)
from tailwalk.kernels import Kernel
from tailwalk.profile.record import Profile
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run

OLD, NEW, LATER = "debian:6.12", "debian:6.18", "debian:7.3"
COUNTS = {
    "pwrite_u1k": (2224, 11117, 2271), "writev_u10k": (41398, 25597, 17466),
    "fdatasync_u1k": (9298, 34248, 33294), "msync_u1": (10502, 559134, 557120),
    "touch_u4k": (3713, 23505, 23391), "rename_u": (79258, 39337, 38970),
    "append_fdatasync_u8k": (109516, 114409, 121001), "read_u1k": (1500, 1512, 1498),
    "getpid": (118, 118, 125), "stat_usr": (1904, 1904, 1950),
}
NAMES = tuple(COUNTS)
KERNELS = {made_run(spec, []).kernel.exact_spec: made_run(spec, []).kernel
           for spec in (OLD, NEW, LATER)}
FEW = [part for name in NAMES for part in ("--case", name)]
WALKS = {"pwrite_u1k": ("ext4_block_write_begin", "block_commit_write"),
         "fdatasync_u1k": ("ext4_bio_write_folio", "ext4_finish_bio"),
         "msync_u1": ("bio_add_folio", "bvec_try_merge_page"),
         "touch_u4k": ("create_empty_buffers", "kmem_cache_alloc_noprof")}


def made(spec: str, plan: Plan) -> Run:
    """The run of a kernel of the headline by a plan: figures of `COUNTS`, and of other cases one
    that is the same on each; for a fill other than 1 MiB what 6.12 has."""
    column = [OLD, NEW, LATER].index(spec)
    return made_run(spec, [
        made_figure(case, COUNTS.get(case.name, (1000,) * 3)[
            column if case.get("fill") in (None, 1 << 20) else 0], order=None)
        for case in plan.cases])


def kernel(spec: str) -> Kernel:
    """The kernel of a spec, such as debian:6.12, and of that very release, debian:6.12.95."""
    record = next(one for exact, one in KERNELS.items() if spec in (one.spec, exact))
    return Kernel(spec=spec, release=record.release, digest=record.digest, image=Path("none"))


def profile(exact: str, case: Case) -> Profile:
    """A call whose difference is in the two functions of `WALKS`, in the first two thirds of it."""
    spec = KERNELS[exact].spec
    if case.name not in WALKS:
        raise KernelError(f"the calls of {case.name} on {spec} differ too much")
    old, new = COUNTS[case.name][:2]
    more = 0 if spec == OLD else new - old
    first, second = WALKS[case.name]
    run = made(spec, Plan(cases=[case]))
    return made_profile(
        [("do_syscall_64", -1, old - 200), (first, 0, 100 + more * 2 // 3),
         (second, 1, 100 + more - more * 2 // 3)], spec=spec, case=case, digest=run.kernel.digest)


class Desk:
    """`tailwalk upgrade` on a lab that boots nothing."""

    def __init__(self, run: Callable[[str, Plan], Run] = made) -> None:
        self.lab = MadeLab(run=run, named=kernel, profile=profile)

    def on(self, lab: MadeLab) -> Desk:
        self.lab = lab
        return self

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(group, ["upgrade", *arguments], obj=self.lab)


ACCEPTED = """\
[[accepted]]
case = "*"
ratio = {}
reason = "large folios"
until = 2999-12-31
"""
