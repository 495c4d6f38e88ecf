# SPDX-License-Identifier: GPL-2.0-or-later
"""A verification as plain text."""

from __future__ import annotations

from tailwalk.verify.record import Finding, Verification

_MOST_LINES = 40


def verification_text(verification: Verification) -> str:
    """What was done, and what was found, in lines of plain text."""
    one = verification
    lines = [
        f"kernel           {one.kernel.spec} ({one.kernel.release})",
        f"configurations   {', '.join(one.configurations)}",
        f"sessions         from {one.seed} on",
        f"operations       {one.operations:,}",
        f"power cuts       {one.power_cuts:,} ({one.cut_images:,} disks recovered)",
        f"bytes compared   {one.compared:,}"
        + (f", of them {one.durable:,} durable after a cut" if one.power_cuts else ""),
        *_manner(one),
        *_failing(one),
        *_landed(one),
        f"time             {one.seconds:,.1f} s on {one.engine}",
        "",
    ]
    if one.finding is None:
        lines.append("No difference found.")
    else:
        lines += _finding(one.finding)
    return "\n".join(lines) + "\n"


def _manner(one: Verification) -> list[str]:
    lines = []
    if one.writers > 1:
        lines.append(f"writers          {one.writers}, to the same files")
    if one.direct:
        lines.append("direct I/O       among cached operations")
    if one.failing_writes:
        lines.append(f"disk             {one.failing_writes}% of its writes fail: "
                     f"{one.failed_writes:,} did, {one.told:,} operations told of it, "
                     f"{one.read_only:,} sessions ended read-only")
    return lines


def _failing(one: Verification) -> list[str]:
    if not one.failing:
        return []
    return [f"allocations      {one.failing}% of those in writes made to fail: {one.repeated:,} "
            "writes repeated"]


def _landed(one: Verification) -> list[str]:
    total = sum(one.landed.values())
    if not total:
        return []
    large = sum(count for where, count in one.landed.items() if where not in ("0", "uncached"))
    return [f"writes landed    {100 * large / total:.0f}% in folios of two pages or more, "
            f"{100 * one.landed.get('uncached', 0) / total:.0f}% where none was cached "
            "(fills not counted)"]


def _finding(finding: Finding) -> list[str]:
    where = f"{finding.configuration}, session {finding.seed}"
    if finding.operation is not None:
        where += f", operation {finding.operation}"
    if finding.after_cut is not None:
        where += f", after a power cut (writes not flushed: {finding.after_cut})"
    details = finding.details
    if len(details) > _MOST_LINES:
        details = [*details[:_MOST_LINES], f"({len(details) - _MOST_LINES} more lines)"]
    lines = [f"FOUND: {finding.title}", f"  {where}", *(f"  {line}" for line in details),
             f"  replay: {finding.replay}"]
    if finding.kept is not None:
        lines.append(f"  image: {finding.kept}")
    return lines
