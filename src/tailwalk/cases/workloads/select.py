# SPDX-License-Identifier: GPL-2.0-or-later
"""select(2) of many sockets."""

from tailwalk.cases.sockets import SOCKETS, WRITABLE
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="select", family="event", pattern="select_{writable}{number}",
    most_calls=100, parameters=(WRITABLE,),
    call="pselect6(2), which is what glibc's select(3) makes, that asks {number} sockets for "
         "data{writable}, without waiting",
    outside="setting of the bits that the last call cleared", needs=(SOCKETS,))
