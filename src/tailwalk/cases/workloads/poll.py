# SPDX-License-Identifier: GPL-2.0-or-later
"""poll(2) of many sockets."""

from tailwalk.cases.sockets import SOCKETS, WRITABLE
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="poll", family="event", pattern="poll_{writable}{number}",
    most_calls=100, parameters=(WRITABLE,),
    call="poll(2) that asks {number} sockets for data{writable}, without waiting",
    needs=(SOCKETS,))
