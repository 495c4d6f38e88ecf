# SPDX-License-Identifier: GPL-2.0-or-later
"""What the workloads on extended attributes share."""

from __future__ import annotations

from tailwalk.cases.workload import Parameter, Preparation

ATTRIBUTED = Preparation(
    name="attributed", prepared="an empty file with an attribute of {value} bytes, as no other "
    "file has it", parameters=(Parameter(
        name="value", unit="bytes", least=1, most=2048,
        meaning="bytes in the attribute; what does not fit into the inode, ext4 puts into a block "
                "of its own, which files with equal attributes share",
        refusal="case {case}: {value} bytes; the attribute has 1 to 2048, which all file systems "
                "take."),))
