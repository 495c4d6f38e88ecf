# SPDX-License-Identifier: GPL-2.0-or-later
"""What the frames hold that the probe sends."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tailwalk.errors import GuestError
from tailwalk.framing import Frame, FrameType

_ORDERS = 32


@dataclass(frozen=True)
class Ready:
    """What a kernel that has booted says of itself.

    Attributes:
        release: `uname -r`.
        modalias: model and features of the CPU (/sys/devices/system/cpu/modalias); empty where the
            kernel does not show it.
        crypto: /proc/crypto; empty where there is none.
    """

    release: str
    modalias: str
    crypto: str


@dataclass(frozen=True)
class Folios:
    """Which folios cached the file: `counts` maps an order to a number of folios, `written` is
    the order of the folio at the case's offset. Both None where the kernel shows no page flags."""

    counts: dict[int, int] | None
    written: int | None


@dataclass(frozen=True)
class Calls:
    """Instructions between the two counter reads: of no call at all, and of each call in order.
    `nothing` is None where what is measured has a user side of its own. A call has so many
    `steps`."""

    nothing: int | None
    counts: tuple[int, ...]
    steps: int = 1


@dataclass(frozen=True)
class Times:
    """Batches of calls timed by the clock.

    Attributes:
        calls: in a batch.
        clock: what reading the clock costs, ns.
        batches: duration of each batch in order of time, ns.
        seeks: duration of batches of what comes before each call alone, such as lseek(2), where
            it is a part of the batches.
        voluntary: context switches of the probe while it measured, that it asked for.
        involuntary: those that it did not ask for.
    """

    calls: int
    clock: float
    batches: tuple[int, ...]
    seeks: tuple[int, ...]
    voluntary: int
    involuntary: int


class LeftOutError(GuestError):
    """The probe says why a case has no figure; `failed` where it failed."""

    def __init__(self, reason: str, *, failed: bool) -> None:
        super().__init__(reason)
        self.failed = failed


def read_ready(frame: Frame) -> Ready:
    """The content of a READY frame (probe/guest.c); raises GuestError for another frame."""
    frame.expect(FrameType.READY)
    release, _, rest = frame.text.partition("\n")
    modalias, _, crypto = rest.partition("\n")
    return Ready(release, modalias, crypto)


def read_folios(frame: Frame) -> Folios:
    """The content of a FOLIOS frame; raises GuestError for another frame, and LeftOutError for one
    in its place that says why there is none."""
    words = _words(frame, FrameType.FOLIOS, 2 + _ORDERS)
    if not words[0]:
        return Folios(None, None)
    return Folios({order: count for order, count in enumerate(words[2:]) if count}, words[1])


def read_calls(frame: Frame, calls: int) -> Calls:
    """The content of a CALLS frame that has to hold `calls` calls; raises as `read_folios`."""
    steps, nothing, *counts = _words(frame, FrameType.CALLS, calls + 2)
    return Calls(nothing or None, tuple(counts), steps)


def read_times(frame: Frame) -> Times:
    """The content of a TIMES frame (struct times in probe/timing.c); raises as `read_folios`."""
    count = len(frame.payload) // 8
    words = _words(frame, FrameType.TIMES, max(count, 5))
    batches, calls, clock, voluntary, involuntary = words[:5]
    durations = words[5:]
    if len(durations) not in (batches, 2 * batches):
        raise GuestError(f"the probe's TIMES frame holds {len(durations)} durations of {batches} "
                         "batches: the result is torn.")
    return Times(calls=calls, clock=clock / 1000, batches=durations[:batches],
                 seeks=durations[batches:], voluntary=voluntary, involuntary=involuntary)


def read_written(frame: Frame, calls: int) -> tuple[int, ...] | None:
    """The content of a WRITTEN frame: bytes that each of so many calls wrote to disks; None where
    the kernel does not tell. Raises as `read_folios`."""
    return _words(frame, FrameType.WRITTEN, calls) if frame.payload else None


def require_done(frame: Frame) -> None:
    """Raise LeftOutError for a frame that says why what was to be made is not there, GuestError
    for any other but the one that says that it is done."""
    _require_result(frame)
    frame.expect(FrameType.DONE, 0)


def _require_result(frame: Frame) -> None:
    if frame.type in (FrameType.FAILED, FrameType.MISSING):
        raise LeftOutError(frame.text, failed=frame.type is FrameType.FAILED)


def _words(frame: Frame, wanted: FrameType, count: int) -> tuple[int, ...]:
    _require_result(frame)
    return struct.unpack(f"<{count}Q", frame.expect(wanted, 8 * count))
