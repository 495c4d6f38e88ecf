# SPDX-License-Identifier: GPL-2.0-or-later
"""What the workloads on extended attributes share."""

from __future__ import annotations

from tailwalk.cases.workload import Parameter

VALUE = Parameter(
    name="value", unit="bytes", meaning="bytes in an extended attribute", least=1, most=2048,
    refusal="case {case}: {value} bytes; the attribute has 1 to 2048, which all file systems take.")
