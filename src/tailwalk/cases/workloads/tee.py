# SPDX-License-Identifier: GPL-2.0-or-later
"""tee(2)."""

from tailwalk.cases.cached_file import PIPED
from tailwalk.cases.workload import Workload

WORKLOAD = Workload(
    name="tee", family="transfer", pattern="tee_u{size}",
    call="tee(2) of {size:bytes} in a pipe to an empty one",
    outside="emptying of the second pipe", parameters=(PIPED,))
