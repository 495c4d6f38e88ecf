# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of this machine, and what is found for them: libraries, loaders, interpreters."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tailwalk.errors import UsageError
from tailwalk.programs.local import ALONE, Local, find_local
from tailwalk.programs.tree import Tree

Compile = Callable[..., Path]


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    """What a C compiler makes of a source."""
    def compiled(name: str, source: str, *flags: str) -> Path:
        (tmp_path / "source.c").write_text(source)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-o", path, tmp_path / "source.c", *flags], check=True)
        return path

    return compiled


def find(path: Path) -> Local:
    return find_local(path, most=1 << 30)


def listed_by_loader(path: Path) -> set[str]:
    """What ld.so itself says that it would load."""
    said = subprocess.run(["/lib64/ld-linux-x86-64.so.2", "--list", path], capture_output=True,
                          text=True, check=True).stdout
    return {str(Path(word).resolve()) for word in said.split() if word.startswith("/")}


def loaded(local: Local) -> set[str]:
    return {str(path.resolve()) for name, path in local.files.items()
            if ".so" in name and not name.endswith("ld.so.cache")}


@pytest.mark.parametrize("program", ["/bin/ls", "/usr/bin/env", "/usr/bin/python3",
                                     "/usr/bin/gcc"])
def test_finds_what_the_loader_finds(program: str) -> None:
    path = Path(program)
    if not path.exists():
        pytest.skip(f"no {program}")
    assert loaded(find(path)) == listed_by_loader(path)


def test_a_static_program_is_alone_wherever_it_lies(compiled: Compile) -> None:
    path = compiled("program", "int main(void) { return 0; }", "-static")
    found = find(path)
    assert (found.program, dict(found.files), dict(found.links)) == (
        ALONE, {ALONE[1:]: path}, {})


def test_links_on_the_way_are_carried(compiled: Compile, tmp_path: Path) -> None:
    compiled("real/lib/libown.so.1.2", "int own(void) { return 5; }", "-shared", "-fPIC",
             "-Wl,-soname,libown.so.1")
    (tmp_path / "real/lib/libown.so.1").symlink_to("libown.so.1.2")
    (tmp_path / "lib").symlink_to("real/lib")
    path = compiled("program", "int own(void); int main(void) { return own(); }",
                    str(tmp_path / "lib/libown.so.1"), f"-Wl,-rpath,{tmp_path}/lib")
    found = find(path)
    assert found.program == ALONE
    assert loaded(found) == listed_by_loader(path)
    tree = Tree()
    found.add_to(tree)
    node = tree.find(f"{tmp_path}/lib/libown.so.1")
    assert node is not None
    assert node.size == (tmp_path / "real/lib/libown.so.1.2").stat().st_size
    # What the guest has is named by content and names.
    from tailwalk.cache import Cache
    cache = Cache(tmp_path / "cache")
    before = found.key(cache)
    assert find(path).key(cache) == before
    (tmp_path / "real/lib/libown.so.1.2").write_bytes(b"other")
    assert found.key(cache) != before


@pytest.mark.parametrize("tag", ["--enable-new-dtags", "--disable-new-dtags"])
def test_libraries_beside_the_program(compiled: Compile, tag: str) -> None:
    """And a library that the library needs, which DT_RPATH finds too, and DT_RUNPATH does not."""
    compiled("app/lib/libinner.so", "int inner(void) { return 5; }", "-shared", "-fPIC")
    compiled("app/lib/libouter.so", "int inner(void); int outer(void) { return inner(); }",
             "-shared", "-fPIC", str(compiled("app/lib/libinner.so",
                                              "int inner(void) { return 5; }", "-shared", "-fPIC",
                                              "-Wl,-soname,libinner.so")),
             "-Wl,-soname,libouter.so")
    path = compiled("app/bin/program", "int outer(void); int main(void) { return outer(); }",
                    f"-L{compiled('x', 'int main(void) { return 0; }').parent}/app/lib",
                    "-louter", "-Wl,--allow-shlib-undefined", f"-Wl,{tag}",
                    "-Wl,-rpath,$ORIGIN/../lib")
    if tag == "--enable-new-dtags":
        with pytest.raises(UsageError, match=r"needs the library libinner.so \(of .*libouter.so\)"):
            find(path)
        return
    found = find(path)
    assert found.program == str(path)  # it has to lie where it lies
    assert loaded(found) == listed_by_loader(path)


def test_a_missing_library_is_named(compiled: Compile) -> None:
    library = compiled("libgone.so", "int gone(void) { return 5; }", "-shared", "-fPIC",
                       "-Wl,-soname,libgone.so")
    path = compiled("program", "int gone(void); int main(void) { return gone(); }", str(library))
    with pytest.raises(UsageError, match=f"{path} needs the library libgone.so .* not found"):
        find(path)


def test_a_missing_loader_is_named(compiled: Compile) -> None:
    path = compiled("program", "int main(void) { return 0; }", "-Wl,-I/nowhere/ld.so")
    with pytest.raises(UsageError, match=r"is loaded by /nowhere/ld.so, which is not"):
        find(path)


def script(path: Path, line: str) -> Path:
    path.write_text(f"{line}\necho\n")
    path.chmod(0o755)
    return path


def test_a_script_brings_its_interpreter(tmp_path: Path) -> None:
    path = script(tmp_path / "script", "#!/bin/sh -e")
    found = find(path)
    assert found.program == str(path)
    assert listed_by_loader(Path("/bin/sh")) <= loaded(found)
    names = {str(one) for one in found.files.values()}
    assert {str(Path("/bin/sh").resolve()), str(path)} <= names
    assert str(path)[1:] in found.files
    of = find(script(tmp_path / "of", f"#!{path}"))
    assert str(path)[1:] in of.files
    env = find(script(tmp_path / "env", "#!/usr/bin/env -S A=b sh"))
    assert {"env", Path("/bin/sh").resolve().name} <= {Path(name).name for name in env.files}


@pytest.mark.parametrize(("line", "said"), [
    ("#!/nowhere/sh", "the interpreter '/nowhere/sh', which is not on this machine"),
    ("#!sh", "the interpreter 'sh', which is not"), ("#!", "the interpreter '', which is not"),
    ("#!SELF", "interpreters in a row"), ("echo", "is no ELF program"),
])
def test_a_script_that_cannot_begin_is_refused(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "script"
    with pytest.raises(UsageError, match=said):
        find(script(path, line.replace("SELF", str(path))))


def test_a_name_that_only_a_shell_would_find_is_told_with_its_path(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "name"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=rf"program name: .*Name it by its path, {program}\.$"):
        find_local(Path("name"), most=1 << 20)
    with pytest.raises(UsageError, match=r"program nowhere: No such file or directory\.$"):
        find_local(Path("nowhere"), most=1 << 20)


def test_more_than_the_guest_has_room_for_is_refused() -> None:
    with pytest.raises(UsageError, match="more than"):
        find_local(Path("/bin/ls"), most=200_000)
