# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that panics, hangs, lacks what it needs, is killed or gives a torn result."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from made_kernels import make_module, make_modules
from mounts import mounted
from processes import first_guest_killed, gone, guests
from stand_ins import put_program
from tailwalk.cache import Cache
from tailwalk.cases import Filesystem, find_cases
from tailwalk.errors import CacheError, GuestError, KernelError, UsageError
from tailwalk.framing import FrameType
from tailwalk.probe.build import Probe
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan
from tailwalk.vm import state
from tailwalk.vm.guest import Guest
from tailwalk.vm.memory import Memory, Saved
from tailwalk.vm.qemu import Machine, Qemu

pytestmark = pytest.mark.guest

HERE = Path(__file__).parent
PLAN = Plan(cases=find_cases(["pwrite_u1k"]))


def leftovers(cache: Cache) -> list[Path]:
    """What is half made in the cache; kinds that are links lead to another's."""
    return [path for path in cache.root.glob("*/.partial-*") if not path.parent.is_symlink()]


def probe_from(source: str, folder: Path) -> Probe:
    out = folder / "init"
    subprocess.run(["cc", "-static", "-O1", "-o", out, HERE / source], check=True)
    return Probe(out, source)


@pytest.fixture
def small(kernel):
    """The kernel that these tests break."""
    return kernel("debian:6.12")


def test_a_kernel_that_panics_in_init(own_bench, small):
    plan = replace(PLAN, append="rdinit=/no/such/init init=/no/such/init")
    with pytest.raises(GuestError, match="the kernel panicked") as caught:
        measure([small], plan, bench=own_bench)
    assert "Kernel panic" in str(caught.value)
    assert not leftovers(own_bench.cache) and not guests(os.getpid())


def test_a_kernel_that_hangs(own_bench, small, tmp_path):
    hanging = replace(own_bench, probe=probe_from("hang.c", tmp_path), boot_seconds=15)
    begin = time.monotonic()
    with pytest.raises(GuestError, match="gave no sign in time"):
        measure([small], PLAN, bench=hanging)
    assert time.monotonic() - begin < 100  # not BOOT_SECONDS
    assert not leftovers(own_bench.cache) and not guests(os.getpid())


def test_a_result_cut_short(own_bench, small, tmp_path):
    torn = replace(own_bench, probe=probe_from("torn.c", tmp_path))
    with pytest.raises(GuestError, match="cut short"):
        measure([small], PLAN, bench=torn)
    assert not leftovers(own_bench.cache)


def test_a_disk_image_with_no_ext4(own_bench, small, tmp_path, monkeypatch):
    put_program(tmp_path / "mkfs.ext4", "")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(GuestError, match="cannot mount /dev/ram0 as ext4"):
        measure([small], PLAN, bench=own_bench)


def test_mount_options_the_kernel_refuses(bench, small):
    plan = replace(PLAN, filesystem=Filesystem(mount_options="data=nonsense"))
    with pytest.raises(GuestError, match="data=nonsense"):
        measure([small], plan, bench=bench)


def test_a_file_larger_than_the_guest_can_hold():
    with pytest.raises(UsageError, match="256MiB"):
        replace(PLAN, cases=[PLAN.cases[0].changed(file_size=1 << 30)]).check()


def test_a_driver_that_the_kernel_lacks(own_bench, small, tmp_path):
    empty = tmp_path / "modules"
    empty.mkdir()
    (empty / "modules.builtin").write_text("")
    (empty / "modules.dep").write_text("")
    with pytest.raises(KernelError, match="brd"):
        measure([replace(small, modules=empty)], PLAN, bench=own_bench)


def test_a_module_that_the_kernel_refuses(own_bench, small, tmp_path):
    modules = make_modules(tmp_path / "modules", {"brd.ko": make_module("brd")},
                           "kernel/fs/ext4/ext4.ko\n")
    with pytest.raises(GuestError, match="refuses its module"):
        measure([replace(small, modules=modules)], PLAN, bench=own_bench)
    assert not leftovers(own_bench.cache)


def test_a_qemu_killed_in_mid_run(bench, small):
    bench.boot(small, PLAN.filesystem)
    with first_guest_killed(), pytest.raises(GuestError, match="killed by signal 9"):
        measure([small], replace(PLAN, calls=100_000), bench=bench)


def test_one_failing_guest_stops_the_others(own_bench, small, tmp_path):
    """The other one would hang for as long as a boot may take."""
    hanging = replace(own_bench, probe=probe_from("hang.c", tmp_path), boot_seconds=300)
    begin = time.monotonic()
    with pytest.raises(GuestError, match="ended before its result"):
        measure([replace(small, image=HERE / "hang.c", digest="none"), small], PLAN, bench=hanging)
    assert time.monotonic() - begin < 150
    assert not guests(os.getpid()) and not leftovers(own_bench.cache)


def test_a_full_disk_while_the_state_is_saved(own_bench, small, tmp_path):
    with mounted(tmp_path / "small", "size=40m") as mount:
        tight = replace(own_bench, cache=Cache(mount))
        with pytest.raises(CacheError, match="no space left"):
            measure([small], PLAN, bench=tight)
        assert not leftovers(tight.cache)
        assert not list(mount.glob("state/[0-9a-f]*"))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_during_a_boot(tmp_path, small, number, status):  # noqa: ARG001
    """The tool ends with the status of its signal, QEMU is gone, nothing half-made stays."""
    root = tmp_path / "cache"
    root.mkdir()
    # The kernel comes from the user's cache, so that a boot is what is interrupted.
    for kind in ("kernels", "archive", "packages"):
        if (here := Cache().root / kind).exists():
            (root / kind).symlink_to(here)
    process = subprocess.Popen(
        [sys.executable, "-c", "from tailwalk.cli import main; main()", "run", "debian:6.12"],
        env={**os.environ, "TAILWALK_CACHE": str(root),
             "TAILWALK_RESULTS": str(tmp_path / "results")},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(3000):
            if found := guests(process.pid):
                break
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == status
    assert "Traceback" not in errors
    for pid in found:
        assert gone(pid)
    assert not leftovers(Cache(root))
    assert not list((tmp_path / "results").glob("*"))


def test_a_killed_tool_takes_its_guest_along(tmp_path, kernel, bench):  # noqa: ARG001
    script = (
        "from tailwalk.kernels.resolve import resolve\n"
        "from tailwalk.rigs.bench import Bench\n"
        "from tailwalk.rigs.exact import measure\n"
        "from tailwalk.rigs.plan import Plan\n"
        "from tailwalk.cases import find_cases\n"
        "measure([resolve('debian:6.12')], Plan(cases=find_cases(['seed']), calls=50000))\n")
    process = subprocess.Popen([sys.executable, "-c", script])
    for _ in range(3000):
        if found := guests(process.pid):
            break
        time.sleep(0.01)
    time.sleep(0.2)
    assert guests(process.pid)
    process.kill()
    process.wait()
    assert found
    assert all(map(gone, found))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Qemu]:
    """What is taken for a QEMU and says and does what it is told."""
    def make(last: str, *frames: FrameType, console: str = "") -> Qemu:
        monkeypatch.setenv("LAST", last)
        monkeypatch.setenv("FRAMES", " ".join(str(int(kind)) for kind in frames))
        monkeypatch.setenv("CONSOLE", console)
        return Qemu(str(HERE / "stand_in.py"), "7.2.22", "")

    return make


@pytest.mark.parametrize(("frames", "whole"), [
    ([FrameType.WENT_ON, FrameType.DONE], True), ([], False)])
def test_a_guest_that_ends_before_qemu_answers(tmp_path, stand_in, frames, whole):
    saved = Saved(Memory(1 << 20), b"")
    with Guest(Machine(), qemu=stand_in("cont", *frames), kernel=tmp_path, initramfs=tmp_path,
               name="early", state=saved) as guest:
        guest.start_job(120)
        deadline = time.monotonic() + 120
        if whole:
            assert guest.frame(deadline).type is FrameType.DONE
        else:
            with pytest.raises(GuestError, match="ended before its result"):
                guest.frame(deadline)


def test_a_panic_between_two_commands_is_named(tmp_path, stand_in):
    qemu = stand_in("greeting", console="Kernel panic - not syncing: no init\n")
    with Guest(Machine(), qemu=qemu, kernel=tmp_path, initramfs=tmp_path, name="early") as guest:
        guest._process.wait(120)
        with pytest.raises(GuestError, match=r"the kernel panicked .*: no init"):
            guest.command("query-status", time.monotonic() + 120)


def test_a_guest_that_has_stopped_before_anybody_listens_is_saved(tmp_path, stand_in, small):
    """QEMU tells of it by an event that only those hear who have greeted it."""
    image = tmp_path / "vmlinux"
    image.write_bytes(b"")
    start = state.Start(replace(small, image=image), b"", "0" * 64)
    booted = state.boot(start, Machine(), qemu=stand_in("quit", FrameType.READY),
                        cache=Cache(tmp_path / "cache"), seconds=120)
    assert booted.state.memory.size == Machine().memory_bytes
