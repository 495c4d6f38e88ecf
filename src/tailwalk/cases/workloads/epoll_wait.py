# SPDX-License-Identifier: GPL-2.0-or-later
"""epoll_wait(2) that need not wait."""

from tailwalk.cases.workload import Parameter, Workload

WORKLOAD = Workload(
    name="epoll_wait", family="events", pattern="epoll_wait_u{ready}",
    call="epoll_wait(2) on a set of {ready} eventfds, which are all ready",
    parameters=(Parameter(
        name="ready", unit="number", meaning="descriptors that are ready", least=1, most=500,
        refusal="case {case}: {value} descriptors; 1 to 500 can be ready."),))
