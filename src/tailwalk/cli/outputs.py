# SPDX-License-Identifier: GPL-2.0-or-later
"""What a command writes, in one shape for all: -o what it makes, which is --json too where that is
a record; --svg, --html, --junit and --sarif whole files each; --format what standard output gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tailwalk.cli.console import show, tell, write
from tailwalk.errors import GuestError, UsageError
from tailwalk.files import try_replacing
from tailwalk.runs import Run
from tailwalk.runs.record import encode, write_whole

if TYPE_CHECKING:
    from tailwalk.report.grid import Shown
    from tailwalk.report.section import Section

Function = TypeVar("Function", bound=Callable[..., Any])
Content = Callable[[], str | bytes]
Report = Callable[[], "Shown | Sequence[Shown] | str | bytes"]

_META = "tailwalk.cli.outputs"
_FILES = {"record": ("-o", "--output", "--json"), "output": ("-o", "--output"),
          "svg": ("--svg",), "html": ("--html",), "junit": ("--junit",), "sarif": ("--sarif",)}


def _option(*names: str, **described: Any) -> Callable[[Function], Function]:
    """An option whose value is for `Outputs`, and no argument of the command's function."""
    def keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        context.meta.setdefault(_META, {})[parameter.name] = value

    return click.option(*names, expose_value=False, callback=keep, **described)


def output_options(
        *forms: str, form_help: str = "", record: str = "", output: str = "", svg: str = "",
        html: str = "", junit: str = "", sarif: str = "",
        **described: Any) -> Callable[[Function], Function]:
    """The options of `Outputs`: those files that have a help here, and --format, one of `forms`,
    the first by default. `described`: of --output besides."""
    def decorate(function: Function) -> Function:
        if forms:
            function = _option("--format", type=click.Choice(forms), default=forms[0],
                               show_default=True, help=form_help)(function)
        for name, help in (("sarif", sarif), ("junit", junit), ("html", html), ("svg", svg),
                           ("output", output), ("record", record)):
            if help:
                function = _option(
                    *_FILES[name], type=click.Path(path_type=Path), metavar="FILE", help=help,
                    **(described if name in ("output", "record") else {}))(function)
        return function

    return decorate


class Outputs:
    """What the user asked the current command to write.

    Attributes:
        form: that of standard output.
    """

    def __init__(self) -> None:
        given: dict[str, Any] = click.get_current_context().meta.get(_META, {})
        self.form: str = given.get("format", "")
        self._files = {name: value if isinstance(value, tuple) else (value,)
                       for name, value in given.items() if name != "format" and value}

    def files(self, name: str) -> tuple[Path, ...]:
        """The files to be written for an option; none where it was not given."""
        return self._files.get(name, ())

    def check(self, *, read: Iterable[str | Path] = ()) -> Outputs:
        """Itself; raises UsageError for a file that cannot be written, is kept, or is one of
        the records `read`: better now than after a measurement."""
        from tailwalk.runs.store import require_elsewhere

        records = [Path(name) for name in read if Path(name).is_file()]
        written: set[Path] = set()
        for file in (file for files in self._files.values() for file in files):
            if not file.absolute().parent.is_dir():
                raise UsageError(f"{file}: there is no directory {file.absolute().parent}; make "
                                 "it first.")
            require_elsewhere(file)
            if file.is_dir():
                raise UsageError(f"{file} is a directory: name a file to write.")
            if file.is_file() and any(map(file.samefile, records)):
                raise UsageError(f"{file} is read here, and would be lost: name another file to "
                                 "write.")
            try:
                try_replacing(file)
            except OSError as error:
                raise UsageError(f"cannot write {file}: {error.strerror}. Name another file to "
                                 "write.") from error
            if (place := file.resolve()) in written and not place.is_char_device():
                raise UsageError(f"{file} is to be written twice, and would hold the last alone: "
                                 "name a file for each.")
            written.add(place)
        return self

    def save(self, name: str, *contents: Content) -> None:
        """Write the files of an option, each whole or not at all; what was not asked for is not
        made. Raises RecordError."""
        for file, content in zip(self.files(name), contents, strict=False):
            made = content()
            write_whole(file, made.encode() if isinstance(made, str) else made)

    def save_page(self, sections: Callable[[], Sequence[Section]]) -> None:
        """Write the page of some sections, where it was asked for. Raises RecordError."""
        def text() -> str:
            from tailwalk.report.page import page

            return page(sections())

        self.save("html", text)

    def put(self, shown: Report, *, record: Content | None = None,
            sections: Callable[[], Sequence[Section]] = tuple, svg: Content = str,
            junit: Content = str, sarif: Content = str, **forms: Content) -> None:
        """Write each file that was asked for, then print the form: `record` as JSON, one of
        `forms`, or what is shown on a terminal. Raises RecordError."""
        try:
            self.save("output", *filter(None, [record]))
            self.save("svg", svg)
            self.save_page(sections)
            self.save("junit", junit)
            self.save("sarif", sarif)
        finally:  # a full disk takes the files, and not the table
            self.print(shown, **({"json": record} if record else {}), **forms)

    def print(self, shown: Report, **forms: Content) -> None:
        """Print the form that was asked for, where it is one of `forms`; else what is shown."""
        made = forms[self.form]() if self.form in forms else shown()
        if isinstance(made, str | bytes):
            text = made if isinstance(made, str) else made.decode()
            (tell if self.form == "text" else write)(text)
        else:
            show(made)


def require_figures(*runs: Run) -> None:
    """Raise GuestError, once all else was shown, where a case of a run failed."""
    if failed := [f"{one.case.name} on {run.kernel.spec} ({one.reason.rstrip('.')})"
                  for run in runs for one in run.left_out if one.failed]:
        raise GuestError(f"failed: {'; '.join(failed)}. What the other cases gave is above, and "
                         "kept; those that failed are tried again with the next command.")


def json_list(runs: Iterable[Run]) -> str:
    """Records as one JSON document, which `tailwalk model predict` reads too."""
    return "[\n" + ",\n".join(encode(run).decode().rstrip() for run in runs) + "\n]\n"
