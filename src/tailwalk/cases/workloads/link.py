# SPDX-License-Identifier: GPL-2.0-or-later
"""link(2)."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="link", family="names", pattern="link_u", call="link(2) of an empty file to a second name",
    outside="unlink(2) of the link that the last call made", counted="median")
