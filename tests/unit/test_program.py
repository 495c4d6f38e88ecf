# SPDX-License-Identifier: GPL-2.0-or-later
"""A program on several kernels: what differs, where, and how it is told."""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec
import pytest
from golden_files import check_golden
from made_profiles import frame
from made_programs import (
    NEW,
    OLD,
    Paths,
    made_on_kernel,
    made_on_several_cpus,
    made_program,
    made_row,
)
from rich.console import Console

from tailwalk.compare.program import compare_program, nodes_of, parts
from tailwalk.errors import GuestError, KernelError, RecordError
from tailwalk.framing import FrameType
from tailwalk.report.grid import Shown
from tailwalk.report.program import change_sentences, program_shown
from tailwalk.report.terminal import terminal
from tailwalk.rigs.counted import read_counts
from tailwalk.rigs.labels import labels_of
from tailwalk.runs.program import ProgramOnKernel, Repetitions, Requests, read_program_record
from tailwalk.runs.record import encode


def rendered(shown: Shown) -> str:
    console = Console(width=80, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(terminal(shown, console))
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


SYMBOLS = """\
ffffffff81000000 T _stext
ffffffff81000010 T __entry_text_start
ffffffff81000080 T entry_SYSCALL_64
ffffffff81000230 T irq_entries_start
ffffffff81001280 T asm_exc_page_fault
ffffffff81001540 T asm_common_interrupt
ffffffff810015f0 T asm_sysvec_apic_timer_interrupt
ffffffff8100224b T __entry_text_end
ffffffff81296750 T ret_from_fork_asm
ffffffff81379820 t __do_sys_getppid
ffffffff81379820 T __ia32_sys_getppid
ffffffff81379820 T __x64_sys_getppid
ffffffff81400000 T __x64_sys_pwrite64
ffffffff81400100 T __x64_sys_exit_group
ffffffff81400200 T __x64_sys_sendto
ffffffff81500000 t ext4_file_write_iter
ffffffff81500100 t ext4_quota_write
ffffffff81600000 t kjournald2
ffffffff81700000 T bio_endio
ffffffff81800000 T _etext
ffffffffc0400000 t brd_submit_bio\t[brd]
"""


def differing(one: Paths, other: Paths) -> list[tuple[str, int]]:
    names = [name for paths in (one, other) for path in paths for name in path.split(">")]
    compared = compare_program(made_program(*(
        made_on_kernel(f"debian:6.{number}", [made_row("write", 10, paths)], symbols=names)
        for number, paths in enumerate((one, other)))))
    return [(part.name, part.change) for part in parts(nodes_of(compared, compared.calls, [0, 1]))]


def test_a_change_spread_over_small_functions_is_that_of_the_one_above_them() -> None:
    one = {"entry": 50, "entry>write": 1000, "entry>write>copy": 800}
    other = one | {"entry>write>remove_privs": 20} | {
        f"entry>write>remove_privs>hook{number}": 48 for number in range(10)}
    assert differing(one, other) == [("entry > remove_privs", 500)]


def test_what_is_new_as_a_whole_is_one_part() -> None:
    one = {"entry": 50, "entry>write": 1000, "entry>write>remove_privs": 30}
    other = one | {"entry>write>remove_privs>getxattr": 250, "entry>write>remove_privs>name": 220}
    assert differing(one, other) == [("entry > remove_privs", 470)]


def test_two_large_changes_are_two_parts_and_what_is_left_is_of_the_one_above() -> None:
    one = {"entry": 50, "entry>write": 1000, "entry>write>begin": 200, "entry>write>end": 100}
    other = {"entry": 50, "entry>write": 1400, "entry>write>begin": 5200, "entry>write>end": 4100}
    assert differing(one, other) == [("begin", 5000), ("end", 4000)]
    assert differing({"entry": 1, "entry>a": 900, "entry>b": 100},
                     {"entry": 1, "entry>a": 100, "entry>b": 900}) == [("a", -800), ("b", 800)]
    assert differing(one, one) == []


def test_a_ratio_of_more_calls_is_told_from_that_of_one() -> None:
    compared = compare_program(made_program(
        made_on_kernel("debian:6.12", [made_row("read", 10, {"a": 1000}),
                                       made_row("write", 10, {"b": 1000})]),
        made_on_kernel("debian:6.18", [made_row("read", 20, {"a": 2400}),
                                       made_row("write", 10, {"b": 1200})])))
    assert next(change_sentences(compared, 1)).endswith(
        "dearer: read 2.40× in all and write 1.20×.")


@pytest.mark.parametrize(("name", "kernels"), [
    ("program-one", [OLD]), ("program-two", [OLD, NEW]),
    ("program-three", [OLD, NEW, msgspec.structs.replace(OLD, spec="debian:7.3")])])
def test_the_table(name: str, kernels: list) -> None:
    check_golden(f"{name}.table", rendered(program_shown(compare_program(made_program(*kernels)))))


def test_a_row_that_matters_is_judged_and_the_program_as_a_whole() -> None:
    compared = compare_program(made_program(OLD, NEW))
    verdicts = {call.row.call: call.verdicts[0] for call in compared.calls}
    assert verdicts == {"pwrite64": "regressed", "fdatasync": "improved", "damon": "regressed",
                        "getppid": "improved", "page fault": "unchanged", "jbd2": "unchanged",
                        "disk's driver": None}
    assert compared.verdicts == ["regressed"]
    assert compared.regressed()
    assert not compare_program(made_program(OLD, OLD)).regressed()
    fixed = compare_program(made_program(NEW, OLD))
    assert (fixed.verdicts, fixed.regressed()) == (["improved"], True)  # fdatasync
    assert compare_program(made_program(OLD, NEW), threshold=1000).verdicts == ["unchanged"]


def test_repetitions_that_overlap_are_not_told_apart() -> None:
    kernels = [made_on_kernel(f"debian:6.{number}", [
        made_row("read", 10, {"entry": count}, spread=spread)])
        for number, (count, spread) in enumerate([(1000, (900, 1300)), (1250, (1200, 1400))])]
    assert [call.verdicts for call in compare_program(made_program(*kernels)).calls] == [
        ["within noise"]]


def test_regions_are_told_with_their_mode() -> None:
    kernel = msgspec.structs.replace(OLD, regions=Repetitions(values=[(900, 1), (2224, 9)]))
    text = rendered(program_shown(compare_program(made_program(kernel))))
    assert "the region, 10 times: 2,224 instructions in 90.0% of them" in text
    kernel = msgspec.structs.replace(OLD, regions=Repetitions(values=[(2224, 1)]))
    assert "the region, once: 2,224 instructions" in rendered(
        program_shown(compare_program(made_program(kernel))))


def on_disk(kernel: ProgramOnKernel, requests: Requests | None, **changed: object) -> (
        ProgramOnKernel):
    """The kernel, whose first call asked the disk for something."""
    calls = [msgspec.structs.replace(kernel.calls[0], disk=requests), *kernel.calls[1:]]
    return msgspec.structs.replace(kernel, calls=calls, disk=requests, **changed)


def test_what_the_disk_was_asked_for_is_below_the_totals() -> None:
    requests = Requests(read=0, written=28 << 20, writes=300, flushes=200, forced=3)
    old = on_disk(OLD, requests, wrote=4 << 20)
    new = on_disk(NEW, msgspec.structs.replace(requests, written=14 << 20, flushes=1), wrote=None)
    text = " ".join(rendered(program_shown(compare_program(made_program(old)))).split())
    assert "written to the disk 28.0 MiB (7.00 × what the program wrote), 200 flushes" in text
    assert "300 writes, 3 of them past a cache" in text
    assert "28.0 MiB" in text.split("pwrite64 ext4 to")[1].split("getppid")[0]
    text = " ".join(rendered(program_shown(compare_program(made_program(old, new)))).split())
    assert "debian:6.18: written to the disk 14.0 MiB (0.50× of debian:6.12), 1 flush;" in text
    nothing = msgspec.structs.replace(NEW, undisked="tmpfs lies in memory, on no disk")
    text = " ".join(rendered(program_shown(compare_program(made_program(old, nothing)))).split())
    assert "nothing is said of the disk on debian:6.18: tmpfs lies in memory, on no disk" in text
    assert text.count("written to the disk") == 1


def test_the_record_is_read_back_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    path, program = tmp_path / "program.json", made_program(OLD, NEW)
    path.write_bytes(encode(program))
    assert read_program_record(path) == program


def first(**changed: object) -> dict[str, object]:
    """The kernel's rows, of which the first is another."""
    return {"calls": [msgspec.structs.replace(OLD.calls[0], **changed), *OLD.calls[1:]]}


ASKED = Requests(read=1, written=0, writes=0, flushes=0, forced=0)
REPEATED = {"repetitions": 3, "calls": [
    msgspec.structs.replace(row, spread=(row.instructions - 1, row.instructions))
    for row in OLD.calls]}


@pytest.mark.parametrize(("changed", "said"), [
    ({"kernel": OLD.kernel + 1}, "the calls do not add up to what the kernel executed"),
    ({"calls": [*OLD.calls, OLD.calls[2]], "kernel": OLD.kernel + OLD.calls[2].instructions},
     "two rows are of one kind of call"),
    (first(instructions=3), "the calls do not add up"),
    (first(tree=[(0, 0, 1, 650_000)]), "the functions of pwrite64 do not add up"),
    (first(count=0), "the median of pwrite64 is not that of so many calls"),
    (first(median=None), "the median of pwrite64"), (first(high=None), "the median of pwrite64"),
    (first(median=9999, high=9998), "the median of pwrite64"),
    (first(spread=(1, 1 << 30)), "the instructions of pwrite64 are not among its repetitions"),
    ({"repetitions": 3}, "the instructions of pwrite64 are not among"),
    ({**REPEATED, "calls": [*REPEATED["calls"][:-1], msgspec.structs.replace(
        OLD.calls[-1], spread=(1, 2))]}, "the instructions of disk's driver are not among"),
    ({"status": None}, "the program ended both by itself and by a signal, or by neither,"),
    ({"signal": 9}, "the program ended both by itself"),
    ({"spread": (0, 1 << 40)}, "what the kernel executed is not among its repetitions"),
    ({**REPEATED, "spread": (0, OLD.kernel + OLD.others - 1)}, "what the kernel executed is not"),
    ({**REPEATED, "spread": (OLD.kernel + OLD.others + 1, 1 << 40)}, "what the kernel executed"),
    ({"regions": Repetitions(values=[])}, "the region has no values"),
    ({"regions": Repetitions(values=[(9, 1), (9, 2)])}, "the region has no values, or they are"),
    ({"cpus": 2}, "counts that are exact do not go with 1 runs on 2 of 1 CPUs"),
    ({"disk": ASKED}, "what calls asked of the disk does not add up"),
    ({**first(disk=ASKED), "disk": ASKED, "undisked": "no disk"},
     "what the disk was asked for is there, and a reason why it is not,"),
    ({**first(disk=ASKED, wrote=7), "disk": ASKED, "wrote": 8}, "what calls wrote does not add up"),
    ({**first(wrote=7), "wrote": 7}, "what calls wrote does not add up"),  # and no disk
    ({"calls": [*OLD.calls[:3], msgspec.structs.replace(OLD.calls[3], wrote=7), *OLD.calls[4:]]},
     "page fault is no call, and wrote"),
])
def test_a_record_that_contradicts_itself_is_damaged(tmp_path: Path, changed: dict[str, object],
                                                     said: str) -> None:
    path = tmp_path / "program.json"
    path.write_bytes(encode(made_program(msgspec.structs.replace(OLD, **changed))))
    with pytest.raises(RecordError, match=f"is damaged: {said}.* on debian:6.12"):
        read_program_record(path)


@pytest.mark.parametrize("changed", [
    REPEATED, {**REPEATED, "spread": (0, 1 << 40)},
    {"status": None, "signal": 9}, {"undisked": "tmpfs lies in memory, on no disk"},
    {**first(disk=ASKED), "undisked": "3 requests to disks could not be read"},
    {**first(disk=ASKED, wrote=7), "disk": ASKED, "wrote": 7},
    {**first(disk=ASKED, wrote=7), "disk": ASKED},  # whose root is an image
    {"regions": Repetitions(values=[(9, 1), (10, 2)])}])
def test_what_a_run_can_come_to_is_read(tmp_path: Path, changed: dict[str, object]) -> None:
    path, program = tmp_path / "program.json", made_program(msgspec.structs.replace(OLD, **changed))
    path.write_bytes(encode(program))
    assert read_program_record(path) == program


@pytest.mark.parametrize(("cpus", "changed"), [
    ("2", {"cpus": 3}), ("2", {"cpus": 2, "repetitions": 1}), ("1", {}), ("two", {}),
    ("9" * 5000, {}), ("-2", {})])
def test_counts_that_are_not_exact_are_of_several_cpus_and_runs(
        tmp_path: Path, cpus: str, changed: dict[str, object]) -> None:
    path, program = tmp_path / "program.json", made_on_several_cpus(OLD)
    path.write_bytes(encode(program))
    assert read_program_record(path) == program
    kernel = msgspec.structs.replace(program.kernels[0], **changed)
    path.write_bytes(encode(msgspec.structs.replace(
        program, kernels=[kernel], conditions=msgspec.structs.replace(
            program.conditions, machine={**program.conditions.machine, "cpus": cpus}))))
    with pytest.raises(RecordError, match="is damaged: "):
        read_program_record(path)


def labelled(name: str) -> tuple[int, int]:
    labels = labels_of(SYMBOLS, "debian:6.18")
    records = list(struct.iter_unpack("<QII", labels.table))
    address = next(int(line[:16], 16) for line in SYMBOLS.splitlines() if line.split()[2] == name)
    return next((label, value) for at, label, value in records if at == address)


def test_functions_tell_what_they_are_executed_for() -> None:
    labels = labels_of(SYMBOLS, "debian:6.18")
    assert len(labels.functions) * 16 == len(labels.table)
    label, value = labelled("__x64_sys_getppid")
    assert (label, labels.calls[value & 0xffff], value >> 16) == (6, "getppid", 0)
    label, value = labelled("__x64_sys_pwrite64")
    assert (labels.calls[value & 0xffff], value >> 16) == ("pwrite64", 1)
    assert labelled("__x64_sys_exit_group")[1] >> 24 == 0xff
    assert labels.files[labelled("__x64_sys_sendto")[1] >> 24] == "socket"
    label, value = labelled("ext4_file_write_iter")
    assert (label, labels.files[value]) == (7, "ext4")
    assert labelled("ext4_quota_write") == (0, 0)
    assert labels.threads[labelled("kjournald2")[1]] == "jbd2"
    assert labelled("irq_entries_start") == (4, labelled("asm_common_interrupt")[1])
    assert [labelled(name)[0] for name in ("brd_submit_bio", "bio_endio")] == [9, 10]
    assert labels.entries[labelled("asm_exc_page_fault")[1]] == "page fault"
    assert labels.entries[labelled("asm_sysvec_apic_timer_interrupt")[1]] == "apic timer interrupt"
    assert f",entry={0xffffffff81000010}:{0xffffffff8100224b}," in labels.arguments


def test_a_kernel_without_names_is_refused() -> None:
    with pytest.raises(KernelError, match="does not name the function by which system calls"):
        labels_of("ffffffff81000000 T start_kernel\n", "debian:6.18")


def output(*, kernel: int = 650, switches: int = 2) -> bytes:
    labels = labels_of(SYMBOLS, "debian:6.18")
    entry = labels.functions.index("entry_SYSCALL_64")
    write = labels.functions.index("ext4_file_write_iter")
    call = labels.calls.index("pwrite64")
    nodes = struct.pack("<8I", 0, 0, 0, entry, 1, write, 1, entry)
    row = (struct.pack("<4BI10Q", 1, labels.files.index("ext4"), 12, 1, call, 2, 650, 2, 2,
                       0, 8192, 2, 1, 1, 2048)
           + struct.pack("<4Q", 300, 1, 350, 1) + struct.pack("<IIQIIQ", 1, 2, 50, 2, 2, 600))
    totals = struct.pack("<11Q", 99, kernel, 0, 0, 5, 0, 1, switches, 0, 1, 1)
    return (frame(FrameType.TASKS, totals) + frame(FrameType.NODES, nodes)
            + frame(FrameType.ROW, row))


def test_what_the_plugin_wrote_becomes_rows() -> None:
    counted = read_counts(output(), labels_of(SYMBOLS, "debian:6.18"), "debian:6.18")
    [row] = counted.calls
    assert (row.call, row.file, row.size, row.count, row.instructions, row.median, row.high) == (
        "pwrite64", "ext4", 1024, 2, 650, 300, 350)
    assert [(one.function, one.instructions) for one in row.functions] == [
        ("ext4_file_write_iter", 600), ("entry_SYSCALL_64", 50)]
    assert row.tree == [(1, -1, 2, 50), (0, 0, 2, 600)]
    assert (counted.totals.user, counted.unattributed) == (99, 0)
    assert row.disk == Requests(read=0, written=8192, writes=2, flushes=1, forced=1)
    assert row.wrote == 2048


def test_counts_that_do_not_add_up_are_refused() -> None:
    labels = labels_of(SYMBOLS, "debian:6.18")
    with pytest.raises(GuestError, match="the books do not balance"):
        read_counts(output(kernel=651), labels, "debian:6.18")
    with pytest.raises(GuestError, match="not counted to the program's end"):
        read_counts(b"", labels, "debian:6.18")
    with pytest.raises(KernelError, match="no context switch"):
        read_counts(output(switches=0), labels, "debian:6.18")
