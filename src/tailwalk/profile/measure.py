# SPDX-License-Identifier: GPL-2.0-or-later
"""Profiling a case on a kernel: the exact rig, watched by the counting plugin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from msgspec.structs import replace as replace_fields

from tailwalk.cache import digest_bytes
from tailwalk.cases import Case, Filesystem
from tailwalk.errors import GuestError, TailwalkError, UsageError
from tailwalk.kernels import Kernel
from tailwalk.kernels.spec import require_measurable
from tailwalk.kernels.symbols import UNKNOWN, Function, SymbolTable, packed_names, read_symbols
from tailwalk.plugins.build import Plugin, build_plugin
from tailwalk.profile.events import added_paths
from tailwalk.profile.loops import busiest_loop
from tailwalk.profile.record import (
    PROFILED_ON,
    Loop,
    OtherCalls,
    Profile,
    ProfiledFunction,
    TreeNode,
)
from tailwalk.profile.trace import Recording, TracedCall, read_recording
from tailwalk.profile.tree import CallTree, build_tree
from tailwalk.progress import Progress
from tailwalk.rigs.alone import (
    DRIVER,
    CountedAlone,
    FoundAlone,
    States,
    UnrepeatedError,
    by_guest,
    count_those_that_can,
    counted_before,
    is_alone,
    needs_job,
    plugin_arguments,
    trace_alone,
)
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import as_finished, collected
from tailwalk.rigs.counting import collect_figures, figure_alone
from tailwalk.rigs.job import CaseError, case_line, case_prologue, counting_job
from tailwalk.rigs.plan import Plan
from tailwalk.rigs.recording import symbol_text, watched
from tailwalk.runs import Figure
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.runs.record import made_now
from tailwalk.vm.state import Booted, kernel_record

# Kinds of calls besides the modal one that are looked into, the dearest in all first.
_MOST_OTHERS = 40


def profile(subjects: Sequence[tuple[Kernel, Plan]], *,
            bench: Bench | None = None) -> list[Profile]:
    """The profile of each kernel by its plan, which has one case; guests side by side on the
    machine's cores.

    Raises UsageError for a plan that cannot be run, ToolError where QEMU loads no plugin or there
    is no compiler, KernelError where the kernel names no functions, GuestError where a guest
    fails or the books do not balance.
    """
    found = collected(profile_each(subjects, bench=bench))
    return [found[number] for number in range(len(subjects))]


def profile_each(subjects: Sequence[tuple[Kernel, Plan]], *, bench: Bench | None = None) -> (
        Generator[tuple[int, Profile | TailwalkError]]):
    """As `profile`, but one after the other as they finish, each with its number; a guest that
    fails gives its error and does not stop the others."""
    require_measurable(*(kernel.spec for kernel, _ in subjects))
    for _, plan in subjects:
        if len(plan.check_for(PROFILED_ON).cases) != 1:
            raise UsageError(f"a profile is of one case, and the plan has {len(plan.cases)}: take "
                             f"one, such as {plan.cases[0].name}.")
    bench = bench or Bench.prepare()
    plugin = build_plugin("trace", bench.qemu, bench.cache)
    states = States()
    with bench.progress.task("profile", len(subjects)) as task:
        def one(kernel: Kernel, plan: Plan) -> Profile:
            machine = replace(bench.machine, append=plan.append)
            made = _profile(kernel, plan, replace(bench, machine=machine), plugin, states)
            task.advance()
            return made

        yield from as_finished([partial(one, kernel, plan) for kernel, plan in subjects])


_ATTEMPTS = 3  # one in some hundred guests in which processes wait differs by some instructions


def _profile(kernel: Kernel, plan: Plan, bench: Bench, plugin: Plugin,
             states: States) -> Profile:
    case, = plan.cases
    booted = bench.boot(kernel, plan.filesystem)
    text = symbol_text(bench, kernel, booted)
    symbols = read_symbols(text, kernel.spec)
    if is_alone(case):
        split = build_plugin("split", bench.qemu, bench.cache).path, plugin_arguments(text)
        figure, recording = _record_alone(bench, kernel, booted, plan=plan, plugin=plugin.path,
                                          split=split, states=states)
        modal = recording.calls[0].profile
        tree = build_tree(recording.trace(modal), symbols, apart=DRIVER)
        figure = _balanced(figure, tree, recording.calls[0], kernel)
    else:
        figure, recording = record(bench, kernel, booted, case=case, filesystem=plan.filesystem,
                                   calls=plan.calls, plugin=plugin.path)
        modal = _modal(figure, recording, kernel)
        tree = build_tree(recording.trace(modal), symbols)
    functions = _functions(tree)
    places = {function: at for at, function in enumerate(functions)}
    alike = (figure.main.each().count(figure.main.value) if is_alone(case) else
             sum(call.profile == modal for call in recording.calls))
    others, left = _others(recording, symbols, modal, tree)
    return Profile(
        **made_now(),
        kernel=kernel_record(kernel, booted.said),
        conditions=bench.conditions(plan.filesystem),
        plugin=plugin.digest,
        inputs=digest_bytes(booted.key.encode(), plugin.digest.encode(),
                            case_line("case", case, calls=case.calls_of(plan.calls))),
        figure=figure,
        count=tree.count,
        unattributed=sum(node.count for node in tree.nodes if node.function is UNKNOWN),
        share=alike / figure.main.number,
        functions=list(functions.values()),
        tree=[TreeNode(function=places[node.function], parent=node.parent, entered=node.entered,
                       count=node.count) for node in tree.nodes],
        loops=list(_loops(tree, places)),
        others=others, others_left=left,
        symbols=packed_names(symbols.names))


def record(bench: Bench, kernel: Kernel, booted: Booted, *, case: Case, filesystem: Filesystem,
           calls: int, plugin: Path) -> tuple[Figure, Recording]:
    """Measure one case that shares its guest with the plugin beside: the figure, as the exact rig
    has it, and the recording of its calls.

    Raises ToolError where QEMU loads no plugin, CaseError for a case that has no figure,
    GuestError as `Guest.frame`.
    """
    job = counting_job(case_prologue(filesystem, bench.cache), [case], calls)
    with watched(bench, kernel, booted, job, plugins=[(plugin, "")]) as (guest, outputs):
        figure, = collect_figures(guest, [case], calls)
        return figure, read_recording(outputs()[0], case.calls_of(calls))


def _record_alone(bench: Bench, kernel: Kernel, booted: Booted, *, plan: Plan, plugin: Path,
                  split: tuple[Path, str], states: States) -> tuple[Figure, Recording]:
    """As `record`, of a case that is alone in its guest: the recording is of the call that the
    figure is of."""
    case, = plan.cases
    needs = needs_job(case_prologue(plan.filesystem, bench.cache), case)
    state = states.left_by(bench, kernel, booted, needs)
    cases = by_guest([case])[0]
    found, output = repeated(
        case, counted_before(bench, booted, cases, plan.calls, needs=needs),
        lambda: count_those_that_can(bench, kernel, booted, cases, plan.calls, plugin=split,
                                     state=state, needs=needs),
        lambda found: trace_alone(bench, kernel, booted, plan.calls, plugin=plugin, state=state,
                                  found=found), bench.progress)
    return figure_alone(case, found), read_recording(output, 1, before=0)


def repeated(case: Case, counted: FoundAlone | None, count: Callable[[], FoundAlone],
             trace: Callable[[Mapping[Case, CountedAlone]], bytes],
             progress: Progress) -> tuple[CountedAlone, bytes]:
    """What a case came to, `counted` or counted now, and the trace of that, in another guest.

    Raises CaseError for a case that has no figure, and UnrepeatedError where the guests differ
    again and again.
    """
    attempt = 1
    while True:
        found, missing = counted or count()
        for one in missing:
            if one.case == case:
                raise CaseError(one)
        try:
            return found[case], trace(found)
        except UnrepeatedError as error:
            if attempt == _ATTEMPTS:
                raise
            progress.note(f"{error} It is counted and traced once more.")
            counted, attempt = None, attempt + 1


def _modal(figure: Figure, recording: Recording, kernel: Kernel) -> tuple[int, ...]:
    """The most common profile among the calls with the figure's value.

    Raises GuestError where the plugin and the guest's own counter disagree.
    """
    amount = figure.main
    values = amount.each()
    if len(values) != len(recording.calls):
        raise GuestError(f"the counting plugin saw {len(recording.calls)} of {len(values)} calls "
                         f"on {kernel.spec}: the result is torn.")
    modal, _ = Counter(call.profile for call, value in zip(recording.calls, values, strict=True)
                       if value == amount.value).most_common(1)[0]
    counted = next(call.kernel for call in recording.calls if call.profile == modal)
    user = amount.value - counted if amount.user is None else amount.user
    if counted + user != amount.value:
        raise GuestError(f"the books do not balance on {kernel.spec}: the plugin counted {counted} "
                         f"kernel instructions, the guest's counter {amount.value - user}.")
    if not recording.has_trace(modal):
        raise GuestError(f"the calls of {figure.case.name} on {kernel.spec} differ so much from "
                         "each other that the common ones were not kept: ask for fewer --calls.")
    return modal


def _balanced(figure: Figure, tree: CallTree, call: TracedCall, kernel: Kernel) -> Figure:
    """The figure of a case that was alone in its guest, with all that is no kernel's as its user
    instructions: those of other programs are among them.

    Raises GuestError where the two plugins disagree.
    """
    amount = figure.main
    user = int(amount.value) - tree.count
    if tree.apart != figure.apart or tree.count + tree.apart != call.kernel or not (
            0 <= user <= call.user):
        raise GuestError(
            f"the books do not balance on {kernel.spec}: of {amount.value:,} instructions of "
            f"{figure.case.name} and {figure.apart} of the disk's driver, {call.kernel:,} were "
            f"traced in the kernel, {tree.apart:,} of them in the driver, and {call.user:,} in "
            "user mode.")
    return replace_fields(figure, metrics=figure.metrics | {
        INSTRUCTIONS.name: replace_fields(amount, user=user)})


def _functions(tree: CallTree) -> dict[Function, ProfiledFunction]:
    """The functions executed, the dearest first."""
    made = {
        function: ProfiledFunction(
            name=function.name, module=function.module, address=hex(function.address),
            count=counts.total(),
            instructions=[f"{address - function.address:#x} {counts[address]} "
                          f"{tree.code[address].hex()}" for address in sorted(counts)])
        for function, counts in tree.addresses().items()}
    return dict(sorted(made.items(), key=lambda item: (-item[1].count, item[1].name)))


def _loops(tree: CallTree, places: dict[Function, int]) -> list[Loop]:
    entries: Counter[Function] = Counter()
    found = []
    for invocation in tree.invocations:
        function = invocation.function
        if function is not UNKNOWN and (loop := busiest_loop(
                invocation, function=places[function], entry=entries[function])):
            found.append(loop)
        entries[function] += 1
    return found


def _others(recording: Recording, symbols: SymbolTable, modal: tuple[int, ...],
            tree: CallTree) -> tuple[list[OtherCalls], int]:
    """What the calls with other profiles did besides, and how many calls are left out."""
    numbers: dict[tuple[int, ...], list[int]] = {}
    for number, call in enumerate(recording.calls):
        if call.profile != modal:
            numbers.setdefault(call.profile, []).append(number)
    added = {profile: len(calls) * (recording.calls[calls[0]].kernel - tree.count)
             for profile, calls in numbers.items()}
    looked = sorted((profile for profile in numbers if recording.has_trace(profile)),
                    key=lambda profile: -added[profile])[:_MOST_OTHERS]
    found = []
    for profile in looked:
        other = build_tree(recording.trace(profile), symbols)
        paths, elsewhere = added_paths(other, tree)
        found.append(OtherCalls(calls=len(numbers[profile]), first=numbers[profile][0],
                                count=other.count, added=paths, elsewhere=elsewhere))
    return found, sum(map(len, numbers.values())) - sum(other.calls for other in found)
