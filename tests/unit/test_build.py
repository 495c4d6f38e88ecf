# SPDX-License-Identifier: GPL-2.0-or-later
"""Building from a made-up source tree: what is built again, what stays, and what goes wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from made_sources import DEFINITION, MAKEFILE, RING, make_source
from mounts import mounted
from processes import gone
from skips import NOT_HERE
from stand_ins import Notes, put_program
from tailwalk.cache import Cache
from tailwalk.errors import CacheError, KernelError, SeriesError, SpecError, ToolError
from tailwalk.filesystems import KINDS
from tailwalk.kernels.build import differences
from tailwalk.kernels.kernel import Kernel
from tailwalk.kernels.resolve import resolve
from tailwalk.kernels.toolchain import find_toolchain


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_source(tmp_path / "linux")


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    path.write_text(DEFINITION)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def build(cache: Cache) -> Callable[..., Kernel]:
    def run(source: Path, series: Path | str = "", **options: object) -> Kernel:
        plus = f"+{series}" if series else ""
        return resolve(f"src:{source}{plus}", cache=cache, **options)  # type: ignore[arg-type]

    return run


def logs(cache: Cache) -> list[Path]:
    return sorted((cache.root / "logs").glob("*.log"))


def compiled(cache: Cache, which: int = 0) -> list[str]:
    """The objects that a log says were compiled, and whether the tree was configured."""
    lines = logs(cache)[which].read_text().splitlines()
    return [line.split()[-1] for line in lines if line.split()[0] in ("CC", "HOSTCC", "configured")]


def state(root: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path.relative_to(root)): (path.lstat().st_mtime_ns, path.read_bytes())
            for path in root.rglob("*") if path.is_file()}


def entries(cache: Cache, kind: str) -> list[str]:
    """What is in the cache of a kind: entries, and what an interrupted maker left."""
    home = cache.root / kind
    return sorted(path.name for path in home.iterdir()
                  if path.is_dir() and not path.is_symlink()) if home.is_dir() else []


EVERYTHING = ["configured", "fs/other.o", "fs/ring.o", "tools/tool"]


class TestUsersTree:
    def test_it_is_built_and_not_touched(self, source: Path, cache: Cache,
                                         build: Callable[..., Kernel]) -> None:
        before = state(source)
        kernel = build(source)
        assert state(source) == before
        assert sorted(compiled(cache)) == EVERYTHING
        assert kernel.release == "6.18.1"
        assert kernel.modules is None
        assert kernel.image.read_bytes().startswith((source / "vmlinux.in").read_bytes())
        assert kernel.provenance["path"] == str(source)
        assert "gcc" in kernel.provenance["compiler"]

    def test_only_what_a_build_reads_is_copied(self, source: Path, cache: Cache,
                                               build: Callable[..., Kernel]) -> None:
        build(source)
        (tree,) = (cache.root / "worktrees").glob("[0-9a-f]*/tree")
        assert (tree / "arch/arm/Kconfig").is_file()
        assert not list(tree.rglob("left_out.c"))
        assert (tree / "fs/linked.h").readlink() == Path("ring.h")

    def test_the_same_source_is_not_built_again(self, source: Path, cache: Cache,
                                                build: Callable[..., Kernel]) -> None:
        kernel = build(source)
        logs(cache)[0].unlink()
        (source / "sound/left_out.c").write_text("int changed;\n")  # not read by a build
        os.utime(source / "fs/ring.c")
        assert build(source) == kernel
        assert logs(cache) == []

    @pytest.mark.parametrize("file", [
        "fs/other.o", *(pytest.param(file, marks=pytest.mark.slow)
                        for file in ("fs/other.c", "vmlinux"))])
    def test_a_work_tree_that_was_changed_is_not_built_on(
            self, source: Path, cache: Cache, build: Callable[..., Kernel], file: str) -> None:
        first = build(source)
        tree, = (cache.root / "worktrees").glob("[0-9a-f]*/tree")
        status = (tree / file).stat()
        (tree / file).write_bytes((tree / file).read_bytes().swapcase())
        os.utime(tree / file, ns=(status.st_atime_ns, status.st_mtime_ns))
        shutil.rmtree(cache.root / "kernels")
        notes = Notes()
        cache.progress = notes
        assert build(source, progress=notes).digest == first.digest
        assert sorted(compiled(cache)) == EVERYTHING
        assert [note for note in notes.said if f"tree/{file} is not what was kept" in note]
        (tree / file).write_bytes((tree / file).read_bytes().swapcase())
        (source / "fs/ring.c").write_text("int ring = 2;\n")
        build(source)
        assert sorted(compiled(cache)) == EVERYTHING  # and nothing from there

    @pytest.mark.slow
    def test_another_flavour_is_another_kernel(self, source: Path, cache: Cache,
                                               build: Callable[..., Kernel]) -> None:
        plain = build(source)
        checked = resolve(f"debug:{source}", cache=cache)
        plain_tree, checked_tree = sorted(
            (cache.root / "worktrees").glob("[0-9a-f]*/tree"),
            key=lambda tree: "CONFIG_KASAN=y" in (tree / ".config").read_text())
        assert "CONFIG_KASAN=y" not in (plain_tree / ".config").read_text()
        assert "CONFIG_EXT4_FS=y" in (checked_tree / ".config").read_text()
        wanted = (checked_tree / ".config.wanted").read_text().splitlines()
        # What one fragment sets and a later one unsets.
        assert "CONFIG_UNWINDER_GUESS=y" in (plain_tree / ".config.wanted").read_text()
        assert "CONFIG_UNWINDER_GUESS=y" not in wanted
        assert "CONFIG_UNWINDER_FRAME_POINTER=y" in wanted
        assert checked.provenance["configuration"] != plain.provenance["configuration"]
        assert build(source) == plain
        assert resolve(f"debug:{source}", cache=cache) == checked

    def test_a_change_compiles_what_it_must(self, source: Path, cache: Cache,
                                            build: Callable[..., Kernel]) -> None:
        first = build(source)
        old = (source / "fs/other.c").stat()
        (source / "fs/other.c").write_text("int other = 2;\n")
        os.utime(source / "fs/other.c", ns=(old.st_atime_ns, old.st_mtime_ns - 10**12))
        second = build(source)
        assert compiled(cache) == ["fs/other.o"]
        assert second.digest != first.digest
        assert len(entries(cache, "worktrees")) == 1  # the first state's is dropped
        (source / "fs/other.c").unlink()
        (source / "Kconfig").write_text("# something\n")
        third = build(source)
        assert compiled(cache) == ["configured"]
        assert len(third.image.read_bytes()) < len(second.image.read_bytes())

    @pytest.mark.slow
    def test_a_cold_build_gives_the_same_image(self, source: Path, tmp_path: Path,
                                               build: Callable[..., Kernel]) -> None:
        build(source)
        (source / "fs/other.c").write_text("int other = 2;\n")
        warm = build(source)
        cold = resolve(f"src:{source}", cache=Cache(tmp_path / "another"))
        assert cold.digest == warm.digest

    def test_an_option_that_is_not_taken_is_reported(self, source: Path,
                                                     build: Callable[..., Kernel]) -> None:
        notes = Notes()
        kernel = build(source, progress=notes)
        assert kernel.provenance["options not taken"] == "CONFIG_BTRFS_FS=y"
        assert [note for note in notes.said if "CONFIG_BTRFS_FS=y" in note]
        assert build(source).provenance["options not taken"] == "CONFIG_BTRFS_FS=y"

    def test_of_alternatives_one_is_enough(self, tmp_path: Path) -> None:
        def lost(*dropped: str) -> list[str]:
            wanted = files("tailwalk.kernels").joinpath("config/lab.config").read_text()
            lines = [*wanted.splitlines(), *(f"{row.option}=y" for row in KINDS.values())]
            (tmp_path / ".config").write_text("\n".join(
                line for line in lines if line not in dropped))
            return differences(tmp_path, "src")

        driver, library = "CONFIG_CRYPTO_CRC32C_INTEL=y", "CONFIG_CRC_OPTIMIZATIONS=y"
        assert lost() == lost(driver) == lost(library) == []
        assert lost(driver, library) == [f"{driver} or {library}"]
        assert lost("CONFIG_SYSCTL=y", "CONFIG_PCI=y") == ["CONFIG_PCI=y"]

    def test_the_users_make_variables_do_not_count(self, source: Path, cache: Cache,
                                                   build: Callable[..., Kernel],
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("MAKEFLAGS", "CROSS_COMPILE", "KCONFIG_ALLCONFIG", "CC", "O"):
            monkeypatch.setenv(name, "--nonsense")
        build(source)
        assert sorted(compiled(cache)) == EVERYTHING


@pytest.mark.slow
class TestGitTree:
    def git(self, source: Path, *arguments: str) -> None:
        subprocess.run(["git", "-C", str(source), "-c", "user.name=T", "-c",
                        "user.email=t@example.org", *arguments], check=True, capture_output=True)

    def test_products_and_ignored_files_are_no_source(self, source: Path, cache: Cache,
                                                      build: Callable[..., Kernel]) -> None:
        self.git(source, "init", "-q")
        self.git(source, "add", ".")
        self.git(source, "commit", "-q", "-m", "source")
        kernel = build(source)
        commit = kernel.provenance["commit"]
        assert len(commit) == 40
        (source / ".config").write_text("CONFIG_OF_THE_USER=y\n")
        (source / "fs/ring.o").write_text("not an object")
        assert build(source).digest == kernel.digest
        (source / "fs/new.c").write_text("int untracked;\n")
        (source / "fs/other.c").unlink()
        changed = build(source)
        assert compiled(cache) == ["fs/new.o"]
        assert changed.provenance["commit"] == f"{commit} and changes"

    def test_a_git_that_does_not_serve_leaves_its_files_out(
            self, source: Path, build: Callable[..., Kernel]) -> None:
        (source / "fs/folder").symlink_to("../arch")
        kernel = build(source)
        (source / ".git/objects").mkdir(parents=True)
        (source / ".git/objects/pack").write_text("large")
        assert build(source).digest == kernel.digest
        assert build(source).provenance["source digest"] == kernel.provenance["source digest"]
        (source / "fs/folder").unlink()
        assert build(source).provenance["source digest"] != kernel.provenance["source digest"]

    def test_outside_git_a_tree_that_was_built_in_is_refused(
            self, source: Path, build: Callable[..., Kernel]) -> None:
        (source / ".config").write_text("CONFIG_OF_THE_USER=y\n")
        with pytest.raises(KernelError, match=r"has been built in \(\.config is there\).*mrproper"):
            build(source)


class TestSeriesOnTop:
    def test_it_compiles_only_what_it_changes(self, source: Path, cache: Cache, definition: Path,
                                              build: Callable[..., Kernel]) -> None:
        plain = build(source)
        before = state(source)
        changed = build(source, definition)
        assert state(source) == before
        assert sorted(sorted(compiled(cache, which)) for which in (0, 1)) == [
            EVERYTHING, ["fs/ring.o"]]
        assert changed.digest != plain.digest
        assert changed.provenance["series"] == "short (applies)"
        # It is what a build of the changed source gives.
        (source / "fs/ring.c").write_text(RING.replace("step < size", "step < to"))
        assert build(source).digest == changed.digest

    @pytest.mark.slow
    def test_the_tree_without_it_stays_as_it_was(self, source: Path, cache: Cache,
                                                 definition: Path,
                                                 build: Callable[..., Kernel]) -> None:
        plain = build(source)
        build(source, definition)
        (source / "fs/other.c").write_text("int other = 2;\n")
        build(source)
        (source / "fs/other.c").write_text("int other = 1;\n")
        for kernel in entries(cache, "kernels"):
            cache.discard("kernels", kernel)
        assert build(source).digest == plain.digest

    @pytest.mark.slow
    def test_where_it_is_there_already_the_kernel_is_the_same(
            self, source: Path, definition: Path, build: Callable[..., Kernel]) -> None:
        (source / "fs/ring.c").write_text(RING.replace("step < size", "step < to"))
        notes = Notes()
        kernel = build(source, definition, progress=notes)
        assert kernel.digest == build(source).digest
        assert kernel.provenance["series"] == "short (already there)"
        assert [note for note in notes.said if "already there" in note]

    def test_where_it_does_not_fit_nothing_is_built(self, source: Path, cache: Cache,
                                                    definition: Path,
                                                    build: Callable[..., Kernel]) -> None:
        (source / "fs/ring.c").write_text(RING.replace("step < size", "step < 2 * size"))
        with pytest.raises(SeriesError, match=r"fs/ring\.c, walk\(\): the anchor `step < size`"):
            build(source, definition)
        assert not logs(cache)


@pytest.mark.slow
class TestFailure:
    def test_the_first_compiler_error_is_named_and_the_log_kept(
            self, source: Path, cache: Cache, build: Callable[..., Kernel]) -> None:
        (source / "fs/other.c").write_text("int other = missing;\n")
        with pytest.raises(KernelError) as caught:
            build(source)
        (log,) = logs(cache)
        assert "fs/other.c:1:13: error: " in str(caught.value)
        assert str(log) in str(caught.value)
        assert "missing" in log.read_text()
        assert entries(cache, "worktrees") == entries(cache, "kernels") == []

    def test_in_a_series_the_tree_without_it_stays(self, source: Path, cache: Cache,
                                                   definition: Path,
                                                   build: Callable[..., Kernel]) -> None:
        definition.write_text(DEFINITION.replace('"step < to"', '"step < missing"'))
        with pytest.raises(KernelError, match=r"fs/ring\.c:7:\d+: error: "):
            build(source, definition)
        assert len(entries(cache, "worktrees")) == 1
        assert entries(cache, "kernels") == []

    @pytest.mark.parametrize(("text", "said"), [
        ("ld: fs/ring.o: undefined reference to `missing'", "undefined reference to `missing'"),
        ("error: Kconfig: syntax error", "error: Kconfig: syntax error"),
        ("Segmentation fault", "Error 1"),
    ])
    def test_other_failures_are_named_too(self, source: Path, build: Callable[..., Kernel],
                                          text: str, said: str) -> None:
        (source / "Makefile").write_text(MAKEFILE.replace("@cat", f'@echo "{text}"; exit 1; cat')
                                         .replace("`", "\\`"))
        with pytest.raises(KernelError, match="building src:") as caught:
            build(source)
        assert said in str(caught.value)

    def test_a_full_disk_is_the_caches_error(self, source: Path, cache: Cache,
                                             build: Callable[..., Kernel]) -> None:
        (source / "Makefile").write_text(MAKEFILE.replace(
            "@cat", '@echo "fatal error: error writing to /tmp/x.s: No space left on device"; '
                    "exit 1; cat"))
        with pytest.raises(CacheError, match="no space left on the disk while building"):
            build(source)
        assert entries(cache, "worktrees") == entries(cache, "kernels") == []

    @pytest.mark.skipif(os.geteuid() != 0,
                        reason=f"{NOT_HERE}only root can mount a small file system")
    def test_a_cache_on_a_full_disk_keeps_nothing(self, source: Path, tmp_path: Path) -> None:
        with mounted(tmp_path / "small", "size=64k") as small:
            with pytest.raises(CacheError, match="no space left"):
                resolve(f"src:{source}", cache=Cache(small))
            assert entries(Cache(small), "worktrees") == entries(Cache(small), "kernels") == []

    @pytest.mark.parametrize("program", ["flex", "gcc", "perl"])
    def test_a_missing_program_is_named_with_its_package(
            self, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        found = ["gcc", "ld", "as", "make", "flex", "bison", "bc", "perl"]
        for name in found:
            if name != program:
                (tmp_path / name).symlink_to("/bin/true")
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ToolError, match=rf"lacks {program}\..*apt-get install .*{program}"):
            find_toolchain()

    def test_a_missing_library_is_named_with_its_package(
            self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put_program(tmp_path / "gcc", "exit 1")
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(ToolError, match=r"apt-get install libelf-dev$"):
            find_toolchain()

    @pytest.mark.parametrize(("path", "said"), [
        ("nowhere", "there is no directory"), (".", "is no kernel source tree for x86-64")])
    def test_what_is_no_source_tree(self, path: str, said: str, tmp_path: Path,
                                    build: Callable[..., Kernel]) -> None:
        with pytest.raises(SpecError, match=said):
            build(tmp_path / path)


@pytest.mark.slow
class TestInterruption:
    # timeout(1) sends its signal twice: to the process, and to its whole group.
    @pytest.mark.parametrize(("number", "times"), [
        (signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGTERM, 20)])
    def test_no_process_and_nothing_half_built_is_left(
            self, source: Path, cache: Cache, tmp_path: Path, number: int, times: int) -> None:
        mark = tmp_path / "begun"
        (source / "Makefile").write_text(MAKEFILE.replace(
            "@cat", f"@echo $$$$ > {mark}; sleep 300; cat"))
        process = subprocess.Popen(
            [sys.executable, "-c", "from tailwalk.cli import main; main()", "build",
             f"src:{source}"],
            env={**os.environ, "TAILWALK_CACHE": str(cache.root)}, stderr=subprocess.PIPE)
        until(lambda: mark.exists() and mark.read_text().strip())
        shell = int(mark.read_text())
        for _ in range(times):
            process.send_signal(number)
            time.sleep(0.001)
        process.communicate(timeout=120)
        assert process.returncode == 128 + number
        assert gone(shell)
        assert entries(cache, "worktrees") == entries(cache, "kernels") == []
        (source / "Makefile").write_text(MAKEFILE)
        resolve(f"src:{source}", cache=cache)


    def test_a_build_whose_process_is_killed_ends_with_it(
            self, source: Path, cache: Cache, tmp_path: Path) -> None:
        mark = tmp_path / "begun"
        (source / "Makefile").write_text(MAKEFILE.replace(
            "@cat", f"@echo $$$$ $$PPID > {mark}.new; mv {mark}.new {mark}; sleep 300; true; cat"))
        process = subprocess.Popen(
            [sys.executable, "-c", "from tailwalk.cli import main; main()", "build",
             f"src:{source}"],
            env={**os.environ, "TAILWALK_CACHE": str(cache.root)}, stderr=subprocess.DEVNULL)
        until(mark.exists)
        inside = [int(word) for word in mark.read_text().split()]
        group = os.getpgid(inside[0])
        assert group != os.getpgid(0)
        process.kill()
        process.wait(timeout=120)
        assert all(gone(pid) for pid in inside)
        until(lambda: not members(group))


def members(group: int) -> list[str]:
    """The processes of a group that have not ended."""
    found = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return [line for line in found
            if line.split()[0] == str(group) and not line.split()[1].startswith("Z")]


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
