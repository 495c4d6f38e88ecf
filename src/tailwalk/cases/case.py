# SPDX-License-Identifier: GPL-2.0-or-later
"""A benchmark case and the file system it runs on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from tailwalk.bounds import Count, Text
from tailwalk.cases.cached_file import length_of
from tailwalk.cases.size import KIB, MIB
from tailwalk.cases.workload import Value, Workload, find_workload
from tailwalk.errors import RecordError, UsageError, require_type
from tailwalk.filesystems import USUAL

COLUMNS = ("size", "vectors", "offset", "fill", "file_size", "uptodate")
"""The parameters that have a column of their own in every table for programs."""


_VARYING_CALLS = 50
"""Where calls are not alike: the median and the middle 90% of more hardly move."""


class Filesystem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file system a run's cases write to.

    Attributes:
        kind: the kernel's name of it.
        block_size: file-system block size, bytes. 4 KiB is what mkfs.ext4 chooses for any real
            disk; left to itself it picks 1 KiB on a small image.
        mount_options: as mount(8) takes them after -o; empty for none.
    """

    kind: Text = USUAL
    block_size: Count = 4 * KIB
    mount_options: Text = ""

    def check(self) -> Filesystem:
        """Itself, if files can lie on it; raises UsageError naming the value that prevents it."""
        require_type("kind", self.kind, str, f"the kernel's name of a file system, such as {USUAL}")
        require_type("block_size", self.block_size, int, "a number of bytes, such as 4096")
        require_type("mount_options", self.mount_options, str, "a text, such as 'noatime'")
        if self.block_size < 1:
            raise UsageError(f"--fs-block-size {self.block_size}: a block of nothing holds no "
                             "file; take 4KiB, or 1KiB or 2KiB.")
        return self


class _CaseError(UsageError, ValueError):
    """Being a ValueError too, it makes a record that holds the case a damaged one."""


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One benchmark case: a workload with its parameters, called over and over.

    Attributes:
        name: libMicro's name of the case (`pwrite_u1k`), or one of its pattern.
        workload: what is measured.
        parameters: those of the workload by name, an `unsaid` default apart; sizes in bytes.
    """

    name: Text
    workload: Text
    parameters: dict[str, Count | bool]

    def __post_init__(self) -> None:
        """Raise RecordError for a workload or parameter that only another version knows,
        UsageError where a parameter is missing or is of another kind."""
        try:
            declared = self.declared.declared
        except UsageError as error:
            raise RecordError(f"has a case of the workload {self.workload}, which this tailwalk "
                              "does not know: update tailwalk.") from error
        for name in self.parameters:
            if name not in declared:
                raise RecordError(f"has a case of {self.workload} with the parameter {name}, which "
                                  "this tailwalk does not know: update tailwalk.")
        for name, parameter in declared.items():
            if name not in self.parameters and not parameter.unsaid:
                raise _CaseError(f"the workload {self.workload} has a parameter {name}")
        for name in self.parameters:
            if not declared[name].fits(self.parameters[name]):
                wanted = "True or False" if declared[name].unit == "flag" else "a whole number"
                raise _CaseError(f"{name} cannot be {self.parameters[name]!r}: give {wanted}")

    def __hash__(self) -> int:
        return hash((self.name, self.workload, frozenset(self.parameters.items())))

    @classmethod
    def of(cls, workload: str, *, name: str = "", **values: Value) -> Case:
        """A case of a workload, its other parameters as by default, and its name by the
        pattern; raises UsageError for a parameter that the workload has not, or a value of
        another type."""
        declared = find_workload(workload)
        case = cls(name=name, workload=workload, parameters=declared.with_defaults(values))
        return case if name else msgspec.structs.replace(
            case, name=declared.name_of(case.parameters))

    @property
    def declared(self) -> Workload:
        """The workload's declaration."""
        return find_workload(self.workload)

    @property
    def values(self) -> dict[str, Value]:
        """All parameters of the workload, by name."""
        return self.declared.complete(self.parameters)

    def changed(self, **values: Value) -> Case:
        """The case with other values of some parameters; raises UsageError for one that it has
        not, or has no use for."""
        for name in values:
            self._value(name)
            if not self.has(name):
                raise UsageError(f"case {self.name} has no use for a {name.replace('_', ' ')}: "
                                 f"{self.declared.explained(self.parameters)}.")
        return msgspec.structs.replace(self, parameters=self.parameters | values)

    def fitted(self, **values: Value) -> Case:
        """The case with other values of those of the parameters that it has, and a use for."""
        return self.changed(**{name: value for name, value in values.items() if self.has(name)})

    def has(self, name: str) -> bool:
        """Has it a parameter of this name, and a use for it?"""
        return name in self.parameters and name not in self.declared.idle(self.parameters)

    def get(self, name: str) -> Value | None:
        """The value of a parameter; None where the case has none of this name, or no use for it."""
        if name == "vectors" and "size" in self.parameters:
            return self.vectors
        return self.parameters[name] if self.has(name) else None

    def _value(self, name: str) -> Value:
        if name not in self.parameters:
            raise UsageError(f"case {self.name} has no {name.replace('_', ' ')}: its workload, "
                             f"{self.workload}, has {', '.join(self.parameters) or 'nothing'} to "
                             "choose.")
        return self.parameters[name]

    @property
    def further(self) -> str:
        """The parameters that have no column of their own, as text: `depth=1 span=0`."""
        return " ".join(f"{name}={int(value)}" for name, value in self.parameters.items()
                        if name not in COLUMNS)

    @property
    def size(self) -> int:
        """Bytes of each vector."""
        return self._value("size")

    @property
    def vectors(self) -> int:
        """Vectors a call; 1 where the call takes none."""
        return self.parameters.get("vectors", 1)

    @property
    def offset(self) -> int:
        """File offset of every call, bytes."""
        return self._value("offset")

    @property
    def fill(self) -> int:
        """Size in bytes of the writes that populate the page cache: it decides folio order."""
        return self._value("fill")

    @property
    def file_size(self) -> int:
        """Bytes in the file."""
        return self._value("file_size")

    @property
    def cached(self) -> bool:
        """Is it of a file in the page cache?"""
        return self.has("fill")

    @property
    def uptodate(self) -> bool:
        """False where every folio is left without its last page's data."""
        return bool(self.parameters.get("uptodate", True))

    @property
    def length(self) -> int:
        """Bytes that one call moves."""
        self._value("size")
        return length_of(self.parameters)

    @property
    def mib(self) -> float | None:
        """How many MiB one call handles; None where its figure is not said per MiB."""
        size = self.values[self.declared.bulk] if self.declared.bulk else 0
        return size / MIB if size >= MIB else None

    def calls_of(self, asked: int) -> int:
        """How many of its calls are counted where so many are asked for."""
        usual = _VARYING_CALLS if self.declared.counted == "median" else asked
        return min(asked, self.declared.most_calls or usual)

    def check(self) -> Case:
        """Itself, if it can be run; raises UsageError naming the value that cannot."""
        require_type("name", self.name, str, "a text, such as pwrite_u1k")
        workload, values = self.declared, self.values
        for name, parameter in workload.declared.items():
            parameter.check(self.name, values[name])
        for need in workload.needs:
            need.check(self.name, values)
        workload.check(self.name, values)
        return self


class _CaseOfRun1(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case as tailwalk.run/1 has it."""

    name: str
    call: Literal["write", "pwrite", "writev"]
    size: int
    vectors: int = 1
    offset: int = 0
    fill: int = MIB
    file_size: int = 10 * MIB
    uptodate: bool = True


def case_of_run1(mapping: Mapping[str, Any]) -> Case:
    """The case that a record of tailwalk.run/1, or another of that time, holds.

    Raises msgspec.ValidationError for what is none.
    """
    old = msgspec.convert(mapping, _CaseOfRun1)
    values = msgspec.structs.asdict(old)
    declared = find_workload(old.call).declared
    if old.vectors != 1 and "vectors" not in declared:
        raise msgspec.ValidationError(f"{old.call} takes no {old.vectors} vectors")
    return Case(name=old.name, workload=old.call,
                parameters={name: values[name] for name in declared if name in values})
