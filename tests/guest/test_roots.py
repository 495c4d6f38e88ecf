# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs in guests with what is round them: libraries, roots, users, input, a network."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tailwalk.cache import Cache
from tailwalk.cases import MIB, Filesystem
from tailwalk.errors import GuestError, UsageError
from tailwalk.programs.local import find_local
from tailwalk.programs.plan import ExecPlan
from tailwalk.programs.prepare import prepare
from tailwalk.progress import SILENT
from tailwalk.rigs.exec import execute
from tailwalk.rigs.running import Gathered
from tailwalk.runs.execution import Execution

pytestmark = pytest.mark.guest

SOURCE = Path(__file__).parent / "programs.c"
PASSWD = "root:x:0:0::/:/bin/sh\nsomebody:x:1234:99::/:/bin/sh\n"
GROUP = "own:x:99:\nmore:x:7:root,somebody\nother:x:8:some\n"


@dataclass
class Ran:
    """A program that ran: its record, and what it wrote."""

    execution: Execution
    out: str
    complaints: str


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("programs") / "program"
    subprocess.run(["cc", "-static", "-O1", "-w", "-pthread", "-o", path, SOURCE], check=True)
    return path


@pytest.fixture(scope="session")
def dynamic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("programs") / "dynamic"
    subprocess.run(["cc", "-O1", "-w", "-pthread", "-o", path, SOURCE], check=True)
    return path


@pytest.fixture
def run(bench, kernel) -> Run:
    def run(program: str | Path, *arguments: str, spec: str = "debian:6.18", memory: int = 1024,
            **changed) -> Ran:
        plan = ExecPlan(program=Path(program), arguments=arguments, **changed)
        said = Gathered()
        done = execute(kernel(spec), plan,
                       bench=replace(bench, machine=replace(bench.machine, memory=memory)),
                       sink=said.take)
        return Ran(done.execution, said.stdout.decode(), said.stderr.decode())

    return run


def roots_own(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    return info


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory, static: Path) -> Path:
    """A root of this machine's own shell, with its libraries, and of a program."""
    root = tmp_path_factory.mktemp("tree") / "root"
    shell = find_local(Path("/bin/sh"), most=1 << 30)
    for name, path in shell.files.items():
        if name != "program":
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    for name, target in sorted({**shell.links, "bin": "usr/bin"}.items()):
        link = root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    shutil.copy2("/bin/sh", root / "usr/bin/sh")
    shutil.copy2(static, root / "usr/bin/program")
    os.link(root / "usr/bin/program", root / "usr/bin/again")
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    script = root / "usr/bin/script"
    script.write_text("#!/bin/sh\necho begin\nfor what in say who; do program $what \"$@\"; done\n"
                      "program status 9 & wait $!; echo $?\n")
    script.chmod(0o755)
    return root


@pytest.fixture(scope="session")
def tar(tmp_path_factory: pytest.TempPathFactory, tree: Path) -> Path:
    """The same as container tools would export it, with what a directory has not."""
    path = tmp_path_factory.mktemp("tar") / "root.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as made:
        made.add(tree, ".", filter=roots_own)
        for name, kind, more in (
                ("dev/null", tarfile.CHRTYPE, {"devmajor": 1, "devminor": 3}),
                ("srv/device", tarfile.CHRTYPE, {"devmajor": 1, "devminor": 5, "mode": 0o666}),
                ("srv/pipe", tarfile.FIFOTYPE, {}),
                ("srv/owned", tarfile.REGTYPE, {"uid": 1234, "gid": 99, "mode": 0o4750,
                                                "mtime": 1_600_000_000}),
                ("srv/absolute", tarfile.SYMTYPE, {"linkname": "/usr/bin/program"}),
                ("srv/" + "long" * 50, tarfile.REGTYPE, {})):
            info = tarfile.TarInfo(name)
            info.type = kind
            for attribute, value in more.items():
                setattr(info, attribute, value)
            made.addfile(info, io.BytesIO())
    return path


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory, tree: Path) -> Path:
    """The same as an image of ext4."""
    path = tmp_path_factory.mktemp("image") / "root.ext4"
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-d", tree, path, "64M"], check=True)
    return path


@pytest.fixture(params=["tree", "tar", "image"])
def root(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def test_a_dynamic_program_of_this_machine(run: Run, dynamic: Path) -> None:
    first, again = (run(dynamic, "say", "a b") for _ in range(2))
    assert first.out == f"[{dynamic}][say][a b]\n/mnt\n"
    assert first.execution.instructions == again.execution.instructions
    assert first.execution.inputs == again.execution.inputs
    assert run(dynamic, "threads", "1000").execution.tasks == 5


def test_a_script_of_this_machine(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('#!/bin/sh -e\necho "$0" "$@"\npwd\ncd /nowhere || exit 4\n')
    script.chmod(0o755)
    done = run(script, "one", "two three")
    assert done.out == f"{script} one two three\n/mnt\n"
    assert done.execution.status == 4


def test_a_root_of_the_users(run: Run, root: Path) -> None:
    before = root.stat()
    name = "/usr/bin/script" if root.suffix == ".ext4" else "script"
    done = run(name, "x", root=root, environment={"NAME": "value"})
    assert done.out == "begin\n[program][say][x]\n/mnt\n0:0 /mnt value 0\n9\n"
    assert done.complaints == "to standard error\n"
    assert (root.stat().st_mtime_ns, root.stat().st_size) == (before.st_mtime_ns, before.st_size)
    again = run(name, "x", root=root, environment={"NAME": "value"}).execution
    assert again.instructions == done.execution.instructions
    assert again.switches == done.execution.switches
    assert again.inputs == done.execution.inputs
    assert root.name in done.execution.conditions.machine["root"]


def test_a_root_is_made_once_for_a_kernel(run: Run, tar: Path, bench) -> None:
    def states() -> set[str]:
        return {path.name for path in (bench.cache.root / "root-state").iterdir()}

    assert run("program", "say", root=tar).execution.status == 0
    made = states()
    assert run("program", "say", "else", root=tar, user="somebody").execution.status == 0
    assert states() == made


def test_the_entries_of_a_tar_are_what_they_were(run: Run, tar: Path) -> None:
    names = ["/usr/bin/program", "/usr/bin/again", "/srv/device", "/srv/pipe", "/srv/owned",
             "/srv/absolute", "/srv/" + "long" * 50, "/bin", "/dev/null", "/tmp", "/dev/shm",
             "/proc/self/exe", "/etc/none"]
    found = dict(line.split(": ", 1) for line in
                 run("program", "look", *names, root=tar).out.splitlines())
    assert found["/usr/bin/program"] == found["/usr/bin/again"]
    assert found["/usr/bin/program"].startswith("100755 0:0 links 2 size ")
    assert found["/srv/device"].startswith("20666 0:0 links 1 size 0 device 1:5 ")
    assert found["/srv/pipe"].startswith("10644 0:0 ")
    assert found["/srv/owned"] == (
        "104750 1234:99 links 1 size 0 device 0:0 modified 1600000000")
    assert found["/srv/absolute"].endswith(" to /usr/bin/program")
    assert found["/srv/" + "long" * 50].startswith("100644 0:0 ")
    assert found["/bin"].endswith(" to usr/bin")
    assert found["/dev/null"].startswith("20666 0:0 links 1 size 0 device 1:3 ")
    assert found["/tmp"].startswith("41777 0:0 ")
    assert found["/dev/shm"].startswith("41777 0:0 ")
    assert found["/proc/self/exe"].endswith(" to /usr/bin/program")
    assert found["/etc/none"] == "No such file or directory"


@pytest.mark.parametrize(("user", "ids"), [
    ("somebody", "1234:99 7"), ("1234", "1234:99 7"), ("4321", "4321:0"), ("5:6", "5:6"),
    ("root", "0:0 7")])
def test_users_are_the_roots_own(run: Run, tar: Path, user: str, ids: str) -> None:
    done = run("program", "who", root=tar, user=user, environment={"NAME": "x"})
    assert done.out == f"{ids} /mnt x 0\n"  # and can write where it begins
    assert done.execution.conditions.machine["user"] == user


@pytest.mark.parametrize(("program", "directory"), [("program", "/nowhere"), ("/mnt/text", "/mnt")])
def test_a_user_who_cannot_begin_the_program_is_an_error(
        run: Run, tar: Path, tmp_path: Path, program: str, directory: str) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    text.chmod(0o755)
    with pytest.raises(GuestError, match=f"{program} could not be begun as somebody"):
        run(program, "who", root=tar, user="somebody", directory=directory, files=[text])


def test_a_user_that_the_root_has_not_is_an_error(run: Run, tar: Path) -> None:
    with pytest.raises(GuestError, match="the root has no user nobody"):
        run("program", "who", root=tar, user="nobody")


def test_input_directory_and_disk(run: Run, static: Path) -> None:
    assert run(static, "copy", input=b"line\n" * 50_000).out == "line\n" * 50_000
    assert run(static, "who", directory="/tmp").out.startswith("0:0 /tmp ")
    assert run(static, "copy").out == ""
    with pytest.raises(GuestError, match="cannot begin the program in /nowhere: No such file"):
        run(static, "say", directory="/nowhere")
    done = run(static, "fill", disk=64 * MIB)
    written, whole = int(done.out.split()[0]), int(done.out.split()[2])
    assert 0 < written < whole <= 64
    assert "No space left on device" in done.out
    assert "brd.rd_size=65536" in done.execution.conditions.machine["kernel command line"]


def test_a_disk_can_be_larger_than_usual(run: Run, static: Path) -> None:
    done = run(static, "fill", disk=1024 * MIB, memory=2048)
    assert int(done.out.split()[0]) > 900
    with pytest.raises(UsageError, match=r"--disk 1024MiB: .* --memory"):
        run(static, "fill", disk=1024 * MIB, memory=1024)


def test_a_network_of_itself_alone(run: Run, static: Path) -> None:
    first, again = (run(static, "network").execution for _ in range(2))
    assert (first.status, first.tasks) == (0, 3)
    assert first.instructions == again.instructions


def test_random_numbers_are_there_and_are_the_same_every_time(run: Run, static: Path) -> None:
    idle = run(static, "status", "0").execution.instructions.kernel
    done = [run(static, "random") for _ in range(2)]
    assert done[0].out == done[1].out != "0" * 16
    assert done[0].execution.instructions.kernel < idle + 300_000  # nobody had to wait for them


def test_a_program_that_crashes_the_kernel_is_an_error(run: Run, static: Path) -> None:
    with pytest.raises(GuestError, match=r"the kernel panicked .*sysrq"):
        run(static, "crash")


def test_a_program_that_takes_all_memory_is_killed(run: Run, static: Path) -> None:
    done = run(static, "hog", memory=320, disk=64 * MIB).execution
    assert (done.status, done.signal) == (None, 9)


def test_a_root_that_does_not_fit_after_all_is_an_error_and_not_torn(
        bench, kernel, tmp_path: Path, static: Path) -> None:
    """Where the guest has less memory than it was prepared for."""
    root = tmp_path / "root"
    root.mkdir()
    shutil.copy2(static, root / "program")
    (root / "large").write_bytes(os.urandom(1 << 20) * 400)
    plan = ExecPlan(program=Path("/program"), arguments=("status", "0"), root=root)
    prepared = prepare(plan, memory=1024, cache=Cache(tmp_path / "cache"), progress=SILENT)
    small = replace(bench, machine=replace(bench.machine, memory=384))
    with pytest.raises(GuestError, match="cannot write /large of the root: No space left on device "
                                         "\\(it is in memory: give the guest more\\)"):
        execute(kernel("debian:6.18"), replace(plan, disk=64 * MIB), bench=small,
                prepared=prepared)


def test_an_image_that_only_looks_like_ext4_is_an_error(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "image"
    content = bytearray(4 * MIB)
    content[1024 + 56:1024 + 58] = b"\x53\xef"
    path.write_bytes(content)
    with pytest.raises(GuestError, match="cannot mount the root's image as ext4"):
        run("/bin/sh", root=path)


def test_other_kernels_and_file_systems(run: Run, image: Path, tar: Path) -> None:
    for spec, more in (("debian:6.12", {"root": image, "filesystem": Filesystem(kind="xfs")}),
                       ("debian:7.3", {"root": tar, "filesystem": Filesystem(kind="tmpfs")})):
        assert run("/usr/bin/script", spec=spec, **more).execution.status == 0


@pytest.mark.network
def test_a_script_with_packages(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "work"
    script.write_text("#!/bin/sh\nsqlite3 base 'create table t(a); insert into t values(6*7);'\n"
                      "sqlite3 base 'select * from t' | tee copy\nls | wc -l\nid -un\n")
    script.chmod(0o755)
    first, again = (run("/mnt/work", packages=["sqlite3"], files=[script], user="user")
                    for _ in range(2))
    assert first.out == "42\n4\nuser\n"  # with lost+found
    assert first.complaints == ""
    assert first.execution.instructions == again.execution.instructions
    assert "sqlite3=" in first.execution.conditions.machine["root"]
