# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of a child, and waitpid(2) of it."""

from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="exit", family="process", pattern="exit_10{bare}", counted="median", traceless=True,
    call="{bare} of a child that waits to, and waitpid(2) of it", outside="fork(3) of the child",
    parameters=(Parameter(
        name="bare", unit="number", default=0,
        words={"": "exit(3)", "_nolibc": "_exit(2)"},
        meaning="1: the child ends without what the C library does then"),))
