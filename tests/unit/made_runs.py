# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up runs for tests: the shape of real ones, figures of a size that kernels really have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from tailwalk.cache import digest_bytes
from tailwalk.cases import Case, Filesystem, find_cases
from tailwalk.runs import Amount, Conditions, Figure, KernelRecord, Run
from tailwalk.runs.metrics import INSTRUCTIONS, TIME, Metric, Rig
from tailwalk.runs.record import FolioCount, Missing

SEED = find_cases(["seed"])

COUNTS = {
    "debian:6.12": (2230, 5391, 2203, 5385, 7067, 41501),
    "debian:6.18": (11147, 12346, 11120, 12340, 13552, 25578),
    "src:6.18+tail": (1731, 3001, 1705, 2993, 5083, 17901),
    "debian:7.3": (2301, 3572, 2274, 3566, 4691, 17443),
}
"""Instructions a call of the seed suite, by kernel."""

_RELEASES = {
    "debian:6.12": "6.12.95+deb12-cloud-amd64",
    "debian:6.18": "6.18.15+deb13-cloud-amd64",
    "src:6.18+tail": "6.18.15",
    "debian:7.3": "7.3.4+deb14-cloud-amd64",
}
_ORDERS = {"debian:6.12": 0, "debian:6.18": 8, "src:6.18+tail": 8, "debian:7.3": 8}


def made_case(name: str = "pwrite_u1k", **changed: Any) -> Case:
    """A case of the seed suite with some parameters changed."""
    return next(case for case in SEED if case.name == name).changed(**changed)


def made_figure(case: Case, value: float, *, order: int | None = 8, **changed: Any) -> Figure:
    """An exact figure that 298 of 300 calls had; what is changed is the figure's or its amount's.
    """
    fields: dict[str, Any] = {
        "user": 9,
        "share": 298 / 300,
        "calls": [(value, 120), (value + 2411, 1), (value, 178), (value + 5873, 1)],
        "written": order,
    }
    if order is not None:
        fields["folios"] = [FolioCount(order=order, folios=2560 >> order)]
    return _figure(INSTRUCTIONS, case, value, fields | changed)


def _figure(metric: Metric, case: Case, value: float, fields: dict[str, Any]) -> Figure:
    amount = {name: fields.pop(name) for name in Amount.__struct_fields__ if name in fields}
    return Figure(case=case, **fields, metrics={
        metric.name: Amount(value=value, unit=metric.unit, **amount)})


def changed_amount(figure: Figure, **changed: Any) -> Figure:
    """A figure of one metric with its amount changed."""
    [(name, amount)] = figure.metrics.items()
    return replace(figure, metrics={name: replace(amount, **changed)})


def made_timed_figure(case: Case, samples: Sequence[float], **changed: Any) -> Figure:
    """A timed figure: the median of its samples."""
    ordered = sorted(samples)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return _figure(TIME, case, median, {"calls": [(sample, 1) for sample in samples], **changed})


def made_samples(seed: int, median: float, *, noise: float = 0.05,
                 number: int = 30) -> list[float]:
    """Samples whose true median is `median`, skewed as times are.

    They are rounded: in the last digit exp() is another in each version of NumPy and each CPU."""
    samples = median * np.exp(np.random.default_rng(seed).normal(0, noise, number))
    return [round(float(sample), 6) for sample in samples]


def made_run(spec: str, figures: Sequence[Figure], *, release: str | None = None,
             filesystem: Filesystem | None = None, machine: Mapping[str, str] | None = None,
             provenance: Mapping[str, str] | None = None, **changed: Any) -> Run:
    """A run on the exact rig; kernels of one spec and release are one kernel."""
    fields: dict[str, Any] = {
        "tailwalk": "0.1.0", "created": "2026-07-01T12:00:00Z", "rig": "exact",
        "inputs": "0" * 64,
    }
    if machine is None:
        machine = {
            "qemu": "7.2.22", "qemu digest": "ef" * 32, "cpu": "x86-64-v3 without CX16",
            "memory": "1024 MiB",
            "arguments": "-accel tcg,thread=single -icount shift=0,sleep=off -smp 1 -nodefaults",
            "kernel command line": "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable",
        }
    release = release or _RELEASES.get(spec, "6.18.15")
    return Run(
        kernel=KernelRecord(spec=spec, release=release, provenance=dict(provenance or {}),
                            digest=digest_bytes(spec.encode(), release.encode())),
        conditions=Conditions(filesystem=filesystem or Filesystem(), probe="cd" * 32,
                              machine=dict(machine)),
        figures=list(figures), **(fields | changed))


def made_timed_run(spec: str, *figures: Figure, rig: Rig = "host") -> Run:
    """A run in nanoseconds."""
    return made_run(spec, figures, rig=rig,
                    machine={"cpu model": "Xeon", "mount point": "/srv"})


def lacking(run: Run, reason: str, *names: str, failed: bool = False) -> Run:
    """The run without its figures of some cases, or else without its last."""
    left = [figure for figure in run.figures if figure.case.name in names] or run.figures[-1:]
    return replace(
        run, figures=[figure for figure in run.figures if figure not in left],
        missing=[*run.left_out, *(Missing(case=figure.case, reason=reason, failed=failed)
                                  for figure in left)])


def made_seed_run(spec: str) -> Run:
    """The seed suite on one of the kernels of `COUNTS`."""
    return made_run(spec, [made_figure(case, value, order=_ORDERS[spec])
                           for case, value in zip(SEED, COUNTS[spec], strict=True)])


def made_seed_runs(*specs: str) -> list[Run]:
    """The seed suite on some of the kernels of `COUNTS`, all of them if none is named."""
    return [made_seed_run(spec) for spec in specs or COUNTS]
