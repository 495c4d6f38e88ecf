# SPDX-License-Identifier: GPL-2.0-or-later
"""What every rendering of profiles says in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from tailwalk.cases import show_size
from tailwalk.profile.difference import Difference, DifferenceRow
from tailwalk.profile.pairing import plain_name
from tailwalk.profile.record import PROFILED_ON, OtherCalls, Profile
from tailwalk.report.words import conditions, short_names, show_bytes, show_order, show_percent
from tailwalk.runs.metrics import RIGS
from tailwalk.runs.record import notes_by_kernel
from tailwalk.words import listed

_LONGEST_LABEL = 22  # characters


def show_change(change: int) -> str:
    """A difference with its sign and thousands separators."""
    return f"{change:+,}" if change else "0"


def show_share(part: int, whole: int) -> str:
    """A part of a difference in percent; nothing where there is no difference."""
    return show_percent(round(part / whole, 3) + 0.0) if whole else ""  # -0.0 + 0.0 is 0.0


def side_labels(profiles: Sequence[Profile]) -> list[str]:
    """What to call each profile in few characters: its kernel, or what is particular to it where
    the kernel is the same, or a number."""
    particular = _particular(profiles)
    kernels = [(profile.kernel.spec, profile.kernel.release) for profile in profiles]
    if particular == [spec for spec, _ in kernels]:
        return short_names(kernels, longest=_LONGEST_LABEL)
    if len(set(particular)) == len(particular) and max(map(len, particular)) <= _LONGEST_LABEL:
        return particular
    return [f"#{number}" for number in range(len(profiles))]


def _particular(profiles: Sequence[Profile]) -> list[str]:
    """What tells each profile from the others: its kernel, else its conditions."""
    specs = [profile.kernel.spec for profile in profiles]
    if len(set(specs)) == len(specs) or not (differing := _differing(profiles)):
        return specs
    return [", ".join(found) for found in zip(*differing, strict=True)]


def _differing(profiles: Sequence[Profile]) -> list[list[str]]:
    """The parameters in which the profiles differ, each with its value for each profile."""
    cases = [profile.figure.case for profile in profiles]
    systems = [profile.conditions.filesystem for profile in profiles]
    values = {
        **{name.replace("_", " "): [show_bytes(case.get(name) or 0) for case in cases]
           for name in ("fill", "offset", "file_size")},
        "folios": ["uptodate" if case.uptodate else "not uptodate" for case in cases],
        "on": [system.kind for system in systems],
        "blocks": [show_size(system.block_size) for system in systems],
        "options": [system.mount_options or "default" for system in systems],
    }
    return [[f"{name} {value}" for value in each]
            for name, each in values.items() if len(set(each)) > 1]


def sentence(found: Difference) -> str:
    """Which functions carry the change, in one sentence."""
    carriers = found.carriers()
    if not carriers:
        return "Both execute the same number of kernel instructions."
    carried = sum(row.difference for row in carriers)
    others = sum(1 for row in found.rows if row.difference) - len(carriers)
    rest = "" if not others else (
        f"; {others} other function{'s' if others > 1 else ''} together: "
        f"{show_change(found.total - carried)}")
    named = listed([f"{_with_parts(row)} ({show_change(row.difference)})" for row in carriers])
    return (f"{show_change(found.total)} instructions, {_part(carried, found.total)}in "
            f"{named}{rest}.")


def _part(carried: int, whole: int) -> str:
    """How much of a change some functions carry, in words; nothing where they carry more than it,
    or less than most."""
    if carried == whole:
        return "all "
    share = carried / whole if whole else 0.0
    return "nearly all " if 0.9 <= share <= 1.1 else "most " if 0.5 < share < 0.9 else ""


def _with_parts(row: DifferenceRow) -> str:
    """A function's name, and the functions that are counted with it as one kernel lacks them."""
    parts = sorted({name for side in row.raw for name in side if plain_name(name) != row.name})
    return f"{row.name} (with {listed(parts)})" if parts else row.name


def profile_conditions(profiles: Sequence[Profile], labels: Sequence[str]) -> list[tuple[str, str]]:
    """What a reader has to know to repeat or doubt the figures, as names and texts."""
    first = profiles[0]
    lines = [(label, ", ".join(dict.fromkeys(
                  part for part in (profile.kernel.spec, particular, profile.kernel.release)
                  if part != label)))
             for profile, label, particular in zip(
                 profiles, labels, _particular(profiles), strict=True)]
    calls = first.figure.main.number
    shares = " and ".join(show_percent(profile.share) for profile in profiles)
    lines += [
        ("rig", f"{PROFILED_ON} ({RIGS[PROFILED_ON].where}, watched by a plugin); executed "
                "instructions, a count and not a time"),
        ("profile", f"of a call that took just the median; {shares} of {calls} calls did"
         if first.figure.split else
         f"of the modal call: {shares} of {calls} calls executed exactly these instructions"),
    ]
    lines += [line for line in conditions(PROFILED_ON, first.conditions,
                                          [profile.figure.case for profile in profiles])
              if line[0] != "rig"]
    orders = ["unknown" if profile.figure.written is None else show_order(profile.figure.written)
              for profile in profiles]
    if any(profile.figure.case.cached for profile in profiles):
        lines.append(("written to", orders[0] if len(set(orders)) == 1 else " and ".join(orders)))
    return lines + [("note", note) for note in notes_by_kernel(
        profile.kernel for profile in profiles)]


def events(other: OtherCalls) -> str:
    """What happened in calls that are not the modal one, in the words known for it."""
    known = dict.fromkeys(event for path in other.added for event in path.events)
    return ", ".join(known) or "other paths"
