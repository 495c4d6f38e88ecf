# SPDX-License-Identifier: GPL-2.0-or-later
"""Does KVM run guests on this machine? /dev/kvm alone does not tell.

The device can open where no CPU virtualisation is behind it: in some virtual machines KVM is there
for guests that were made for it, and interprets others one instruction at a time, or stops at one
it does not know. So a guest is run that does what any kernel has to (kvm_guest.S), with a limit.
"""

from __future__ import annotations

import os
import subprocess

from tailwalk.compiling import compiler
from tailwalk.errors import ToolError
from tailwalk.machines import GUEST
from tailwalk.processes import bound, ending, run
from tailwalk.refusals import temporary_folder
from tailwalk.vm.qemu import find_qemu

# At a CPU's own speed the work takes 0.1 s; interpreted by KVM, minutes.
_ROUNDS = 100_000_000
_SECONDS = 10.0


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
    failed = try_guest("kvm", GUEST.kvm.cpu)
    if failed is None:
        return True, "a test guest went to user mode and back"
    return False, f"/dev/kvm opens, but a test guest failed: {failed}"


def try_guest(accelerator: str, cpu: str, *, seconds: float = _SECONDS,
              rounds: int = _ROUNDS) -> str | None:
    """Why the test guest does not come to its end with a QEMU accelerator and CPU model, as a
    clause; None where it does, within `seconds`.

    `rounds` (two instructions each) is the work that it does in user mode. Raises ToolError where
    QEMU or the C compiler is missing.
    """
    qemu = find_qemu()
    with temporary_folder() as folder:
        image = folder / "guest"
        status, said = run([
            compiler(GUEST.compiler), f"-DROUNDS={rounds}", *GUEST.kvm.flags, "-nostdlib",
            "-static", "-no-pie", "-o", str(image), str(GUEST.kvm.source)])
        if status:
            raise ToolError("the C compiler cannot build the guest that tries KVM:\n"
                            + said.strip())
        command = bound([
            qemu.program,
            "-nodefaults", "-no-user-config", "-display", "none", "-machine", GUEST.machine,
            "-accel", accelerator, "-cpu", cpu, "-m", "32",
            "-no-reboot",  # a triple fault ends QEMU
            *GUEST.exiting,
            "-chardev", "stdio,id=stages,signal=off",
            "-device", f"{GUEST.channel},chardev=stages",
            "-kernel", str(image),
        ])
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=seconds, check=False, start_new_session=True)
        except subprocess.TimeoutExpired as late:
            return f"after {seconds:g} seconds it was {_stage(late.stdout)}"
    if done.returncode == GUEST.kvm.status:
        return None
    if done.returncode == 0:  # -no-reboot
        return f"it was reset {_stage(done.stdout)}"
    complaints = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return (f"QEMU {ending(done.returncode)}: "
            f"{complaints[-1] if complaints else 'it gave no reason'}")


def _stage(said: bytes | None) -> str:
    return GUEST.kvm.stages.get((said or b"").decode("latin-1")[-1:], "at a place that is unknown")
