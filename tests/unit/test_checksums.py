# SPDX-License-Identifier: GPL-2.0-or-later
"""Which code computes a checksum, from what a booted kernel says."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_profiles import made_profile
from made_runs import made_case, made_figure, made_run

from tailwalk.compare import compare
from tailwalk.compare.steps import track
from tailwalk.errors import GuestError
from tailwalk.framing import Frame, FrameType
from tailwalk.machines import GUEST
from tailwalk.probe.protocol import Ready, read_ready
from tailwalk.report.profile_words import profile_conditions
from tailwalk.runs.notes import SOFTWARE_CHECKSUMS, grouped_notes
from tailwalk.vm.checksums import Checksum, checksums
from tailwalk.vm.state import KernelSaid

PLAIN = "cpu:type:x86,ven0002fam000Fmod006B:feature:,0000,0001,0089,0099\n"
WITH_SSE42 = "cpu:type:x86,ven0002fam000Fmod006B:feature:,0000,0001,0089,0094,0099\n"
GENERIC = """\
name         : crc32c
driver       : crc32c-generic
module       : kernel
priority     : 100
type         : shash
"""
INTEL = """\
name         : crc32c
driver       : crc32c-intel
module       : crc32c_intel
priority     : 200
type         : shash
"""
SHA = """\
name         : sha256
driver       : sha256-generic
priority     : 100
"""
BEFORE_LIBRARY = {"__crc32c_le", "crc32c"}
IN_SOFTWARE = ("crc32c is computed in software by crc32c-generic, though the CPU has an "
               "instruction for it (SSE4.2)")


def found(modalias: str, crypto: str, *names: str) -> dict[str, Checksum]:
    said = checksums(Ready("6.12.0", modalias.rstrip(), crypto), set(names).__contains__)
    return {one.name: one for one in said}


def test_the_driver_of_the_highest_priority_computes_it() -> None:
    for crypto in (f"{GENERIC}\n{INTEL}\n{SHA}", f"{SHA}\n{INTEL}\n{GENERIC}"):
        assert found(WITH_SSE42, crypto, *BEFORE_LIBRARY) == {
            "crc32c": Checksum("crc32c", "crc32c-intel"),
            "sha256": Checksum("sha256", "sha256-generic")}


def test_software_is_called_so_where_the_cpu_has_an_instruction() -> None:
    slow = found(WITH_SSE42, GENERIC, *BEFORE_LIBRARY)["crc32c"]
    assert slow == Checksum("crc32c", "crc32c-generic", "SSE4.2")
    assert not found(PLAIN, GENERIC, *BEFORE_LIBRARY)["crc32c"].unused


@pytest.mark.parametrize(("modalias", "names", "code", "unused"), [
    (WITH_SSE42, ("crc32c", "crc32_optimizations"),
     "the kernel's library, by instructions of the CPU", ""),
    (PLAIN, ("crc32c", "crc32_optimizations"), "the kernel's library, for any CPU", ""),
    (WITH_SSE42, ("crc32c",), "the kernel's library, for any CPU", "SSE4.2"),
])
def test_a_library_chooses_by_the_cpu(modalias: str, names: tuple[str, ...], code: str,
                                      unused: str) -> None:
    library_driver = GENERIC.replace("generic", "lib")
    assert found(modalias, library_driver, *names)["crc32c"] == Checksum("crc32c", code, unused)


def test_a_driver_that_calls_the_library_does_not_say_by_which_code() -> None:
    wrapper = SHA.replace("generic", "lib")
    assert found(WITH_SSE42, wrapper)["sha256"] == Checksum("sha256", "the kernel's library")


def test_what_is_not_said_is_not_known() -> None:
    assert found("", "") == {}
    assert found(WITH_SSE42, "name : crc32c\n\npriority: 5\n\ndriver : x") == {}


@given(st.text(), st.text())
def test_any_text_can_be_read(modalias: str, crypto: str) -> None:
    for one in found(modalias, crypto, "crc32c").values():
        assert one.code


@given(st.permutations([GENERIC, INTEL, SHA]))
def test_the_order_of_proc_crypto_says_nothing(blocks: list[str]) -> None:
    assert found(WITH_SSE42, "\n".join(blocks), *BEFORE_LIBRARY)["crc32c"].code == "crc32c-intel"


def test_a_ready_frame_holds_release_cpu_and_crypto() -> None:
    frame = Frame(FrameType.READY, f"6.12.118\n{WITH_SSE42}{GENERIC}\n{INTEL}".encode())
    assert read_ready(frame) == Ready("6.12.118", WITH_SSE42.rstrip(), f"{GENERIC}\n{INTEL}")
    assert read_ready(Frame(FrameType.READY, b"5.4")) == Ready("5.4", "", "")
    with pytest.raises(GuestError, match="a DONE frame where READY was due"):
        read_ready(Frame(FrameType.DONE, b""))


def test_records_name_the_code_and_tables_what_is_slow() -> None:
    said = KernelSaid("6.12.118", tuple(found(WITH_SSE42, f"{GENERIC}\n{SHA}",
                                              *BEFORE_LIBRARY).values()))
    assert said.provenance() == {
        "checksum crc32c": "crc32c-generic", "checksum sha256": "sha256-generic",
        "checksums in software": IN_SOFTWARE}
    run = made_run("debian:6.12", [made_figure(made_case(), 2224)], provenance=said.provenance())
    assert grouped_notes(run) == [
        f"{IN_SOFTWARE}: what writes metadata is dearer here than on a server"]


def test_every_table_of_a_kernel_that_sums_in_software_says_so() -> None:
    slow = {SOFTWARE_CHECKSUMS: IN_SOFTWARE}
    runs = [made_run("debian:6.12", [made_figure(made_case(), 2224)], provenance=slow),
            made_run("debian:6.18", [made_figure(made_case(), 11117)])]
    said = f"debian:6.12, {IN_SOFTWARE}: what writes metadata is dearer here than on a server"
    assert compare(runs).notes == [said]
    assert track(runs).notes == [said]
    profiles = [msgspec.structs.replace(made_profile([("vfs_write", -1, 9)]), kernel=run.kernel)
                for run in runs]
    assert ("note", said) in profile_conditions(profiles, ["a", "b"])


def test_the_guests_cpu_has_a_short_name_and_any_other_its_own() -> None:
    assert GUEST.show_cpu(GUEST.cpu) == "x86-64-v3 without CX16"
    assert GUEST.show_cpu("qemu64,-cx16") == "qemu64,-cx16"
    assert len(GUEST.show_cpu(GUEST.cpu)) <= 40, "longer facts are left out under a table"
