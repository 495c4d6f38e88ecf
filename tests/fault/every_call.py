# SPDX-License-Identifier: GPL-2.0-or-later
"""Every call to the file system with which something is kept, failed in turn.

What a comparison keeps is kept here without a guest: a kernel is unpacked, its modules are put in
order, a state and a record are written, the record is found again. Run as a program it begins
itself anew with the library of failing.c, lets every call fail with every error, once and from
then on, and prints how many trials there were: `python tests/fault/every_call.py`.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "unit")]

from made_runs import made_case, made_figure, made_run  # noqa: E402
from storage import ERRORS, Faults, check_whole  # noqa: E402

from made_kernels import kernel_debs  # noqa: E402
from tailwalk.cache import Cache, digest_bytes  # noqa: E402
from tailwalk.errors import TailwalkError  # noqa: E402
from tailwalk.kernels.modules import load_order  # noqa: E402
from tailwalk.kernels.resolve import resolve  # noqa: E402
from tailwalk.refusals import temporary_folder  # noqa: E402
from tailwalk.runs.store import Store  # noqa: E402

_STATE = bytes(range(256)) * 600


def keep(home: Path, package: Path) -> list[object]:
    """Do what keeps something; what was kept, as it is read again."""
    cache = Cache(home / "cache")
    kernel = resolve(f"image:{package}", cache=cache)
    modules = load_order(kernel, ["brd"], cache=cache)

    def make(folder: Path) -> None:
        with (folder / "state").open("wb", buffering=0) as stream:
            for at in range(0, len(_STATE), 1 << 16):
                if stream.write(part := _STATE[at:at + (1 << 16)]) != len(part):
                    raise OSError("a short write")
        with temporary_folder() as temporary:
            (temporary / "said").write_bytes(kernel.release.encode())
            shutil.copyfile(temporary / "said", folder / "said")

    state = cache.entry("state", digest_bytes(kernel.digest.encode()), make)
    store = Store(home / "runs").ready()
    run = made_run("debian:6.18", [made_figure(made_case(), 11117)])
    if store.find(run.inputs) is None:
        store.add(run)
    found = store.find(run.inputs)
    return [kernel.image.read_bytes(), kernel.digest, modules,
            *(path.read_bytes() for path in sorted(state.glob("[!.]*"))),
            found and found.figures, [entry.file for entry in store.select()]]


def trial(home: Path, package: Path, expected: list[object], faults: Faults) -> str:
    """How it ends where the call chosen fails; raises AssertionError where what is kept is wrong,
    or the next time is not as if nothing had happened."""
    temporary = home.parent / "tmp"
    try:
        kept = keep(home, package)
    except (TailwalkError, OSError) as error:  # the command line has words for both
        ended = type(error).__name__
    else:
        *rest, found, listed = kept
        # A record that cannot be read is passed over.
        assert rest == expected[:-2] and found in (None, expected[-2]) and (
            listed in ([], expected[-1])), f"{faults.said()[:1]}: something else was kept"
        ended = "right"
    failed = faults.said()[:1]
    faults.choose(0)
    assert keep(home, package) == expected, f"after {failed} ({ended}) something else was kept"
    check_whole(home / "cache", temporary)
    return ended if failed else "nothing failed"


def main() -> None:
    """Make the trials."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="Make one of so many trials.")
    given = parser.parse_args()
    if "FAULT_HOME" not in os.environ:
        with tempfile.TemporaryDirectory() as name:
            base = Path(name).resolve()
            (base / "tmp").mkdir()
            faults = Faults(base, (base / "home", base / "tmp"))
            status = os.spawnve(
                os.P_WAIT, sys.executable, [sys.executable, *sys.argv],
                {**os.environ, **faults.environment, "FAULT_HOME": name,
                 "TMPDIR": str(base / "tmp")})
        sys.exit(status)
    base = Path(os.environ["FAULT_HOME"]).resolve()
    faults = Faults(base, (base / "home", base / "tmp"))
    (name, content), = kernel_debs("6.18.15", "6.18.15-1").items()
    (base / name).write_bytes(content)
    ends: Counter[str] = Counter()
    wrong = 0
    number = 0
    for warm in (False, True):
        shutil.rmtree(base / "home", ignore_errors=True)
        faults.choose(0)
        expected = keep(base / "home", base / name)
        if warm:
            faults.choose(0)
            assert keep(base / "home", base / name) == expected
        calls = faults.said()
        print(f"{len(calls)} calls, {'all there before' if warm else 'nothing there before'}")
        for at, error, on in itertools.product(range(1, len(calls) + 1), ERRORS, (False, True)):
            number += 1
            if number % given.every or (on and error == "EINTR"):
                continue
            if not warm:
                faults.choose(0)
                shutil.rmtree(base / "home")
            faults.choose(at, error, on=on)
            try:
                ends[trial(base / "home", base / name, expected, faults)] += 1
            except Exception as problem:  # whatever it is, it is named, and the rest goes on
                wrong += 1
                print(f"WRONG {calls[at - 1]} {error}{' from then on' * on}: {problem!r}")
                faults.choose(0)
                shutil.rmtree(base / "home", ignore_errors=True)
                keep(base / "home", base / name)
    print(f"{ends.total() + wrong} trials, of which {wrong} broke what is promised: "
          + ", ".join(f"{count} ended with {end}" for end, count in ends.most_common()))
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
