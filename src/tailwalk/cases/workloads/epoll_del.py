# SPDX-License-Identifier: GPL-2.0-or-later
"""epoll_ctl(2) that takes a descriptor out."""

from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="epoll_del", family="events", pattern="epoll_del_u", counted="median", traceless=True,
    call="epoll_ctl(2) that takes an eventfd out of a set of one",
    outside="epoll_ctl(2) that adds it")
