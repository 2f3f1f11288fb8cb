"""What a packager has found, before anything is read: files, where they are, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemorun_discover.packaging.listing import Mode, Origin


class InGit(NamedTuple):
    """A file or a link of a commit: a blob in the repository whose working tree is this directory."""

    repository: str
    blob: str
    mode: Mode
    size: int


# A string is a file or a link of this machine, by its absolute path; disk.py knows its state.
Source = str | InGit


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """What a packager has found.

    Attributes:
        files: By path in the package.
        origins: The packager's own folder first.
        notes: A sentence each.
    """

    files: Mapping[str, Source]
    origins: tuple[Origin, ...]
    notes: tuple[str, ...] = ()


def folders_of(paths: Iterable[str]) -> set[str]:
    """Every folder that the paths lie in, however deep; the root, which is `""`, too."""
    found = {""}
    for nearest in {path.rpartition("/")[0] for path in paths}:
        folder = nearest
        while folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def placed_over(files: Mapping[str, Source], more: Mapping[str, Source]) -> dict[str, Source]:
    """Both together. What is in `more` wins: a file over a folder of the same name too, or over a link."""
    merged = dict(files)
    if replaced := tuple(f"{path}/" for path in folders_of(files) & more.keys()):
        merged = {path: one for path, one in files.items() if not path.startswith(replaced)}
    for folder in folders_of(more) & merged.keys():
        del merged[folder]
    return {**merged, **more}
