# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab that boots nothing, for commands: `CliRunner().invoke(group, ..., obj=lab)`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tailwalk.cache import digest_bytes
from tailwalk.cases import Case
from tailwalk.errors import KernelError, TailwalkError
from tailwalk.kernels import Kernel
from tailwalk.kernels.listing import Available
from tailwalk.lab.lab import Lab
from tailwalk.profile.record import Profile
from tailwalk.rigs.exact import Measured
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run


def made_kernel(spec: str) -> Kernel:
    return Kernel(spec=spec, release="6.18.15", image=Path("none"),
                  digest=digest_bytes(spec.encode()))


def available(release: str) -> Available:
    """A kernel of the archive."""
    return Available(
        spec=f"debian:{release}", line=".".join(release.split(".")[:2]), version=f"{release}-1",
        release=f"{release}-amd64", suite="trixie", packages=[], missing=[], download=0,
        newest=False, cached=False)


@dataclass(frozen=True, kw_only=True)
class MadeLab(Lab):
    """A lab whose rigs are `run`: the run of a spec by a plan, or an error that it raises.

    Attributes:
        releases: what the archive has.
        kvm: does KVM run guests, and what was tried?
        named: the kernel of a spec.
        profile: that of a spec and a case, or an error that it raises; None: no kernel has one.
        fetched: the specs whose kernels were.
        asked: the specs of each measurement, its plan, and whether it was to be made afresh.
    """

    run: Callable[[str, Plan], Run]
    releases: Sequence[Available] = ()
    kvm: tuple[bool, str] = (True, "")
    named: Callable[[str], Kernel] = made_kernel
    profile: Callable[[str, Case], Profile] | None = None
    fetched: list[str] = field(default_factory=list)
    asked: list[tuple[tuple[str, ...], Plan, bool]] = field(default_factory=list)

    def try_kvm(self) -> tuple[bool, str]:
        return self.kvm

    def kernel(self, spec: str) -> Kernel:
        self.fetched.append(spec)
        return self.named(spec)

    def available(self) -> Sequence[Available]:
        return self.releases

    def measure_each(self, specs: Sequence[str],
                     plan: Plan) -> Generator[tuple[str, Measured | TailwalkError]]:
        self.asked.append((tuple(specs), plan, self.fresh))
        outcomes: list[tuple[str, Measured | TailwalkError]] = []
        for spec in specs:
            try:
                outcomes.append((spec, Measured(self.run(spec, plan), False)))
            except TailwalkError as error:
                outcomes.append((spec, error))
        yield from reversed(outcomes)  # they do not finish in order

    def profile_each(self, specs: Sequence[str], plans: Sequence[Plan]) -> (
            dict[tuple[str, Case], Profile | TailwalkError]):
        found: dict[tuple[str, Case], Profile | TailwalkError] = {}
        for spec, case in ((spec, plan.cases[0]) for plan in plans for spec in specs):
            try:
                if self.profile is None:
                    raise KernelError(f"{spec} names no functions")
                found[spec, case] = self.profile(spec, case)
            except TailwalkError as error:
                found[spec, case] = error
        return found

    def time_kernels(self, kernels: Sequence[Kernel], plan: Plan) -> list[Run]:
        specs = tuple(kernel.spec for kernel in kernels)
        self.asked.append((specs, plan, self.fresh))
        return [self.run(spec, plan) for spec in specs]

    def check_beside(self, record: Run, spec: str, plan: Plan) -> None:
        """No QEMU is looked for."""
