# SPDX-License-Identifier: GPL-2.0-or-later
"""epoll_ctl(2) that adds a descriptor."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="epoll_add", family="events", pattern="epoll_add_u",
    call="epoll_ctl(2) that adds an eventfd to an empty set",
    outside="epoll_ctl(2) that takes out what the last call added")
