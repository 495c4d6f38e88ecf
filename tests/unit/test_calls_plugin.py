# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin that counts calls, under a machine that is made up: whatever interrupts, faults or
switches, each instruction is in the row of what it was executed for."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Callable

import pytest
from made_plugins import build, write_sources

from tailwalk.errors import UsageError
from tailwalk.rigs.counted import CountedProgram, read_counts
from tailwalk.rigs.labels import labels_of
from tailwalk.runs.program import Requests

pytestmark = pytest.mark.slow

NAMES = ("__entry_text_start", "entry_SYSCALL_64", "irq_entries_start", "asm_exc_page_fault",
         "asm_common_interrupt", "asm_int80_emulation", "entry_SYSENTER_compat",
         "__entry_text_end", "ret_from_fork_asm", "__switch_to_asm",
         "do_syscall_64", "__x64_sys_getppid", "__x64_sys_pwrite64", "__x64_sys_exit_group",
         "ext4_file_write_iter", "copy", "handler", "kjournald2", "brd_submit_bio", "bio_endio",
         "submit_bio", "__x64_sys_write", "__x64_sys_writev", "__ia32_compat_sys_pwrite64",
         "ia32_sys_call")
AT = {name: 0xffffffff81000000 + 0x1000 * number for number, name in enumerate(NAMES)}
ALIASES = {"__ia32_sys_getppid": AT["__x64_sys_getppid"]}
SYMBOLS = "".join(f"{address:x} T {name}\n" for name, address in sorted(
    (ALIASES | AT).items(), key=lambda one: one[1]))
LABELS = labels_of(SYMBOLS, "made")
USER = 0x401000
MAIN, PROBE, OTHER, THREAD = (0xffff888000001218 + 0x1000 * number for number in range(4))
LEFT = "!"
"""What comes after it in a block is translated and not executed."""

MOVE, LOAD, CONDITIONAL_MOVE = "4889c8", "488b07<1000=0", "480f4fc2"
SYSRET, SYSRET_TO_32_BITS, IRET = "480f07", "0f07", "48cf"
CALL, RETURN = "e800000000", "c3"


def block(address: int, *instructions: str) -> str:
    words = []
    for one in instructions:
        if one == LEFT:
            words.append(one)
            continue
        words.append(f"{address:x}:{one}")
        address += len(one.split("<")[0].split(">")[0]) // 2
    return " ".join(words)


def at(name: str, *instructions: str, number: int = 0, offset: int = 0) -> str:
    """Instructions of a function, with so many no-ops before them."""
    return block(AT[name] + offset, *["90"] * number, *instructions)


def user(number: int) -> str:
    return block(USER, *["90"] * number)


def mark(number: int) -> str:
    return block(USER, f"0f1f8400{number:02x}574c54")


def enter(size: int = 0) -> str:
    """A system call's entry, which saves registers: five instructions."""
    return at("entry_SYSCALL_64", f"52>1000={size:x}", "4152>ff8=0", "4150>ff0=0", CALL, number=1)


def back(instruction: str = SYSRET, result: int | None = None) -> str:
    taken = [] if result is None else [f"58<1000={result:x}"]
    return at("entry_SYSCALL_64", *taken, instruction, offset=100 - len(taken))


def change(task: int, left: int = 0) -> str:
    """Two instructions of the task that is left, and one of the other."""
    return at("__switch_to_asm", f"4889a718120000>{left:x}" if left else "90",
              f"488ba618120000<{task:x}", "90")


def fault(error: int) -> list[str]:
    """A page fault of six instructions."""
    return [at("asm_exc_page_fault", f"488b742478<2000={error:x}", CALL, number=1),
            at("handler", RETURN, number=1), at("asm_exc_page_fault", IRET, offset=100)]


INTERRUPT = [at("irq_entries_start", number=2, offset=16), at("asm_common_interrupt", CALL),
             at("handler", RETURN, number=3), at("asm_common_interrupt", IRET, offset=100)]
"""Of eight instructions."""


def getppid(*between: str) -> list[str]:
    """A call of ten instructions, and what comes in between."""
    return [enter(), at("do_syscall_64", CALL), *between, at("__x64_sys_getppid", RETURN, number=1),
            at("do_syscall_64", RETURN, offset=5), back()]


SOURCES = [f"calls/{name}.c" for name in (
    "calls", "cpus", "disk", "memory", "rows", "stays", "tasks", "text", "tree")]


@pytest.fixture(scope="module")
def count(tmp_path_factory) -> Callable[..., CountedProgram]:
    """What is counted of blocks that are executed in a program."""
    folder = tmp_path_factory.mktemp("plugins")
    write_sources(folder)
    build(folder, SOURCES, "run")
    build(folder, SOURCES, "run-threads", "-g", "-fsanitize=thread")

    def count(*blocks: str, between: str = "0:0", texts: str = "0:0:.:.",
              cpus: int = 1) -> CountedProgram:
        table = os.memfd_create("table")
        os.write(table, LABELS.table)
        whole = [user(3), change(MAIN, PROBE), mark(3), *blocks, change(PROBE), *fault(4), back(),
                 mark(4)]
        output = subprocess.run(
            [folder / ("run" if cpus == 1 else "run-threads"), "output=1", f"table={table}",
             *LABELS.arguments[1:].split(","), f"between={between}", "memory=65536", "disk=ram0",
             f"texts={texts}"],
            input="\n".join(whole).encode(), stdout=subprocess.PIPE, timeout=60, check=True,
            env={"CPUS": str(cpus), "TSAN_OPTIONS": "exitcode=66"}, pass_fds=[table]).stdout
        os.close(table)
        return read_counts(output, LABELS, "made")

    return count


def rows(counted: CountedProgram) -> dict[tuple[str, str, int | None, bool], tuple[int, int]]:
    return {(row.call, row.file, row.size, row.program): (row.count, row.instructions)
            for row in counted.calls if row.call not in ("other entry",)}


GETPPID = ("getppid", "", None, True)


def test_a_call_has_its_name_file_size_and_functions(count) -> None:
    counted = count(user(5), enter(1000), at("do_syscall_64", CALL),
                    at("__x64_sys_pwrite64", CALL), at("ext4_file_write_iter", CALL, number=2),
                    at("copy", RETURN, number=30), at("ext4_file_write_iter", RETURN, offset=7),
                    at("__x64_sys_pwrite64", RETURN, offset=5),
                    at("do_syscall_64", RETURN, offset=5), back(), user(2))
    assert rows(counted) == {("pwrite64", "ext4", 1024, True): (1, 5 + 1 + 1 + 3 + 31 + 4)}
    [row] = counted.calls[:1]
    assert {one.function: one.instructions for one in row.functions} == {
        "entry_SYSCALL_64": 6, "do_syscall_64": 2, "__x64_sys_pwrite64": 2,
        "ext4_file_write_iter": 4, "copy": 31}
    names = [row.functions[function].function for function, _, _, _ in row.tree]
    assert [names[parent] if parent >= 0 else "" for _, parent, _, _ in row.tree] == [
        "", "entry_SYSCALL_64", "do_syscall_64", "__x64_sys_pwrite64", "ext4_file_write_iter"]
    assert counted.totals.user == 5 + 2 + 1  # and the marker


def test_an_interrupt_between_a_call_instruction_and_its_function_is_apart(count) -> None:
    counted = count(*getppid(), *getppid(*INTERRUPT))
    assert rows(counted) == {GETPPID: (2, 20), ("interrupt", "", None, True): (1, 8)}
    row = next(row for row in counted.calls if row.call == "getppid")
    assert len(row.tree) == 3 and {one.function: one.instructions for one in row.functions} == {
        "entry_SYSCALL_64": 12, "do_syscall_64": 4, "__x64_sys_getppid": 4}


@pytest.mark.parametrize(("error", "twice"), [(4, 1), (0x14, 0)])
def test_an_access_that_faults_is_counted_once(count, error: int, twice: int) -> None:
    counted = count(user(5), *fault(error), user(2))
    assert counted.totals.user == 5 + 2 + 1 - twice
    assert rows(counted) == {("page fault", "anonymous", None, True): (1, 6)}


@pytest.mark.parametrize("around", [0, 1, 5])
def test_a_block_that_is_left_at_a_fault_counts_what_was_executed(count, around: int) -> None:
    moves = [MOVE] * around
    counted = count(block(USER, *moves, LOAD, LEFT, *moves), *fault(4),
                    block(USER + 3 * around, LOAD, *moves), user(1))
    assert counted.totals.user == around + 1 + around + 1 + 1


@pytest.mark.parametrize("shown", [CONDITIONAL_MOVE[:2 * size] for size in (1, 2, 3)])
def test_an_instruction_over_a_pages_end_counts_where_it_is_executed(count, shown: str) -> None:
    """It is shown as far as it lies on the first page, and begins a block of its own."""
    address = USER + 0x1000 - len(shown) // 2
    counted = count(block(address - 6, MOVE, MOVE, LEFT, shown),
                    block(address, CONDITIONAL_MOVE, MOVE), user(1))
    assert counted.totals.user == 2 + 2 + 1 + 1


@pytest.mark.parametrize(("instruction", "sure"), [
    ("90", True), (MOVE, True), (CONDITIONAL_MOVE, True), ("488d4718", True), ("4883c0ff", True),
    ("0f1f4000", True), ("480fb6c0", True), ("48c1eb09", True),
    ("48f7d0", True), ("ffc0", True), ("b800000000", True), ("480fbae039", True),
    ("488b07", False), ("488907", False), ("480fb607", False), ("488307ff", False),
    ("55", False), (CALL, False), (RETURN, False), ("48f7f1", False), ("48f7f9", False),
    ("ff25000000ff", False), ("0f0b", False), ("0f01d0", False), ("f3a4", False), ("cc", False),
    ("65488b07", False), ("0f30", False), ("f4", False), ("480f4407", False),
    ("480fab07", False)])
def test_what_is_sure_to_be_executed_is_known(count, instruction: str, sure: bool) -> None:
    """Of a block that is left at once, what was added along with what follows shows which
    instructions are taken for sure."""
    counted = count(block(USER, instruction, LEFT, MOVE, LOAD), user(1))
    assert counted.totals.user == (3 if sure else 1) + 1 + 1


def test_faults_and_interrupts_one_in_another(count) -> None:
    """A block that ends with a call instruction is left before its end, and goes on there."""
    left = at("copy", "90", "90")
    counted = count(enter(1024), at("do_syscall_64", CALL), at("__x64_sys_pwrite64", CALL),
                    left, fault(0)[0], *INTERRUPT, *fault(0)[1:],
                    block(AT["copy"] + 1, "90", RETURN),
                    at("__x64_sys_pwrite64", RETURN, offset=5),
                    at("do_syscall_64", RETURN, offset=5), back())
    assert rows(counted) == {
        ("pwrite64", "", 1024, True): (1, 5 + 1 + 1 + 2 + 2 + 3 - 1),
        ("page fault", "anonymous", None, True): (1, 6), ("interrupt", "", None, True): (1, 8)}
    row = next(row for row in counted.calls if row.call == "pwrite64")
    assert {one.function: one.instructions for one in row.functions}["copy"] == 3


def test_a_task_that_is_preempted_goes_on_with_its_call(count) -> None:
    born = [change(OTHER), at("ret_from_fork_asm", number=4), back(), user(7)]
    counted = count(*getppid(*INTERRUPT[:2], *born, *getppid(), *getppid()[:2], change(MAIN),
                             *INTERRUPT[2:]), *getppid()[:2], change(OTHER),
                    *getppid()[2:], change(MAIN), *getppid()[2:])
    # What a change of tasks takes is of the call or interrupt in which it comes.
    found = rows(counted)
    assert found["interrupt", "", None, True] == (1, 8 + 2 + 1)
    assert found[GETPPID] == (4, 40 + 2 + 1 + 2 + 1)
    assert found["beginning of a task", "", None, True] == (1, 1 + 4 + 1)
    assert (counted.totals.tasks, counted.totals.user) == (2, 7 + 1)


def test_a_task_that_ends_has_made_its_last_call_and_its_memory_is_anothers(count) -> None:
    born = [change(OTHER), at("ret_from_fork_asm", number=4), back(), user(7)]
    ended = [enter(), at("do_syscall_64", CALL), at("__x64_sys_exit_group", number=20)]
    counted = count(*getppid(), *getppid()[:3], *born, *ended, change(MAIN), *getppid()[3:],
                    *getppid()[:3], *born, *ended, change(MAIN), *getppid()[3:])
    found = rows(counted)
    assert found["exit_group", "", None, True] == (2, 2 * (5 + 1 + 20 + 2))
    assert found["beginning of a task", "", None, True] == (2, 2 * (1 + 4 + 1))
    assert (counted.totals.tasks, counted.totals.user) == (3, 14 + 1)


def test_the_kernels_threads_and_the_disks_driver_are_apart(count) -> None:
    counted = count(*getppid()[:3], change(THREAD), at("kjournald2", CALL, number=9),
                    at("brd_submit_bio", CALL, number=50), at("bio_endio", RETURN, number=3),
                    at("brd_submit_bio", RETURN, offset=55), at("kjournald2", offset=20, number=2),
                    change(MAIN), *getppid()[3:], enter(), at("do_syscall_64", CALL),
                    at("brd_submit_bio", CALL, number=40), *INTERRUPT,
                    at("bio_endio", RETURN, number=3))
    found = rows(counted)
    assert found["jbd2", "", None, False] == (0, 1 + 10 + 4 + 1 + 2 + 2)
    assert found["disk's driver", "", None, False] == (0, 51)
    assert found["disk's driver", "", None, True] == (0, 41)
    assert found["interrupt", "", None, True] == (1, 8)
    assert counted.totals.driver == 92


def test_a_call_that_no_function_names_and_a_region(count) -> None:
    counted = count(*getppid(), mark(5), user(3), *getppid(), mark(6), *getppid(), mark(5),
                    *getppid(), enter(), at("do_syscall_64", RETURN), back(), mark(6))
    assert rows(counted) == {GETPPID: (2, 20), ("unknown call", "", None, True): (1, 7)}
    assert counted.regions.values == [(1 + 3 + 10, 1), (1 + 10 + 7, 1)]
    assert counted.totals.user == 3 + 2


def test_a_region_is_between_two_calls_each_time(count) -> None:
    names = ("__x64_sys_pwrite64", "__x64_sys_exit_group")
    before, after = ([enter(), at("do_syscall_64", CALL), at(name, RETURN),
                      at("do_syscall_64", RETURN, offset=5), back()] for name in names)
    blocks = [*getppid(), *before, user(3), *getppid(), *after, *getppid(), *before, user(14),
              *before, *after, *after, *getppid()]
    numbers = [LABELS.call(name) for name in ("pwrite64", "exit_group")]
    counted = count(*blocks, between="{}:{}".format(*numbers))
    assert rows(counted) == {GETPPID: (1, 10), ("pwrite64", "", 0, True): (1, 9)}
    assert counted.regions.values == [(3 + 10, 1), (14 + 9, 1)]
    # What the program marks does not count beside them.
    marked = count(mark(5), *blocks[:4], mark(6), *getppid(), mark(5), *blocks[4:],
                   between="{}:{}".format(*numbers))
    assert marked.regions.values == counted.regions.values
    # The program's begin is the marker's instruction.
    assert count(*blocks, between=f"0:{numbers[1]}").regions.values == [(1 + 10 + 9 + 3 + 10, 1)]
    with pytest.raises(UsageError, match="mount is no system call of this kernel"):
        LABELS.call("mount")


def memory(at: int, content: bytes) -> str:
    """Sets what a program has at an address: the machine has each page elsewhere."""
    return "= " + " ".join(
        f"{(2 * (at & ~0xfff) + at % 0x1000) % 0x10000:x}="
        f"{int.from_bytes(content[number:number + 8], 'little'):x}"
        for number, at in zip(range(0, len(content), 8), range(at, at + len(content), 8),
                              strict=True))


def put(call: str, descriptor: int, address: int, size: int, *accesses: int) -> list[str]:
    """A call that writes what lies at an address, of which the kernel accesses these places."""
    return [at("entry_SYSCALL_64", f"57>1010={descriptor:x}", f"56>1008={address:x}",
               f"52>1000={size:x}", "4152>ff8=0", "4150>ff0=0", CALL, number=1),
            at("do_syscall_64", CALL), at(f"__x64_sys_{call}", CALL),
            at("copy", *(f"a4<{place:x}=0" for place in accesses), RETURN),
            at(f"__x64_sys_{call}", RETURN, offset=5), at("do_syscall_64", RETURN, offset=5),
            back()]


TEXTS = "{}:{}:.{}:.{}".format(LABELS.call("write"), LABELS.call("writev"), b"READY".hex(),
                               b"DONE".hex())
PAGE = 0x12000


def test_a_region_is_between_two_texts(count) -> None:
    def region(*blocks: str) -> list[tuple[int, int]]:
        counted = count(*getppid(), *blocks, texts=TEXTS)
        return counted.regions.values if counted.regions else []

    begin = [memory(PAGE, b"is READY"), *put("write", 1, PAGE, 8, PAGE, PAGE + 1)]
    end = [memory(PAGE, b"is DONE\n"), *put("write", 1, PAGE, 8, PAGE)]
    assert region(*begin, user(3), *getppid(), *end, *getppid()) == [(3 + 10, 1)]
    assert region(*begin, user(1), *end, *begin, user(2), *end) == [(1, 1), (2, 1)]
    assert region(user(3)) == region(*end) == []
    other = [memory(PAGE, b"is READY"), *put("write", 2, PAGE, 8, PAGE)]
    assert region(*other, *getppid(), *end) == []  # standard error
    short = [memory(PAGE, b"is READY"), *put("write", 1, PAGE, 7, PAGE)]
    assert region(*short, *getppid(), *end) == []
    assert region(*short, *getppid(), memory(PAGE, b"Y\0\0\0\0\0\0\0"), *put(
        "write", 1, PAGE, 1, PAGE), user(4), *end) == [(4, 1)]  # in two calls
    both = [memory(PAGE, b"READY\nDONE\n\0\0\0\0\0"), *put("write", 1, PAGE, 11, PAGE)]
    assert region(*both, *getppid(), *end) == []


def test_a_text_may_lie_in_pieces_and_on_two_pages(count) -> None:
    pages = [memory(PAGE + 0xff8, b"....READ"), memory(0x14000, b"Y.......")]
    # The machine has the two pages of the program's in other places.
    split = [*getppid(), *pages, memory(PAGE, struct.pack("<4Q", PAGE + 0xffc, 4, 0x14000, 2))]
    vector = put("writev", 1, PAGE, 2, PAGE, PAGE + 0xffe, 0x14001)
    missed = put("writev", 1, PAGE, 2, PAGE, 0x14000)
    end = [memory(0x14000, b"DONE\0\0\0\0"), *put("write", 1, 0x14000, 4, 0x14000)]
    assert count(*split, *put("writev", 1, PAGE, 2, PAGE, PAGE + 0xffc, 0x14000), user(6), *end,
                 texts=TEXTS).regions.values == [(6, 1)]
    assert count(*split, *missed, *end, texts=TEXTS).regions is None
    # An access that is not to a piece's begin shows what precedes it in its page, too.
    assert count(*split, *vector, user(7), *end, texts=TEXTS).regions.values == [(7, 1)]


@pytest.mark.parametrize("at", [PAGE, PAGE + 0x1000 - 16, PAGE + 0x1000 - 8])
@pytest.mark.parametrize("number", [9, 300])
def test_a_vector_may_have_many_pieces_and_lie_on_several_pages(count, at: int,
                                                                number: int) -> None:
    """The text is in the last two pieces, of which the vector says where they are on a later page
    than where it begins."""
    text = 0x16000
    vector = struct.pack(f"<{2 * number}Q", *[text, 0] * (number - 2), text, 4, text + 8, 1)
    shown = [max(at, page) for page in range(at & ~0xfff, at + len(vector), 0x1000)]
    end = [memory(text, b"DONE...."), *put("write", 1, text, 4, text)]

    def regions(number: int, *seen: int) -> list[tuple[int, int]]:
        counted = count(*getppid(), memory(text, b"READ....Y......."), memory(at, vector), *put(
            "writev", 1, at, number, *seen, text, text + 8), user(6), *end, texts=TEXTS)
        return counted.regions.values if counted.regions else []

    assert regions(number, *shown) == [(6, 1)]
    assert regions(number, *shown[:-1]) == []  # it is not known where all of them are
    assert regions(1025, *shown) == []  # nor does the kernel take so many


MEMORY, STACKS = 0xffff888000000000, 0xffffc90000000000
FORGOTTEN = STACKS + 0x8000
"""Stacks from here on were not used lately."""
DISKS = {"ram0": 0x2000, "ram1": 0x2400}
FORCED, FLUSH = 1 << 17, 1 << 18


def words(place: int, content: bytes) -> str:
    """A line that puts bytes into memory."""
    return "=" + " ".join(f"{place + at:x}={int.from_bytes(content[at:at + 8], 'little'):x}"
                          for at in range(0, len(content), 8))


def disk(name: str) -> str:
    """A block device, and what has its name."""
    place = DISKS[name]
    return "\n".join((words(place, struct.pack("<4Q", 0, 1 << 20, MEMORY + place + 0x200, 0)),
                      words(place + 0x200, struct.pack("<3I12s", 1, 0, 1, name.encode()))))


def request(what: int, size: int, *, name: str = "ram0", at_address: int = MEMORY + 0x1000,
            pointer: bool = False) -> list[str]:
    """A request, as kernels up to v7.2 have it or later ones, and the function that takes it."""
    bio = struct.pack("<2Q2IQ", 0, MEMORY + DISKS[name], what, 0, 0) + (
        b"" if not pointer else struct.pack("<Q", MEMORY)) + struct.pack("<Q2I", 77, size, 0)
    lines = [words(address - MEMORY if address < STACKS else (address - STACKS) ^ 0x1000,
                   bio[address - at_address:][:8])
             for address in range(at_address, at_address + len(bio), 8)]
    return [*lines, at("submit_bio", "f30f1efa", "0f1f440000",
                       f"0fb64710<{at_address + 16:x}=0", RETURN)]


def written(*requests: list[str], result: int = 0, size: int = 1024) -> list[str]:
    """A write to ext4 that makes requests."""
    return [enter(size), at("do_syscall_64", CALL), at("__x64_sys_pwrite64", CALL),
            at("ext4_file_write_iter", number=2), *(line for lines in requests for line in lines),
            at("do_syscall_64", RETURN, offset=5), back(result=result)]


def test_requests_to_the_disk_are_of_the_call_or_thread_that_makes_them(count) -> None:
    counted = count(
        disk("ram0"), disk("ram1"), *getppid(),
        *written(request(1 | FLUSH | FORCED, 4096), request(1, 8192, pointer=True),
                 request(0, 512), request(3, 1 << 20), request(1, 2048, name="ram1"), result=1024),
        *written(request(1 | FLUSH, 0, at_address=STACKS + 0x6000), result=(1 << 64) - 28),
        change(THREAD), at("kjournald2", CALL, number=9), *request(1 | FORCED, 1024),
        change(MAIN))
    found = {row.call: row for row in counted.calls}
    assert found["pwrite64"].disk == Requests(read=512, written=12288, writes=2, flushes=2,
                                              forced=1)
    assert found["pwrite64"].wrote == 1024
    assert found["jbd2"].disk == Requests(read=0, written=1024, writes=1, flushes=0, forced=1)
    assert (found["getppid"].disk, found["getppid"].wrote) == (None, None)
    assert (counted.totals.unread, counted.totals.disk) == (0, 1)


def test_a_call_of_32_bits_is_told_apart_and_has_no_size(count) -> None:
    def compat(entry: str, call: str, *inside: str, back: str, result: int = 0) -> list[str]:
        """A call of eight instructions, and what comes inside."""
        return [at(entry, f"52>1000={4096:x}", CALL), at("ia32_sys_call", CALL),
                at(call, CALL if inside else "90", number=1), *inside,
                at(call, RETURN, offset=100), at("ia32_sys_call", RETURN, offset=5),
                at(entry, f"58<1000={result:x}", back, offset=100)]

    counted = count(
        *getppid(), *compat("asm_int80_emulation", "__x64_sys_getppid", back=IRET),
        *compat("entry_SYSENTER_compat", "__ia32_compat_sys_pwrite64",
                at("ext4_file_write_iter", RETURN, number=2), back=SYSRET_TO_32_BITS, result=100),
        *written(result=7), user(1))
    assert rows(counted) == {
        GETPPID: (1, 10), ("getppid (32-bit)", "", None, True): (1, 9),
        ("pwrite64 (32-bit)", "ext4", None, True): (1, 9 + 3),
        ("pwrite64", "ext4", 1024, True): (1, 5 + 1 + 1 + 2 + 1 + 2)}
    assert {row.call: row.wrote for row in counted.calls if row.wrote is not None} == {
        "pwrite64 (32-bit)": 100, "pwrite64": 7}


def test_another_disk_may_have_the_place_of_one_that_went(count) -> None:
    def write(name: str, device: str) -> list[str]:
        return [disk(device), words(DISKS[device] + 0x200, struct.pack(
            "<3I12s", 1, 0, 1, name.encode())), *written(request(1, 4096, name=device))]

    counted = count(*getppid(), *write("", "ram0"), *write("dm-0", "ram0"), *write("ram0", "ram0"),
                    *write("ram1", "ram0"), *write("dm-0", "ram1"), *write("ram0", "ram1"))
    row = next(row for row in counted.calls if row.call == "pwrite64")
    assert (row.disk.written, counted.totals.unread) == (2 * 4096, 2)  # before it was ever seen


def test_a_request_on_a_stack_is_read_from_all_pages_that_it_is_on(count) -> None:
    """Pages of a stack lie anywhere in memory."""
    for before in (*range(8, 56, 8), 4096):
        page_end = STACKS + 0x7000
        counted = count(disk("ram0"), *written(request(
            1 | FLUSH, 4096, at_address=page_end - before)), *written(request(
                1, 512, at_address=page_end - before, pointer=True)))
        row = next(row for row in counted.calls if row.call == "pwrite64")
        assert row.disk == Requests(read=0, written=4608, writes=2, flushes=1, forced=0), before
        assert counted.totals.unread == 0
    counted = count(disk("ram0"), *written(request(
        1, 4096, at_address=FORGOTTEN - 40)))  # its size is on a page that was not used lately
    assert (rows(counted)["pwrite64", "ext4", 1024, True][0], counted.totals.unread) == (1, 1)


def test_requests_that_cannot_be_read_and_those_outside_a_region(count) -> None:
    counted = count(disk("ram0"), *written(request(1, 4096), result=5), mark(5),
                    *written(request(1, 512), result=7), mark(6), *written(request(1, 4096)))
    row = next(row for row in counted.calls if row.call == "pwrite64")
    assert (row.count, row.disk.written, row.wrote) == (1, 512, 7)
    counted = count(disk("ram1"), *written(request(1, 4096, name="ram1")),
                    *written(request(1, 4096, at_address=FORGOTTEN + 0x1ff0)),
                    *written(request(1, 4096)))  # to what has no name
    assert (counted.totals.unread, counted.totals.disk) == (2, 1)


def test_cpus_count_side_by_side_and_tasks_go_from_one_to_the_other(count) -> None:
    """No two callbacks are at work on one thing: ThreadSanitizer sees to it."""
    def second(lines: list[str]) -> list[str]:
        return [f"@{line}" for line in lines]

    idle = at("kjournald2", number=3)
    born = [change(OTHER, 0xffff888000009000), at("ret_from_fork_asm", number=4), back(), user(7)]
    write = written(request(1 | FLUSH, 4096), result=100)
    counted = count(
        disk("ram0"), "|", *200 * [*getppid(), user(2), *INTERRUPT, *fault(4)], *getppid()[:3],
        change(THREAD), "|", *second([idle, *born, *150 * getppid(), *write, user(3)]), "|",
        # What the first CPU began the second one ends.
        *second([*getppid()[:3], change(MAIN), *getppid()[3:], *100 * getppid(),
                 *getppid()[:3], change(OTHER), *getppid()[3:], *getppid()[:3], change(THREAD)]),
        *50 * INTERRUPT, "|", change(MAIN), *getppid()[3:], cpus=2)
    found = rows(counted)
    ended, switched = 200 + 1 + 150 + 1 + 100 + 1, 3
    assert found[GETPPID] == (ended + 1, 10 * ended + switched * (2 + 1) + 8 + 2)
    assert found["interrupt", "", None, True] == (200, 8 * 200)
    assert found["interrupt", "", None, False] == (50, 8 * 50)
    assert found["page fault", "anonymous", None, True] == (200, 6 * 200)
    assert counted.totals.user == 200 * 2 - 200 + 7 + 3 + 1
    assert (counted.totals.tasks, counted.totals.cpus) == (2, 2)
    write_row = next(row for row in counted.calls if row.call == "pwrite64")
    assert (write_row.count, write_row.disk.flushes) == (1, 1)
