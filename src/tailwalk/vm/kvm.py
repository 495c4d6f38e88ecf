# SPDX-License-Identifier: GPL-2.0-or-later
"""Does KVM run guests on this machine? /dev/kvm alone does not tell.

The device can open where no CPU virtualisation is behind it: in some virtual machines KVM is there
for guests that were made for it, and interprets others one instruction at a time, or stops at one
it does not know. So a guest is run that does what any kernel has to (kvm_guest.S), with a limit.
"""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tailwalk.compiling import compiler
from tailwalk.errors import ToolError
from tailwalk.refusals import temporary_folder
from tailwalk.vm.qemu import Qemu, find_qemu

TIMED_CPU = "host,-arch-capabilities"
"""CPU model of guests under KVM: this machine's own. Without IA32_ARCH_CAPABILITIES, which some
hypervisors offer and then refuse to set, so that QEMU aborts; it tells a guest which mitigations
it needs, and guests run with none."""

# At a CPU's own speed the work takes 0.1 s; interpreted by KVM, minutes.
_ROUNDS = 100_000_000
_OUTCOME = 0x29
_STATUS = _OUTCOME << 1 | 1  # of QEMU: what isa-debug-exit makes of the byte
_SECONDS = 10.0

_STAGES = {
    "": "before its first instruction",
    "p": "on its way to 64-bit mode",
    "l": "at an exception",
    "x": "in user mode or on its way there and back",
    "u": "at its end",
}


def kvm_runs_guests() -> tuple[bool, str]:
    """Whether an ordinary guest runs under KVM here, and what was found, as a clause.

    Takes half a second where one does, at most 10 seconds where not. Raises ToolError where QEMU
    or the C compiler is missing.
    """
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        return False, ("there is no /dev/kvm: this machine's CPU or firmware offers no "
                       "virtualisation, or the module kvm_intel or kvm_amd is not loaded")
    except PermissionError:
        return False, ("/dev/kvm may not be opened by this user: as root, run usermod -aG kvm "
                       "USER, and log in again")
    except OSError as error:
        return False, f"/dev/kvm cannot be opened ({error.strerror})"
    trial = try_guest("kvm", TIMED_CPU)
    if trial.ran:
        return True, "a test guest went to user mode and back"
    return False, f"/dev/kvm opens, but a test guest failed: {trial.reason}"


@dataclass(frozen=True)
class Trial:
    """Whether the test guest came to its end; if not, why, as a clause."""

    ran: bool
    reason: str = ""


def try_guest(accelerator: str, cpu: str, *, seconds: float = _SECONDS,
              rounds: int = _ROUNDS) -> Trial:
    """Run the test guest with a QEMU accelerator and CPU model for at most `seconds`.

    `rounds` (two instructions each) is the work that it does in user mode. Raises ToolError where
    QEMU or the C compiler is missing.
    """
    qemu = find_qemu()
    with temporary_folder() as folder:
        image = folder / "guest"
        _build(image, rounds)
        return _run(qemu, accelerator, cpu, image=image, seconds=seconds)


def _build(image: Path, rounds: int) -> None:
    source = files("tailwalk.vm").joinpath("kvm_guest.S").read_bytes()
    done = subprocess.run(
        [compiler(), "-x", "assembler-with-cpp", f"-DROUNDS={rounds}", f"-DOUTCOME={_OUTCOME}",
         "-nostdlib", "-static", "-no-pie", "-Wl,-Ttext=0x100000,--build-id=none,-e,start",
         "-o", str(image), "-"],
        input=source, capture_output=True, check=False)
    if done.returncode:
        raise ToolError("the C compiler cannot build the guest that tries KVM:\n"
                        + done.stderr.decode("utf-8", "replace").strip())


def _run(qemu: Qemu, accelerator: str, cpu: str, *, image: Path, seconds: float) -> Trial:
    command = [
        # The kernel kills QEMU if the thread that started it dies (prctl(2)).
        "setpriv", "--pdeathsig", "KILL", "--", qemu.program,
        "-nodefaults", "-no-user-config", "-display", "none", "-machine", "pc",
        "-accel", accelerator, "-cpu", cpu, "-m", "32",
        "-no-reboot",  # a triple fault ends QEMU
        "-device", "isa-debug-exit,iobase=0x501,iosize=1",
        "-chardev", "stdio,id=stages,signal=off",
        "-device", "isa-debugcon,iobase=0xe9,chardev=stages",
        "-kernel", str(image),
    ]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=seconds, check=False, start_new_session=True)
    except subprocess.TimeoutExpired as late:
        return Trial(False, f"after {seconds:g} seconds it was {_stage(late.stdout)}")
    if done.returncode == _STATUS:
        return Trial(True)
    if done.returncode == 0:  # -no-reboot
        return Trial(False, f"it was reset {_stage(done.stdout)}")
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    how = (f"was killed by {signal.Signals(-done.returncode).name}" if done.returncode < 0
           else f"ended with status {done.returncode}")
    return Trial(False, f"QEMU {how}: {said[-1] if said else 'it gave no reason'}")


def _stage(said: bytes | None) -> str:
    return _STAGES.get((said or b"").decode("latin-1")[-1:], "at a place that is unknown")
