# SPDX-License-Identifier: GPL-2.0-or-later
"""What a workload is declared by, and the workloads there are: a file each in `workloads`.

The C twin of a declaration lies in tailwalk/probe/workloads; the probe is not built where the two
do not agree.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pkgutil import iter_modules
from typing import Literal

from tailwalk.cases import workloads
from tailwalk.cases.size import KIB, MIB, show_size
from tailwalk.errors import UsageError

Value = int | bool
Values = Mapping[str, Value]
Counted = Literal["mode", "median"]

_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A number that cases of a workload differ in.

    Attributes:
        name: in records, in the probe's job and in C.
        unit: what it counts; a flag is true or false.
        meaning: as a clause.
        default: where nobody says otherwise; None where the case's name says it.
        least, most: bounds; `most` None for none.
        words: what stands in a case's name for 0, 1 and so on, instead of the number; and what
            each says where the value is explained.
        unsaid: a case has it only where it is not the default, so that cases that were recorded
            before it was there are cases still.
        refusal: what is said of a value out of bounds, with `{case}`, its name, and `{value}`.
    """

    name: str
    unit: Literal["bytes", "number", "flag"]
    meaning: str
    default: Value | None = None
    least: int = 0
    most: int | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    unsaid: bool = False
    refusal: str = "case {case}: {value} is out of bounds."

    @property
    def highest(self) -> int | None:
        """The largest value; None where there is none."""
        return len(self.words) - 1 if self.words else self.most

    @property
    def in_name(self) -> str:
        """The regular expression of what stands for a value in a name."""
        return "|".join(map(re.escape, self.words)) or "0|[1-9][0-9]{0,14}[km]?"

    def read(self, text: str) -> int:
        """The value that a part of a name stands for; `1k` is 1024."""
        if self.words:
            return [*self.words].index(text)
        return int(text.rstrip("km")) * _UNITS.get(text[-1], 1)

    def written(self, value: Value) -> str:
        """What stands for a value in a name."""
        return dict(enumerate(self.words)).get(value, _number(value))

    def shown(self, value: Value) -> _Shown | str:
        """The value as explanations have it."""
        return dict(enumerate(self.words.values())).get(value, _Shown(value))

    def fits(self, value: Value) -> bool:
        """Is the value of the parameter's type?"""
        return type(value) is (bool if self.unit == "flag" else int)

    def check(self, case: str, value: Value) -> None:
        """Raise UsageError for a value of the case that is out of bounds."""
        if value < self.least or (self.highest is not None and value > self.highest):
            raise UsageError(self.refusal.format(case=case, value=_Shown(value)))


def _together(case: str, values: Values) -> None:
    """Any values can be together."""


def _always(_values: Values) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What has to be there before a workload's first call.

    Its C twin lies in tailwalk/probe/preparations.

    Attributes:
        name: its twin's, and in C that of the struct of its parameters.
        prepared: what is made, with the parameters' values in braces.
        parameters: how it is made.
        check: raises UsageError for values that cannot be together, of the case of this name.
        of_use: is what is made of any use to a case with these values of its workload?
    """

    name: str
    prepared: str
    parameters: Sequence[Parameter] = ()
    check: Callable[[str, Values], None] = _together
    of_use: Callable[[Values], bool] = _always


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One call, or a short row of them, and what prepares it.

    Attributes:
        name: libMicro's, where libMicro has it; its file's, here and in C.
        family: the kind of call.
        verb: what its calls do to the cached file, as in "calls overwrite at offset 0"; empty
            where that is not to be said.
        pattern: what its cases are called, with the parameters that a name says in braces.
        call: what one call does, with the parameters' values in braces.
        outside: what is done before every call outside the measured part; empty for nothing.
        counted: how a figure comes of its calls on the rig that counts: the `mode` of calls that
            are alike, or the `median` of those that are not, or that cost some instructions more
            by where earlier cases left the kernel's memory.
        traceless: of calls that are not alike: do they leave hardly anything behind that
            another case could find? A guest serves several such cases, always the same ones, and
            else each is alone in one.
        most_calls: that are counted of a case, where each is dear; None for as many as are asked
            for, or for 50 that are not alike.
        parameters: its own, besides those of its needs.
        bulk: the parameter that is how many bytes one call handles, where a figure is said per MiB
            too; empty for none.
        needs: what is prepared before its first call.
        filesystems: those that it can be measured on, by name; none for any. What else it needs of
            a kernel its twin says, by the errors that tell that it is not there.
        check: raises UsageError for values that cannot be together, of the case of this name.
    """

    name: str
    family: str
    verb: str = ""
    pattern: str
    call: str
    outside: str = ""
    counted: Counted = "mode"
    traceless: bool = False
    most_calls: int | None = None
    parameters: Sequence[Parameter] = ()
    bulk: str = ""
    needs: Sequence[Preparation] = ()
    filesystems: Sequence[str] = ()
    check: Callable[[str, Values], None] = _together

    @cached_property
    def declared(self) -> Mapping[str, Parameter]:
        """Its parameters and those of its needs by name, in order."""
        every = [*self.parameters, *(one for need in self.needs for one in need.parameters)]
        return {parameter.name: parameter for parameter in every}

    def named(self, case: str) -> dict[str, Value] | None:
        """The values that the name of a case stands for, defaults among them; None for a name that
        is not of the workload's pattern. `1k` is 1024."""
        match = self._name.fullmatch(case)
        if match is None:
            return None
        return self.with_defaults({name: self.declared[name].read(text)
                                   for name, text in match.groupdict().items()})

    def name_of(self, values: Values) -> str:
        """What a case with these values is called by the pattern."""
        every = self.complete(values)
        return _FIELD.sub(lambda field: self.declared[field[1]].written(every[field[1]]),
                          self.pattern)

    @cached_property
    def _name(self) -> re.Pattern[str]:
        return re.compile(_FIELD.sub(
            lambda field: f"(?P<{field[1]}>{self.declared[field[1]].in_name})", self.pattern))

    def with_defaults(self, values: Values) -> dict[str, Value]:
        """The values that a case has, in order; raises UsageError where one is missing, or is
        that of none."""
        for name in values:
            if name not in self.declared:
                raise UsageError(f"a case of {self.name} has no {name}: it has "
                                 f"{', '.join(self.declared)}.")
        found = {}
        for name, parameter in self.declared.items():
            value = values.get(name, parameter.default)
            if value is None:
                raise UsageError(f"a case of {self.name} has to say its {name}.")
            if not (parameter.unsaid and value == parameter.default):
                found[name] = value
        return found

    def complete(self, values: Values) -> dict[str, Value]:
        """Values for all parameters, where a case has these."""
        return {name: values[name] for name in self.declared if name in values} | {
            name: one.default for name, one in self.declared.items()
            if name not in values and one.unsaid and one.default is not None}

    def idle(self, values: Values) -> set[str]:
        """The parameters of what is prepared and of no use to a case with these values."""
        every = self.complete(values)
        return {parameter.name for need in self.needs if not need.of_use(every)
                for parameter in need.parameters}

    def explained(self, values: Values) -> str:
        """What a case with these values measures, as a line."""
        before = f", after an uncounted {self.outside}" if self.outside else ""
        every = self.complete(values)
        shown = {name: self.declared[name].shown(value) for name, value in every.items()}
        parts = [self.call + before,
                 *(need.prepared for need in self.needs if need.of_use(every))]
        return "; ".join(filter(None, (part.format(**shown) for part in parts)))


_UNITS = {"m": MIB, "k": KIB}


def _number(value: Value) -> str:
    return next((f"{value // factor}{unit}" for unit, factor in _UNITS.items()
                 if value and value % factor == 0), str(value))


class _Shown(int):
    """A number that `{name:size}` shows as a size, and `{name:bytes}` with that word."""

    def __format__(self, form: str) -> str:
        if form == "bytes":
            return "1 byte" if self == 1 else f"{int(self)} bytes"
        return show_size(self) if form == "size" else super().__format__(form)


@cache
def workload_names() -> tuple[str, ...]:
    """The names of all workloads, in order of the alphabet."""
    return tuple(sorted(module.name for module in iter_modules(workloads.__path__)))


@cache
def find_workload(name: str) -> Workload:
    """The workload of this name; raises UsageError where there is none."""
    if name not in workload_names():
        raise UsageError(f"there is no workload {name!r} in this tailwalk.")
    declared: Workload = importlib.import_module(f"{workloads.__name__}.{name}").WORKLOAD
    assert declared.name == name, f"the workload {declared.name} is declared in {name}.py"
    return declared


def all_workloads() -> list[Workload]:
    """Every workload, in order of the alphabet."""
    return [find_workload(name) for name in workload_names()]


def all_families() -> list[str]:
    """Every family of workloads, each once."""
    return list(dict.fromkeys(workload.family for workload in all_workloads()))
