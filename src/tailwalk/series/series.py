# SPDX-License-Identifier: GPL-2.0-or-later
"""A series: patches made of edits, read from a definition, and what it means for a given tree.

A definition is a TOML file. Those of the project lie in `definitions/`, one a series, named as the
series; any other is given by its path. `Series` describes its fields. A long one of the project's
has a folder of its name beside it: a file for each further patch (`Patch`), in order of name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from tailwalk.cache import digest_bytes
from tailwalk.errors import PlaceError, SeriesError
from tailwalk.files import place_inside, read_bounded, write_together
from tailwalk.refusals import refusal
from tailwalk.series.edit import Edit, FileName, Names, apply_edit, has, is_made
from tailwalk.words import listed

State = Literal["applies", "partly there", "already there", "absent"]
"""What a series means for a tree: all its patches are to be made; some; none, since the tree has
them or the like; none, since the tree lacks what the series is against."""

Author = Annotated[str, msgspec.Meta(
    pattern=r"^[^<>\x00-\x1f]*[^<>\x00-\x20] <[^<>\x00-\x20@]+@[^<>\x00-\x20@]+>\Z")]
Commit = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{12,40}\Z")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]*\Z")]

T = TypeVar("T")

_DEFINITIONS = Path(__file__).parent / "definitions"
_SUFFIX = ".toml"

_LARGEST_DEFINITION = 1 << 18
_LARGEST_SOURCE = 1 << 21
"""Bytes in the largest file that is read: of fs/, mm/ and kernel/, none has half (v6.18)."""


class Sign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A piece of source (white space and comments apart) that tells something about a tree.

    Attributes:
        file: path from the top of the tree.
        inside: the function or structure it is looked for in; without it, the whole file.
        has: the source; of several, any will do.
    """

    file: FileName
    inside: Names | None = None
    has: Names

    def shows(self, tree: ChangedTree) -> bool:
        """Is it in the tree?"""
        wanted = [self.has] if isinstance(self.has, str) else self.has
        content = tree.read(self.file)
        return any(has(content, self.file, piece, self.inside) for piece in wanted)


class Need(Sign, frozen=True, kw_only=True):
    """A sign without which the series is pointless; `otherwise` says why."""

    otherwise: str


class Patch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One patch; a kernel builds and works with it and those before it.

    Attributes:
        subject: what `git log --oneline` shows.
        changelog: the text below it, wrapped at 72 columns.
        author: who wrote it; the series' author where it does not say.
        upstream: mainline's commit that makes the same change, if there is one.
        edits: made one after the other.
        already: signs of the same change in another form; any one will do.
    """

    subject: str
    changelog: str
    author: Author | None = None
    upstream: Commit | None = None
    edits: list[Edit]
    already: list[Sign] = []

    def is_in(self, tree: ChangedTree) -> bool:
        """Does the tree have the change, in this form or another?

        Raises SeriesError where it has a part of it.
        """
        if any(sign.shows(tree) for sign in self.already):
            return True
        made = [is_made(edit, tree.read(edit.file)) for edit in self.edits]
        told = [answer for answer in made if answer is not None]
        if any(told) and not all(told):
            there = self.edits[made.index(True)]
            lacking = self.edits[made.index(False)]
            raise SeriesError(
                f"the patch `{self.subject}` is there by half: {there.file} has the change "
                f"`{_first_line(there.text)}`, but {lacking.file} lacks "
                f"`{_first_line(lacking.text)}`")
        return bool(told) and all(told)


class Series(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named change to kernel source.

    Attributes:
        name: lower case letters, digits, `_` and `-`.
        title: one line.
        holds: the versions it is meant for, in words.
        why: why it is right, in prose.
        author: who wrote its patches, as `Name <address>`; without it, who git says the user is.
        on: the project's series that this one continues: its patches come first, where the tree
            lacks them, and its needs hold too.
        needs: signs of what the series is against; all must be there.
        patches: in order.
    """

    name: Name
    title: str
    holds: str
    why: str
    patches: list[Patch] = []
    author: Author | None = None
    on: Name | None = None
    needs: list[Need] = []

    @property
    def digest(self) -> str:
        """sha256 (hex) of the definition."""
        return digest_bytes(msgspec.json.encode(self))


class ChangedTree:
    """A source tree being read and, in memory, changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._changed: dict[str, str] = {}
        self._read: dict[str, str | None] = {}

    def real_name(self, file: str) -> str:
        """The path from the top of the tree that a file has with its links followed.

        Raises SeriesError for one that leads out of the tree, or into git's own files.
        """
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise SeriesError(f"a series changes {file!r}, which is no path inside a tree")
        try:
            found = place_inside(self.root, file).relative_to(self.root.resolve())
        except PlaceError as error:
            raise SeriesError(str(error).rstrip(".")) from error
        if ".git" in found.parts:
            raise SeriesError(f"a series changes {file!r}, which is git's and no source")
        return str(found)

    def read(self, file: str) -> str | None:
        """A file's text, changed as it was; None where it is not there.

        Raises SeriesError as `real_name` does, and for a file that cannot be read.
        """
        file = self.real_name(file)
        if file in self._changed:
            return self._changed[file]
        if file not in self._read:
            self._read[file] = self._load(file)
        return self._read[file]

    def change(self, file: str, content: str) -> None:
        """Give a file another text, in memory."""
        self._changed[self.real_name(file)] = content

    def _load(self, file: str) -> str | None:
        try:
            # The bytes as they are: an author's name in a comment may be in any encoding.
            return read_bounded(self.root / file, _LARGEST_SOURCE).decode(
                "utf-8", "surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise SeriesError(f"cannot read {self.root / file}: {error.strerror}") from error


@dataclass(frozen=True, kw_only=True)
class PatchPlan:
    """What one patch does to a tree: nothing where it is there already.

    Attributes:
        patch: the patch.
        before: the text of each file it changes; None for a file that it makes.
        after: their text with it.
    """

    patch: Patch
    before: Mapping[str, str | None]
    after: Mapping[str, str]

    @property
    def there(self) -> bool:
        """Has the tree the change already?"""
        return not self.after


@dataclass(frozen=True, kw_only=True)
class SeriesPlan:
    """What a series does to a tree; `reason` is one sentence about `state`."""

    series: Series
    root: Path
    state: State
    reason: str
    patches: tuple[PatchPlan, ...]

    @property
    def changes(self) -> dict[str, str]:
        """The text that each changed file ends up with."""
        return {file: text for plan in self.patches for file, text in plan.after.items()}

    @property
    def digest(self) -> str:
        """sha256 (hex) of the changes: equal for two series that leave the same source."""
        return digest_bytes(*(part for file, text in sorted(self.changes.items())
                              for part in (file.encode(), encode_source(text))))

    def write(self) -> None:
        """Make the changes in the tree: all, or none where one cannot be written.

        Raises SeriesError where the tree cannot be written or its disk is full.
        """
        try:
            write_together(self.root, {
                file: encode_source(text) for file, text in self.changes.items()})
        except (OSError, PlaceError) as error:
            reason = refusal(error) if isinstance(error, OSError) else error
            raise SeriesError(f"series {self.series.name} cannot be written to {self.root}: "
                              f"{reason} Nothing was changed.") from error


def plan_series(series: Series, root: Path) -> SeriesPlan:
    """What the series does to the tree at `root`; nothing is written.

    Raises SeriesError where the tree is no kernel source, or a patch does not fit it: the message
    names the patch, the function and the anchor.
    """
    tree = ChangedTree(root)
    if not (root / "Makefile").is_file() or not (root / "fs").is_dir():
        raise SeriesError(f"{root} is no kernel source tree: it has no Makefile, or no fs/. Give "
                          "the top directory of one.")
    try:
        lacking = next((need for need in series.needs if not need.shows(tree)), None)
        # The series itself may have taken the sign away.
        if lacking and not all(patch.is_in(tree) for patch in series.patches):
            return SeriesPlan(series=series, root=root, state="absent", reason=lacking.otherwise,
                              patches=())
        plans = tuple(_plan_patch(patch, tree) for patch in series.patches)
    except SeriesError as error:
        raise SeriesError(
            f"series {series.name} does not fit {root}: {error}. It is meant for {series.holds}; "
            "a tree that changed these functions needs a definition of its own.") from error
    there = [plan.patch.subject for plan in plans if plan.there]
    named = listed([f"`{subject}`" for subject in there])
    if len(there) == len(plans):
        state: State = "already there"
        reason = f"the tree has {named} or the like"
    elif there:
        state = "partly there"
        reason = f"the tree has {named} or the like; the rest is to be made"
    else:
        state = "applies"
        reason = f"{len(plans)} patch{'es' if len(plans) > 1 else ''} to be made"
    return SeriesPlan(series=series, root=root, state=state, reason=reason, patches=plans)


def _plan_patch(patch: Patch, tree: ChangedTree) -> PatchPlan:
    if patch.is_in(tree):
        return PatchPlan(patch=patch, before={}, after={})
    files = list(dict.fromkeys(tree.real_name(edit.file) for edit in patch.edits))
    before = {file: tree.read(file) for file in files}
    for edit in patch.edits:
        try:
            tree.change(edit.file, apply_edit(edit, tree.read(edit.file)))
        except SeriesError as error:
            raise SeriesError(f"patch `{patch.subject}`: {error}") from error
    return PatchPlan(patch=patch, before=before,
                     after={file: tree.read(file) or "" for file in files})


def series_names() -> list[str]:
    """The names of the project's own series."""
    return sorted(path.stem for path in _DEFINITIONS.glob(f"*{_SUFFIX}"))


def all_series() -> Iterator[Series]:
    """The project's own series, by name."""
    return (load_series(name) for name in series_names())


def load_series(name: str | Path) -> Series:
    """The series of that name, or the definition at that path (one that ends in `.toml`), with the
    patches in the folder of its name beside it.

    Raises SeriesError for an unknown name and for a definition that cannot be read.
    """
    path = Path(name)
    if path.suffix != _SUFFIX:
        if str(name) not in series_names():
            raise SeriesError(f"there is no series {str(name)!r}: there are "
                              f"{', '.join(series_names())}. A definition of your own is given by "
                              f"its path, which ends in {_SUFFIX}.")
        path = _DEFINITIONS / f"{name}{_SUFFIX}"
    series = _read(path, Series)
    files = sorted(path.with_suffix("").glob(f"*{_SUFFIX}"))
    series.patches.extend(_read(file, Patch) for file in files)
    if not series.patches or not all(patch.edits for patch in series.patches):
        raise SeriesError(f"{path} is no definition of a series: it needs patches, and each "
                          "patch edits.")
    own = [msgspec.structs.replace(patch, author=patch.author or series.author)
           for patch in series.patches]
    base = load_series(series.on) if series.on else None
    return msgspec.structs.replace(series, patches=(base.patches if base else []) + own,
                                   needs=(base.needs if base else []) + series.needs)


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.toml.decode(read_bounded(path, _LARGEST_DEFINITION), type=kind)
    except OSError as error:
        raise SeriesError(f"cannot read the series {path}: {error.strerror}.") from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise SeriesError(f"{path} is no definition of a series: {error}. `tailwalk series show "
                          "tail` names a sound one to compare with.") from error


def encode_source(text: str) -> bytes:
    """The bytes of a text that a tree's files were read into."""
    return text.encode("utf-8", "surrogateescape")


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
