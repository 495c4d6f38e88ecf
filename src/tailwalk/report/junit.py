# SPDX-License-Identifier: GPL-2.0-or-later
"""A gate as JUnit XML, which every CI service reads: a suite for each kernel after the baseline, a
test for each case and metric.

Elements and attributes are those of Jenkins' schema (its xUnit plugin's junit-10.xsd); no time is
given, since a count of instructions is none.
"""

from __future__ import annotations

from xml.etree import ElementTree

from tailwalk.report.gate import Gate, Judged
from tailwalk.words import everywhere, visible

_PARTS = {"regressed": "failure", "unjudged": "error", "failed": "error", "empty": "skipped"}


def junit(gate: Gate) -> bytes:
    """The XML: what is accepted passes, and says so; what failed, or cannot be judged, is an
    error."""
    gate = everywhere(gate, visible)  # XML 1.0 has no place for most control characters
    root = ElementTree.Element("testsuites", {"name": "tailwalk", **_counts(list(gate.judged))})
    for label, release in gate.kernels:
        judged = gate.of(label)
        suite = ElementTree.SubElement(root, "testsuite", {
            "name": label, **_counts(judged),
            "skipped": str(sum(one.outcome == "empty" for one in judged))})
        properties = ElementTree.SubElement(suite, "properties")
        for name, value in (("kernel", label), ("release", release), ("baseline", gate.baseline),
                            *gate.facts):
            ElementTree.SubElement(properties, "property", {"name": name, "value": value})
        for one in judged:
            _add_test(suite, one)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _counts(judged: list[Judged]) -> dict[str, str]:
    parts = [_PARTS.get(one.outcome) for one in judged]
    return {"tests": str(len(judged)), "failures": str(parts.count("failure")),
            "errors": str(parts.count("error"))}


def _add_test(suite: ElementTree.Element, one: Judged) -> None:
    # Services show what stands before the last dot as a package, and take both names together for
    # what tells a test from another.
    test = ElementTree.SubElement(suite, "testcase", {
        "classname": f"{one.kernel}.{one.family}", "name": one.name})
    if (part := _PARTS.get(one.outcome)) is not None:
        what = {"message": one.said} | ({} if part == "skipped" else {"type": one.outcome})
        ElementTree.SubElement(test, part, what).text = (
            one.said if part == "skipped" else "\n".join(one.lines))
    elif one.accepted is not None:
        ElementTree.SubElement(test, "system-out").text = "\n".join(one.lines)
