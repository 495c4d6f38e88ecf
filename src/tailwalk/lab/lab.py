# SPDX-License-Identifier: GPL-2.0-or-later
"""The service: from specs, records and a plan to runs and profiles.

What can be refused or read is so before anything is fetched, built or booted.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tailwalk.cases import Case, find_cases
from tailwalk.compare.agreement import check_conditions
from tailwalk.errors import TailwalkError, UsageError, require_type
from tailwalk.kernels import Kernel, parse_spec, resolve
from tailwalk.kernels.spec import require_measurable
from tailwalk.lab.plans import plan_like
from tailwalk.lab.records import is_spec, read_argument
from tailwalk.progress import SILENT, Progress
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import collected
from tailwalk.rigs.exact import Measured, measure_each
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run
from tailwalk.runs.metrics import RIGS
from tailwalk.runs.store import Store

if TYPE_CHECKING:
    from tailwalk.kernels.listing import Available
    from tailwalk.profile.record import Profile
    from tailwalk.programs.plan import ExecPlan
    from tailwalk.rigs.dask_pool import DaskPool
    from tailwalk.rigs.exec import Executed
    from tailwalk.rigs.programs import Asked, Ran
    from tailwalk.rigs.running import Sink

K = TypeVar("K")

_ADDRESS = re.compile(r"((tcp|tls|wss?|ucx)://)?([^\s:/\[\]]+|\[[0-9A-Fa-f:.%]+\]):[0-9]{1,5}")


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Where kernels are measured.

    Attributes:
        progress: told how far the work is.
        fresh: measure again what was measured before under identical inputs.
        dask: the address of a Dask cluster that counts; None: this machine does.
    """

    progress: Progress = SILENT
    fresh: bool = False
    dask: str | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for an address of no form that a scheduler has, whether or not there
        will be anything to count."""
        if self.dask is not None and not _ADDRESS.fullmatch(self.dask):
            raise UsageError(f"--dask {self.dask!r} is no address of a scheduler: give the one "
                             "that `dask scheduler` prints, such as tcp://HOST:8786.")

    @cached_property
    def store(self) -> Store:
        """Where runs are kept, those of programs too."""
        return Store(progress=self.progress)

    @cached_property
    def bench(self) -> Bench:
        """What every guest shares."""
        return Bench.prepare(progress=self.progress)

    @cached_property
    def pool(self) -> DaskPool | None:
        """Who counts."""
        if self.dask is None:
            return None
        from tailwalk.rigs.dask_pool import DaskPool

        return DaskPool(self.dask)

    def kernel(self, spec: str) -> Kernel:
        """The kernel of a spec, fetched or built where the cache has it not; raises as
        `resolve`."""
        return resolve(spec, progress=self.progress)

    def available(self) -> Sequence[Available]:
        """The kernels that the archive has."""
        from tailwalk.kernels.listing import list_kernels

        return list_kernels(progress=self.progress).available

    def runs(self, arguments: Sequence[str], plan: Plan | None = None) -> list[Run]:
        """The run of each argument, in order: a spec's is measured by the plan, any other is
        read (`read_argument`), and before anything is measured.

        Without a plan, specs are measured as the first run that was read, or by the suite `seed`.
        Raises UsageError where what would be measured does not compare with that run, and as
        `read_argument` and `measure`.
        """
        specs = list(dict.fromkeys(argument for argument in arguments if is_spec(argument)))
        runs = {argument: read_argument(argument, progress=self.progress)
                for argument in arguments if argument not in specs}
        if specs:
            beside = next(iter(runs.values()), None)
            plan = plan or (plan_like(beside) if beside else Plan(cases=find_cases(["seed"])))
            runs |= zip(specs, self.measure(specs, plan, beside=beside), strict=True)
        return [runs[argument] for argument in arguments]

    def measure(self, specs: Sequence[str], plan: Plan, *, beside: Run | None = None) -> list[Run]:
        """The run of each spec, on the plan's rig; on the exact one it is that which the store
        has of identical inputs, unless `fresh`.

        Raises UsageError for a kernel that checks itself, on the exact rig for figures that would
        not compare with the record `beside`, and what resolving and the rig raise.
        """
        check_specs(specs)
        _require_plan(plan)
        if not RIGS[plan.check().rig].boots:
            raise UsageError(f"the plan is for the {plan.rig} rig, which boots no kernel of a "
                             "spec: give it to measure_here, or say rig exact or timed.")
        if plan.rig != "exact":
            return self._timed(specs, plan)
        if beside is not None:  # better now than after a build
            self.check_beside(beside, specs[0], plan)
        found = self.measure_all(specs, plan)
        if reused := [spec for spec, one in zip(specs, found, strict=True) if one.reused]:
            self.progress.note(f"{', '.join(reused)}: measured before under identical inputs, "
                               "reused (--fresh measures again)")
        return [one.run for one in found]

    def measure_all(self, specs: Sequence[str], plan: Plan) -> list[Measured]:
        """As `measure`, on the exact rig alone, with whether a run was there before."""
        found = collected(self.measure_each(specs, plan))
        return [found[spec] for spec in specs]

    def measure_each(self, specs: Sequence[str],
                     plan: Plan) -> Generator[tuple[str, Measured | TailwalkError]]:
        """As `measure_all`, but one spec after the other as they finish; one that cannot be had or
        measured gives its error and does not stop the others.

        Close the iterator (contextlib.closing) to stop early.
        """
        check_specs(specs)
        plan.check_for("exact")
        bench, store = self.bench, self.store.ready()
        kernels: dict[str, Kernel] = {}
        for spec in specs:
            try:
                kernels[spec] = self.kernel(spec)
            except TailwalkError as error:
                yield spec, error
        found = list(kernels)
        with closing(measure_each(list(kernels.values()), plan, bench=bench, store=store,
                                  fresh=self.fresh, pool=self.pool)) as finished:
            for number, outcome in finished:
                yield found[number], outcome

    def check_beside(self, record: Run, spec: str, plan: Plan) -> None:
        """Raise UsageError where a spec that is measured by the plan would not compare with a
        record, such as one of another version of QEMU."""
        bench = replace(self.bench, machine=replace(self.bench.machine, append=plan.append))
        change = msgspec.structs.replace
        check_conditions(record, change(
            record, rig=plan.rig, conditions=bench.conditions(plan.filesystem),
            kernel=change(record.kernel, spec=spec, release="not measured yet")))

    def _timed(self, specs: Sequence[str], plan: Plan) -> list[Run]:
        from tailwalk.rigs.timed import require_kvm

        if self.dask is not None:
            raise UsageError(f"--dask {self.dask}: times of different machines do not compare; the "
                             "timed rig measures on this one. Leave --dask out.")
        plan.check_for("timed")
        require_kvm(self.try_kvm)  # before a kernel is fetched for it
        self.store.ready()
        runs = self.time_kernels([self.kernel(spec) for spec in specs], plan)
        for run in runs:
            self.store.keep(run)
        return runs

    def try_kvm(self) -> tuple[bool, str]:
        """As `kvm_runs_guests`."""
        from tailwalk.vm.kvm import kvm_runs_guests

        return kvm_runs_guests()

    def time_kernels(self, kernels: Sequence[Kernel], plan: Plan) -> list[Run]:
        """As `measure_timed`."""
        from tailwalk.rigs.timed import measure_timed

        return measure_timed(kernels, plan, progress=self.progress)

    def measure_here(self, directory: Path, plan: Plan) -> Run:
        """The run of this machine's own kernel on the file system of a directory; raises as
        `measure_host`."""
        from tailwalk.rigs.host import measure_host

        self.store.ready()
        run = measure_host(directory, plan, progress=self.progress)
        self.store.keep(run)
        return run

    def require_kept(self) -> None:
        """Raise RecordError unless every run that was measured is kept."""
        if "store" in vars(self):
            self.store.require_kept()

    def profiles(self, arguments: Sequence[str], plans: Sequence[Plan] = (), *,
                 as_read: bool = False) -> list[Profile]:
        """The profile of each argument, in order: a spec's is measured, by each of the plans,
        which have one case each; any other is a file that is read, and before anything is
        measured.

        With `as_read`, specs are profiled with case and file system of the first profile that was
        read, where one was. Raises RecordError, and what resolving and `profile` raise.
        """
        from tailwalk.profile.measure import profile
        from tailwalk.profile.record import read_profile

        read = {name: read_profile(Path(name)) for name in arguments if not is_spec(name)}
        specs = [name for name in arguments if name not in read]
        check_specs(specs)
        require_type("plans", plans, (list, tuple), "a list of plans, such as [Plan(cases=...)]")
        for plan in plans:
            _require_plan(plan)
            plan.check_for("exact")
        plans = plans or [Plan(cases=find_cases(["pwrite_u1k"]))]
        if read and as_read:
            first = next(iter(read.values()))
            plans = [replace(plans[0], cases=[first.figure.case],
                             filesystem=first.conditions.filesystem)]
        kernels = [self.kernel(spec) for spec in specs]
        made = iter(profile([(kernel, plan) for kernel in kernels for plan in plans],
                            bench=self.bench) if specs else ())
        return [found for name in arguments
                for found in ([read[name]] if name in read else islice(made, len(plans)))]

    def profile_each(self, specs: Sequence[str], plans: Sequence[Plan]) -> (
            dict[tuple[str, Case], Profile | TailwalkError]):
        """The profile of each plan's one case on each spec, or the error that it gave."""
        from tailwalk.profile.measure import profile_each

        subjects = [(spec, plan) for plan in plans for spec in specs]
        kernels = {spec: self.kernel(spec) for spec in specs}
        found = profile_each([(kernels[spec], plan) for spec, plan in subjects], bench=self.bench)
        with closing(found):
            return {(spec, plan.cases[0]): outcome for number, outcome in found
                    for spec, plan in [subjects[number]]}

    def execute(self, spec: str, plan: ExecPlan, *, memory: int = 1024,
                sink: Sink | None = None) -> Executed:
        """Run a program on the kernel of a spec, in a guest with so many MiB, and give the sink
        what it writes, as it is written; raises what resolving, `prepare` and `execute` raise."""
        from tailwalk.rigs.programs import Asked

        [ran] = self.execute_all([spec], Asked(plan=plan, memory=memory), sinks=[sink])
        return ran.runs[0]

    def execute_all(self, specs: Sequence[str], asked: Asked, *,
                    sinks: Sequence[Sink | None] = ()) -> list[Ran]:
        """As `execute`, on each kernel so often, guests side by side on the machine's cores, and
        keep the record of each. There is a sink for each kernel, which gets what the first of its
        runs writes, or none."""
        lab = replace(self, fresh=True)
        found = collected(lab.execute_each(list(enumerate(specs)), asked, sinks=sinks))
        return [found[number] for number in range(len(specs))]

    def execute_each(self, specs: Sequence[tuple[K, str]], asked: Asked, *,
                     sinks: Sequence[Sink | None] = ()) -> (
            Generator[tuple[K, Ran | TailwalkError]]):
        """As `execute_all`, but one kernel after the other as they finish, each under its name;
        one that cannot be had, or on which the program cannot be run, gives its error and does not
        stop the others. A record that the store has of identical inputs is taken instead, unless
        `fresh`: what the program writes is then not seen again.

        Close the iterator (contextlib.closing) to stop early.
        """
        from tailwalk.programs.prepare import prepare
        from tailwalk.rigs.programs import on_cores, run_each
        from tailwalk.rigs.running import Interrupts

        asked.check()
        check_specs([spec for _, spec in specs])
        bench = replace(self.bench, machine=asked.machine(self.bench.machine))
        # Before a kernel is fetched for it.
        prepared = prepare(asked.plan, memory=asked.memory, cache=bench.cache,
                           progress=bench.progress)
        store = self.store.ready()
        found: list[tuple[K, Kernel, Sink | None]] = []
        for (name, spec), sink in zip(specs, sinks or [None] * len(specs), strict=True):
            try:
                found.append((name, self.kernel(spec), sink))
            except TailwalkError as error:
                yield name, error
        with Interrupts() as interrupts, closing(run_each(
                [kernel for _, kernel, _ in found], asked, prepared, bench=bench, store=store,
                pool=(self.pool.programs if self.pool else on_cores)(interrupts),
                fresh=self.fresh, sinks=[sink for _, _, sink in found])) as finished:
            for number, outcome in finished:
                yield found[number][0], outcome


def _require_plan(plan: object) -> None:
    require_type("plan", plan, Plan, 'a plan, such as Plan(cases=find_cases(["pwrite_u1k"]))')


def check_specs(specs: Sequence[str]) -> None:
    """Raise SpecError for what is no spec, UsageError for a kernel that checks itself."""
    for spec in specs:
        parse_spec(spec)
    require_measurable(*specs)
