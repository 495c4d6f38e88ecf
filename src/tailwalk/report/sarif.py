# SPDX-License-Identifier: GPL-2.0-or-later
"""A gate as SARIF 2.1.0: a rule for each case and metric that regressed, a result for each kernel
on which it did.

A regression is in no source file: a result's location is the case on the kernel, a logical one.
Where a file of accepted differences is given, the result also leads there, to the entry that is of
it or to the file's beginning: GitHub shows no result without a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from tailwalk import __version__
from tailwalk.compare.accepted import AcceptFile
from tailwalk.report.gate import Gate, Judged, Outcome
from tailwalk.runs.record import encode
from tailwalk.words import everywhere, visible

_SCHEMA = ("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
           "sarif-schema-2.1.0.json")

_LEVELS: dict[Outcome, str] = {"regressed": "error", "failed": "warning", "unjudged": "warning",
                              "accepted": "note"}


def sarif(gate: Gate, accepting: AcceptFile | None = None) -> bytes:
    """The log: an error for each regression, a note with its reason where it is accepted, a
    warning where a case failed, or a figure cannot be judged."""
    gate = everywhere(gate, visible)
    found = [one for outcome in _LEVELS for one in gate.worst_first(outcome)]
    rules = {_rule(one): one for one in found}
    return encode({
        "$schema": _SCHEMA, "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tailwalk", "version": __version__,
                "rules": [{
                    "id": rule, "shortDescription": {"text": f"{one.name}: {one.metric}"},
                    "fullDescription": {"text": one.measured},
                    "properties": {"family": one.family},
                } for rule, one in rules.items()]}},
            "properties": {"baseline": gate.baseline, "conditions": [
                f"{name}: {text}" for name, text in gate.facts]},
            "results": [_result(one, list(rules).index(_rule(one)), accepting) for one in found],
        }]})


def _rule(one: Judged) -> str:
    return f"{one.metric}/{one.name}"


def _result(one: Judged, rule: int, accepting: AcceptFile | None) -> dict[str, Any]:
    location: dict[str, Any] = {"logicalLocations": [
        {"name": one.name, "fullyQualifiedName": f"{one.kernel}/{one.family}/{one.name}"}]}
    if accepting is not None:
        line = accepting.lines[one.accepted.entry - 1] if one.accepted and accepting.lines else 1
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(accepting.path)},
                                        "region": {"startLine": line}}
    result = {
        "ruleId": _rule(one), "ruleIndex": rule,
        "level": _LEVELS[one.outcome],
        "message": {"text": "\n".join([f"{one.name} on {one.kernel} {one.lines[0]}",
                                       *one.lines[1:]])},
        "locations": [location],
        "partialFingerprints": {"caseOnKernel/v1": f"{one.kernel}/{_rule(one)}"},
        "properties": {"kernel": one.kernel, "case": one.case, "metric": one.metric,
                       "ratio": one.ratio},
    }
    if one.outcome == "accepted" and one.accepted is not None:
        result["suppressions"] = [{"kind": "external", "status": "accepted",
                                   "justification": f"{one.accepted.reason} (until "
                                                    f"{one.accepted.until})"}]
    return result


def _uri(path: Path) -> str:
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
