# SPDX-License-Identifier: GPL-2.0-or-later
"""fork(2), execve(2) and waitpid(2)."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="exec", family="process", pattern="exec", counted="median", traceless=True, most_calls=50,
    call="fork(3), execve(2) of a static program that ends at once, and waitpid(2)")
