# SPDX-License-Identifier: GPL-2.0-or-later
"""A source tree made up for tests: it is configured and built like a kernel's, in a second."""

from __future__ import annotations

from pathlib import Path

from made_kernels import make_vmlinux

MAKEFILE = """\
VERSION = 6
PATCHLEVEL = 18
SUBLEVEL = 1
EXTRAVERSION =

objects = $(patsubst %.c,%.o,$(wildcard fs/*.c))

vmlinux: vmlinux.in $(objects) tools/tool FORCE
\t@cat vmlinux.in $(objects) > $@

%.o: %.c fs/ring.h tools/tool
\t@echo '  CC      $@'
\t@$(CC) -c -o $@ $<

# As the kernel's tools/ do, this one remembers the absolute path it was made at.
tools/tool: FORCE
\t@echo '$(CURDIR)' | cmp -s - tools/.tool.cmd || { echo '  HOSTCC  $@'; touch $@; \\
\techo '$(CURDIR)' > tools/.tool.cmd; }

allnoconfig:
\t@echo configured
\t@grep -v CONFIG_BTRFS_FS $(KCONFIG_ALLCONFIG) > .config

.PHONY: FORCE allnoconfig
"""

RING = """\
#include "ring.h"

int walk(int size, int to)
{
\tint step = 0;

\treturn step < size;
}
"""

DEFINITION = """\
name = "short"
title = "End the walk early"
holds = "v6.18"
why = "It is made up."

[[patches]]
subject = "ring: end the walk early"
changelog = "It is made up."

[[patches.edits]]
file = "fs/ring.c"
inside = "walk"
replace = "step < size"
text = "step < to"
"""


def make_source(root: Path) -> Path:
    """Write the tree to `root`."""
    files = {
        "Makefile": MAKEFILE,
        "Kconfig": "# nothing\n",
        ".gitignore": "*.o\n.config\nvmlinux\n.*.cmd\n!.gitignore\n",
        "arch/x86/Kconfig": "# nothing\n",
        "arch/arm/Kconfig": "# nothing\n",
        "arch/arm/left_out.c": "int arm;\n",
        "fs/ring.c": RING,
        "fs/ring.h": "int walk(int size, int to);\n",
        "fs/other.c": "int other = 1;\n",
        "sound/left_out.c": "int sound;\n",
        "tools/README": "made up\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "vmlinux.in").write_bytes(make_vmlinux("6.18.1"))
    (root / "fs/linked.h").symlink_to("ring.h")
    return root
