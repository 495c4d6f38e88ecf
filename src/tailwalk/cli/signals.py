# SPDX-License-Identifier: GPL-2.0-or-later
"""What ends a command from outside."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

_LOST_WITHIN = 0.5
"""Seconds after which an end that was passed over is begun again."""


def end_by_signals() -> None:
    """Let SIGINT, SIGTERM and SIGHUP end the command, as far as they are not ignored."""
    for number, end in ((signal.SIGTERM, _terminate), (signal.SIGHUP, _terminate),
                        (signal.SIGINT, _interrupt)):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, end)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    # timeout(1) sends its signal twice, to the process and to its group: the second must not end
    # the cleaning up that the first began.
    for other in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    _end(SystemExit(128 + number))


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    _end(KeyboardInterrupt())


def _end(end: BaseException) -> NoReturn:
    """Raise it, and once more wherever it was passed over: by a bare `except:` in a library that
    is being imported, or in a destructor, out of which Python lets nothing come."""
    def look(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        handled = sys.exception()
        while handled is not None and handled is not end:
            handled = handled.__context__
        if handled is None:  # nobody is cleaning up after it
            raise end

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOST_WITHIN, _LOST_WITHIN)
    raise end


def ended() -> None:
    """Nothing is left to end but the process."""
    signal.setitimer(signal.ITIMER_REAL, 0)
