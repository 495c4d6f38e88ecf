# SPDX-License-Identifier: GPL-2.0-or-later
"""C programs of this project, compiled on first use by the machine's compiler."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tailwalk.cache import Cache, digest_bytes
from tailwalk.errors import ToolError
from tailwalk.processes import run
from tailwalk.refusals import naming


def compiler(name: str = "cc") -> str:
    """The path of a C compiler; raises ToolError where there is none."""
    found = shutil.which(name)
    if found is None:
        raise ToolError(f"there is no C compiler ({name}), which builds what runs in a guest: "
                        "as root, run apt-get install gcc libc6-dev")
    return found


def c_sources(room: str) -> dict[str, bytes]:
    """The C files of a room, those of its folders too, by their paths in it; and the framing that
    all C shares, below `framing/`."""
    package = Path(__file__).parent
    return {f"{prefix}{path.relative_to(package / folder)}": path.read_bytes()
            for folder, prefix in ((room, ""), ("framing", "framing/"))
            for path in sorted((package / folder).rglob("*.[ch]"))}


def compiled(cache: Cache, name: str, sources: Mapping[str, bytes], flags: Sequence[str], *,
             cc: str = "cc", explain: Callable[[str], str | None] = lambda _: None) -> Path:
    """The program `name`, from the cache or compiled now (keyed by sources, flags and compiler).

    `explain` may turn the compiler's complaint into a sentence of its own. Raises ToolError where
    there is no compiler, or it fails.
    """
    cc = compiler(cc)
    with naming(cc):
        _, version = run([cc, "--version"])
    key = digest_bytes(version.encode(), " ".join(flags).encode(),
                       *(part for file, body in sources.items() for part in (file.encode(), body)))

    def make(folder: Path) -> None:
        for file, body in sources.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(body)
        with naming(cc):
            # One that is killed leaves its temporary files where it puts them.
            status, said = run([cc, *flags, "-I.", "-o", name,
                                *(file for file in sources if file.endswith(".c"))],
                               folder=folder, environment={**os.environ, "TMPDIR": "."})
        if status:
            raise ToolError(explain(said) or
                            f"the C compiler cannot build the {name}:\n{said.strip()}")
        for file in sources:
            (folder / file).unlink()
        for parent in {parent for file in sources for parent in Path(file).parents} - {Path()}:
            shutil.rmtree(folder / parent, ignore_errors=True)

    return cache.entry(name, key, make) / name
