# SPDX-License-Identifier: GPL-2.0-or-later
"""The host rig: cases on this machine's own kernel and file system, in nanoseconds.

The probe is pinned to one CPU and works on a file without a name. No step needs root; root
alone may see which folios cache the file.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from tailwalk.cache import digest_bytes
from tailwalk.cases import Case
from tailwalk.host.surroundings import (
    CpuWatch,
    DiskWatch,
    allowed_cpu,
    examine_place,
    machine_facts,
    running_kernel,
)
from tailwalk.host.worker import Worker
from tailwalk.probe.build import Probe, build_probe
from tailwalk.probe.job import job_line
from tailwalk.probe.protocol import read_times
from tailwalk.progress import SILENT, Progress
from tailwalk.rigs.job import CaseError, case_line, measured_run, measuring
from tailwalk.rigs.plan import LEAST_ROUNDS, Plan
from tailwalk.rigs.timing import (
    TRIAL_BATCHES,
    TRIAL_CALLS,
    Batches,
    Record,
    batches_for,
    make_figure,
    method_notes,
    round_lines,
    round_order,
    take_round,
    time_line,
)
from tailwalk.runs import Conditions, Run
from tailwalk.runs.record import Missing, made_now


def measure_host(directory: Path, plan: Plan, *, probe: Probe | None = None,
                 progress: Progress = SILENT) -> Run:
    """Measure the plan's cases on the file system of a directory, with this probe or the usual one.

    Raises UsageError for a plan or directory that makes no sense, HostError where the directory
    cannot be measured in, ToolError where the probe cannot be built.
    """
    plan.check_for("host")
    cpu = allowed_cpu(plan.cpu)
    place = examine_place(directory, max(case.get("file_size") or 0 for case in plan.cases))
    probe = probe or build_probe()
    watches = CpuWatch(cpu), DiskWatch(place.directory)
    cases, missing = plan.parted(place.filesystem.kind)
    records = _all_rounds(probe, place.directory, replace(plan, cases=cases), cpu=cpu,
                          watches=watches, missing=missing, progress=progress)
    notes = method_notes(list(records.values()))
    for watch in watches:
        notes += watch.notes()
    kernel = running_kernel()
    conditions = Conditions(filesystem=place.filesystem, probe=probe.digest,
                            machine={"mount point": place.mount_point, **machine_facts(cpu)})
    return measured_run(
        [make_figure(records[case], notes) for case in cases if case in records], missing,
        **made_now(), rig="host", kernel=kernel, conditions=conditions,
        inputs=digest_bytes(kernel.digest.encode(), msgspec.json.encode(conditions),
                            msgspec.json.encode(plan.cases), str(plan.pace).encode()))


def _all_rounds(probe: Probe, directory: Path, plan: Plan, *, cpu: int,
                watches: Sequence[CpuWatch | DiskWatch], missing: list[Missing],
                progress: Progress) -> dict[Case, Record]:
    """The records of the cases; of those that turn out to have no figure why, in `missing`.

    Every round has a process and a file of its own: where their memory happens to lie moves
    figures by some percent, and is not to be the same in all samples.
    """
    begin = time.monotonic()
    records: dict[Case, Record] = {}
    cases = list(plan.cases)
    number = 0
    with progress.task("measure", plan.pace.rounds) as task:
        while cases and number <= plan.pace.rounds:
            late = plan.pace.seconds is not None and time.monotonic() - begin > plan.pace.seconds
            if late and number > LEAST_ROUNDS:
                break
            with Worker(probe, directory) as worker:
                worker.tell(job_line("pin", cpu=cpu))
                try:
                    if number == 0:
                        records = _first_look(worker, cases)
                    else:
                        groups = round_order(cases, number)
                        worker.tell(round_lines(groups, records))
                        take_round(groups, records, worker.answer)
                        task.advance()
                except CaseError as error:
                    missing.append(error.missing)
                    cases.remove(error.missing.case)
                    records.pop(error.missing.case, None)
                    continue
                for watch in watches:
                    watch.account(worker.pid)
            number += 1
    return records


def _first_look(worker: Worker, cases: Sequence[Case]) -> dict[Case, Record]:
    """A record of each case, with nothing in it but how the case is to be timed."""
    records = {}
    for group in round_order(cases, 0):
        worker.tell(case_line("prepare", group[0]))
        for case in group:
            worker.tell(time_line(case, Batches(TRIAL_BATCHES, TRIAL_CALLS)))
            with measuring(case):
                records[case] = Record(case, batches_for(read_times(worker.answer())))
    return records
