# SPDX-License-Identifier: GPL-2.0-or-later
"""What the operating system refuses is called by its name."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from made_runs import made_case, made_figure, made_run

from mounts import mounted
from refused import unprivileged
from skips import not_here
from tailwalk.cache import Cache, default_root
from tailwalk.cases import find_cases
from tailwalk.errors import CacheError, PlaceError, RecordError
from tailwalk.refusals import naming, place_of, temporary_folder, unusable
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan
from tailwalk.runs.store import Store, default_results
from tailwalk.verify.image import make_original


def full(*names: object) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *names)


def test_what_has_a_name_keeps_it() -> None:
    with pytest.raises(OSError) as unnamed, naming("a pipe"):
        raise full()
    with pytest.raises(OSError) as named, naming("a pipe"):
        raise full("/srv/x")
    assert place_of(unnamed.value) == "a pipe"
    assert place_of(named.value) == "/srv/x"


def test_a_full_directory_for_temporary_files_is_named(tmp_path: Path) -> None:
    """As `verify` fills it: the first image is written, and the copies of it fail."""
    with mounted(tmp_path / "small", "size=1m") as small:
        with pytest.raises(PlaceError, match=f"no space left for temporary files in {small}: "), \
                temporary_folder(small) as folder:
            make_original(1024, folder / "original")
        (small / "one").write_bytes(bytes(700_000))
        with pytest.raises(PlaceError, match="point TMPDIR at"), \
                temporary_folder(small) as folder:
            shutil.copyfile(small / "one", folder / "another")
        assert [path.name for path in small.iterdir()] == ["one"]


def test_a_full_disk_elsewhere_is_not_called_temporary_files() -> None:
    with pytest.raises(OSError, match="/srv/kept"), temporary_folder():
        raise full("/srv/kept")


def test_without_any_directory_for_temporary_files(tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match=r"\(No such file .*\): point TMPDIR"), \
            temporary_folder(tmp_path / "none"):
        pass


@pytest.mark.parametrize("home", ["/dev/null", "/dev/null/home", "/proc"])
def test_a_home_that_is_none_names_the_variables(
        home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the user may make no directory in HOME, that directory is what the system names."""
    for name in ("TAILWALK_CACHE", "TAILWALK_RESULTS", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", home)
    with pytest.raises(CacheError, match=r"kernels, builds and saved guests .*TAILWALK_CACHE"):
        Cache().entry("kernels", "0", lambda _: None)
    with pytest.raises(RecordError, match=r"records are kept in.*TAILWALK_RESULTS"):
        Store().add(made_run("debian:6.12", [made_figure(made_case(), 1)]))


def test_a_directory_above_the_cache_that_refuses_is_the_caches(tmp_path: Path) -> None:
    """The system names the directory that it would not make, and that is above the cache."""
    home = tmp_path / "home"
    tmp_path.chmod(0o555)
    with pytest.raises(CacheError, match=f"{home}: Permission denied.*TAILWALK_CACHE"):
        unprivileged(lambda: Cache(home / ".cache/tailwalk").entry("kernels", "0", lambda _: None))
    with pytest.raises(RecordError, match=f"{home}: Permission denied.*TAILWALK_RESULTS"):
        unprivileged(lambda: Store(home / "runs").add(
            made_run("debian:6.12", [made_figure(made_case(), 1)])))


def test_nobody_without_a_home_is_told_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TAILWALK_CACHE", "TAILWALK_RESULTS", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "~")  # what Python takes for the home of a user that has none
    with pytest.raises(CacheError, match="TAILWALK_CACHE"):
        default_root()
    with pytest.raises(RecordError, match="TAILWALK_RESULTS"):
        default_results()


def test_a_full_disk_of_somebody_else_is_not_the_caches(tmp_path: Path) -> None:
    def make(_: Path) -> None:
        raise full("a guest on debian:6.12 cannot be started")

    with pytest.raises(OSError, match="a guest on debian"):
        Cache(tmp_path).entry("kernels", "0", make)


def test_a_measurement_is_not_begun_whose_record_cannot_be_kept(tmp_path: Path) -> None:
    assert Store(tmp_path / "not" / "yet").ready().root == tmp_path / "not" / "yet"
    assert (tmp_path / "not" / "yet").is_dir()
    (tmp_path / "file").write_text("")
    late = Store(tmp_path / "was" / "runs")
    (tmp_path / "was").write_text("")
    with pytest.raises(RecordError, match=rf"\({tmp_path}/was is no directory\)"):
        late.ready()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RecordError, match=rf"\({tmp_path}/link is a link that leads to no dir"):
        Store(tmp_path / "link").ready()
    with pytest.raises(RecordError, match=f"{tmp_path}/file is no directory"):
        measure([], Plan(cases=find_cases(["pwrite_u1k"])), store=Store(tmp_path / "file" / "runs"))
    (tmp_path / "runs").mkdir(mode=0o555)
    with pytest.raises(RecordError, match=f"{tmp_path}/runs: Permission denied"):
        unprivileged(lambda: measure([], Plan(cases=find_cases(["pwrite_u1k"])),
                                     store=Store(tmp_path / "runs")))


def test_results_that_are_a_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    for place in (tmp_path / "runs", tmp_path / "runs" / "below" / "it"):
        with pytest.raises(RecordError) as caught:
            Store(place)
        assert str(caught.value) == (
            f"the results directory {place}, which records are kept in, cannot be used "
            f"({tmp_path}/runs is no directory): point TAILWALK_RESULTS at another directory.")


def test_results_that_become_a_file_are_named_when_they_are_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "below" / "runs")
    (tmp_path / "below").write_text("")
    for ask in (store.select, lambda: store.get("0")):
        with pytest.raises(RecordError, match=rf"\({tmp_path}/below is no dir.*TAILWALK_RESULTS"):
            ask()


def test_a_cache_that_is_a_file_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CacheError, match=rf"\({tmp_path}/file is no directory\): point TAIL"):
            Cache(place)


def test_what_lets_no_directory_be_made_says_so() -> None:
    """Root has every right in /proc, where the kernel makes no directory."""
    if os.geteuid():
        not_here("anyone but root has no right in /proc")
    place = Path("/proc/nope")
    with pytest.raises(RecordError, match=rf"\(no directory can be made at {place}\): point TAIL"):
        Store(place).ready()
    with pytest.raises(CacheError, match=rf"\(no directory can be made at {place}\): point TAIL"):
        Cache(place).entry("kernels", "0", lambda _: None)


@pytest.mark.parametrize(("number", "cure"), [
    (errno.EACCES, "mend its permissions"), (errno.EPERM, "mend its permissions"),
    (errno.ENOSPC, "make room"), (errno.EDQUOT, "make room"), (errno.EROFS, ""), (errno.ELOOP, ""),
])
def test_what_is_advised_mends_what_was_refused(number: int, cure: str, tmp_path: Path) -> None:
    place = tmp_path / "runs"
    reason = OSError(number, os.strerror(number), str(place))
    assert unusable(place, reason) == (f"{place}: {os.strerror(number)}", cure)
