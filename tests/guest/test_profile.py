# SPDX-License-Identifier: GPL-2.0-or-later
"""Profiles of real kernels: the books balance, and watching costs little and changes nothing."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest

from stand_ins import put_program
from tailwalk.cases import KIB, MIB, Filesystem, find_cases
from tailwalk.cases.ring import Sides
from tailwalk.errors import GuestError, ToolError
from tailwalk.plugins.build import build_plugin
from tailwalk.profile.annotate import annotate
from tailwalk.profile.difference import difference
from tailwalk.profile.measure import profile, record
from tailwalk.rigs.counting import collect_figures
from tailwalk.rigs.exact import measure
from tailwalk.rigs.job import case_line, case_prologue
from tailwalk.rigs.plan import Plan
from tailwalk.rigs.recording import symbol_text

pytestmark = pytest.mark.guest

KERNELS = ("debian:6.12", "debian:6.18")
PWRITE, = find_cases(["pwrite_u1k"])
ONE = Plan(cases=[PWRITE])

# User instructions between the probe's counter reads: with the kernel's they are the figure.
USER = 8


SUBJECTS = [
    (case.changed(fill=fill), filesystem)
    for case, fill, filesystem in (
        (PWRITE, MIB, Filesystem()),
        (PWRITE, MIB, Filesystem(block_size=KIB)),
        (find_cases(["writev_u10k"])[0], 4 * KIB, Filesystem()),
        (find_cases(["write_u10k"])[0], 2 * MIB, Filesystem()),
        (PWRITE, MIB, Filesystem(kind="xfs")),
        (PWRITE, MIB, Filesystem(kind="btrfs")),
    )]


@pytest.mark.parametrize("spec", KERNELS)
@pytest.mark.parametrize(("case", "filesystem"), SUBJECTS)
def test_the_books_balance(spec, case, filesystem, kernel, bench):
    plan = Plan(cases=[case], filesystem=filesystem)
    [found] = profile([(kernel(spec), plan)], bench=bench)
    [run] = measure([kernel(spec)], plan, bench=bench)
    figure = run.run.figures[0]
    assert found.figure == figure  # every call, not only the mode
    assert sum(function.count for function in found.functions) == figure.main.value - USER
    assert found.count + USER == figure.main.value and figure.main.user == USER
    assert sum(node.count for node in found.tree) == found.count
    assert found.unattributed <= 0.001 * found.count
    for function in found.functions:
        assert sum(int(line.split()[1]) for line in function.instructions) == function.count


@pytest.mark.parametrize("spec", KERNELS)
def test_every_single_call_agrees_with_the_guests_own_counter(spec, kernel, bench):
    """Those with ticks, timestamps and switches of task too."""
    booted = bench.boot(kernel(spec), Filesystem())
    case = find_cases(["writev_u10k"])[0].changed(fill=4 * KIB)
    plugin = build_plugin("trace", bench.qemu, bench.cache).path
    figure, recording = record(bench, kernel(spec), booted, case=case, filesystem=Filesystem(),
                               calls=1000, plugin=plugin)
    values = [value for value, times in figure.main.calls for _ in range(times)]
    calls = recording.calls
    assert len({call.profile for call in calls}) > 5
    assert [call.kernel + USER for call in calls] == values


def test_the_upgrade_is_in_the_two_walks(kernel, bench):
    found = difference(*profile([(kernel(spec), ONE) for spec in KERNELS], bench=bench))
    assert {row.name for row in found.carriers()} == {"ext4_block_write_begin",
                                                      "block_commit_write"}
    carried = sum(row.difference for row in found.carriers())
    assert carried == pytest.approx(found.total, rel=0.02)


def test_a_call_path_is_that_of_the_source(kernel, bench):
    [found] = profile([(kernel("debian:6.18"), ONE)], bench=bench)
    at = next(at for at, node in enumerate(found.tree)
              if found.functions[node.function].name == "block_commit_write")
    path = []
    while at >= 0:
        path.append(found.functions[found.tree[at].function].name)
        at = found.tree[at].parent
    assert path[:9] == [
        "block_commit_write", "block_write_end", "ext4_da_write_end", "generic_perform_write",
        "ext4_buffered_write_iter", "ext4_file_write_iter", "vfs_write", "__x64_sys_pwrite64",
        "x64_sys_call"]


@pytest.mark.parametrize(("spec", "offset", "visited"), [
    ("debian:6.18", 0, Sides(0, 1, 511)),
    ("debian:6.18", MIB, Sides(256, 1, 255)),
    ("debian:7.3", 0, Sides(0, 1, 0)),
    ("debian:7.3", MIB, Sides(256, 1, 0)),
    ("debian:7.3", 2 * MIB - 4 * KIB, Sides(511, 1, 0)),
])
def test_walks_visit_what_they_are_known_to(spec, offset, visited, kernel, bench):
    case = PWRITE.changed(fill=2 * MIB, offset=offset)
    profiles = profile([(kernel(spec), Plan(cases=[case]))], bench=bench)
    for name in ("ext4_block_write_begin", "block_commit_write"):
        [[function]] = annotate(profiles, name)
        assert function.walked.visited == visited, name
        assert function.walked.ring == Sides(visited.prefix, 1, 511 - visited.prefix)


def seconds(work) -> float:
    """CPU seconds of the QEMUs that some work runs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("spec", KERNELS)
def test_watching_costs_at_most_as_much_again(spec, kernel, bench):
    filesystem, calls = Filesystem(), 300
    booted = bench.boot(kernel(spec), filesystem)
    plugin = build_plugin("trace", bench.qemu, bench.cache).path
    job = case_prologue(filesystem, bench.cache) + case_line("case", PWRITE, calls=calls) + b"end\n"

    def plain():
        with bench.guest(kernel(spec), booted, job) as guest:
            collect_figures(guest, [PWRITE], calls)

    def watched():
        record(bench, kernel(spec), booted, case=PWRITE, filesystem=filesystem, calls=calls,
               plugin=plugin)

    plain()
    # Runs beside each other: what else the machine does changes what a run takes.
    assert min(seconds(watched) / seconds(plain) for _ in range(5)) <= 2


def test_symbols_are_the_guests_own(kernel, bench):
    one = kernel("debian:6.18")
    text = symbol_text(bench, one, bench.boot(one, Filesystem()))
    assert " ext4_block_write_begin\n" in text and "\t[brd]" in text
    assert "__pfx_" not in text


def test_a_qemu_without_plugins(kernel, bench, tmp_path):
    fake = put_program(tmp_path / "qemu",
                       "echo 'qemu-system-x86_64: -plugin: invalid option' >&2\nexit 1")
    booted = bench.boot(kernel("debian:6.12"), Filesystem())
    lacking = replace(bench, qemu=replace(bench.qemu, program=str(fake)))
    with pytest.raises(ToolError, match=r"invalid option.*--enable-plugins"):
        record(lacking, kernel("debian:6.12"), booted, case=PWRITE, filesystem=Filesystem(),
               calls=3, plugin=build_plugin("trace", bench.qemu, bench.cache).path)


def test_a_plugin_for_another_qemu_is_refused_by_name(kernel, bench, tmp_path):
    """As when QEMU was upgraded to one that knows only newer interfaces."""
    broken = tmp_path / "plugin"
    broken.write_bytes(b"no shared object")
    booted = bench.boot(kernel("debian:6.12"), Filesystem())
    with pytest.raises(ToolError, match="does not load the counting plugin"):
        record(bench, kernel("debian:6.12"), booted, case=PWRITE, filesystem=Filesystem(),
               calls=3, plugin=broken)


def test_a_guest_that_fails_under_the_plugin_is_no_plugin_error(kernel, bench):
    case = find_cases(["write_u1k"])[0]
    booted = bench.boot(kernel("debian:6.12"), Filesystem())
    with pytest.raises(GuestError, match="cannot mount"):
        record(bench, kernel("debian:6.12"), booted, case=case,
               filesystem=Filesystem(mount_options="no_such_option"), calls=3,
               plugin=build_plugin("trace", bench.qemu, bench.cache).path)


def test_no_descriptor_is_left_open(kernel, bench):
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    profile([(kernel("debian:6.12"), replace(ONE, calls=5))], bench=bench)
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) <= before
