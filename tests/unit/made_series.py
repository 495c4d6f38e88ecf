# SPDX-License-Identifier: GPL-2.0-or-later
"""A made-up tree, and a series for it."""

from __future__ import annotations

from pathlib import Path

RING = """\
#include <linux/ring.h>

/* Go round. */
void walk(struct ring *ring, int to)
{
\tint step = 0;

\tdo {
\t\ttouch(ring, step);
\t} while (++step < ring->size);
}
EXPORT_SYMBOL(walk);
"""

DEFINITION = """\
name = "short"
title = "End the walk early"
holds = "v1.0 to v2.0"
why = "Nobody looks behind the end."

[[needs]]
file = "fs/ring.c"
has = ["ring->size", "ring_size("]
otherwise = "rings have one size here: the regression is absent"

[[patches]]
subject = "ring: add a helper"
changelog = '''
The next patch needs it.
'''

[[patches.edits]]
file = "fs/helper.h"
create = true
text = '''
int walk_end(struct ring *ring, int to);
'''

[[patches.edits]]
file = "fs/ring.c"
after = "#include <linux/ring.h>"
text = '''
#include "helper.h"
'''

[[patches]]
subject = "ring: end the walk early"
changelog = '''
Nobody looks behind the end.
'''

[[patches.edits]]
file = "fs/ring.c"
inside = "walk"
after = "int step = 0;"
text = '''
\tint end = walk_end(ring, to);
'''

[[patches.edits]]
file = "fs/ring.c"
inside = "walk"
replace = "++step < ring->size"
text = "++step < end"

[[patches.already]]
file = "fs/ring.c"
inside = "walk"
has = "if (step >= to) break;"
"""


def made_tree(folder: Path) -> Path:
    """A tree of source in the folder, which the series is for."""
    root = folder / "linux"
    (root / "fs").mkdir(parents=True)
    (root / "Makefile").write_text("VERSION = 1\n")
    (root / "fs/ring.c").write_text(RING)
    (root / "fs/ring.c").chmod(0o640)
    return root


def made_definition(folder: Path) -> Path:
    """The series, as a file in the folder."""
    path = folder / "short.toml"
    path.write_text(DEFINITION)
    return path
