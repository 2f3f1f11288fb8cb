"""From a packager's settings to the package: what it holds, and where the project lies in it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError, UsageError
from nemorun_discover.executors.packagers import (
    GitArchivePackager,
    HybridPackager,
    Packager,
    PatternPackager,
)
from nemorun_discover.garbage import without_gc
from nemorun_discover.packaging.disk import Disk
from nemorun_discover.packaging.gathered import Gathered, InGit, Source, placed_over
from nemorun_discover.packaging.hashing import read_entries
from nemorun_discover.packaging.ignoring import rules_on_disk
from nemorun_discover.packaging.limits import check_size
from nemorun_discover.packaging.links import notes_on_links
from nemorun_discover.packaging.listing import Listing, Origin, digest_of, in_order, shown
from nemorun_discover.packaging.patterns import gather_patterns
from nemorun_discover.packaging.repository import gather_repository, packaged_directory

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def list_package(
    packager: Packager,
    root: Path,
    *,
    cache_dir: Path | None,
    leave_out: Collection[Path] = (),
    private: Collection[Path] = (),
) -> Listing:
    """The package that a packager makes of a project; nothing but the cache of hashes is written.

    Args:
        packager: The settings.
        root: The project's root.
        cache_dir: Where hashes of files are kept from one call to the next; None reads every file.
        leave_out: Directories that never travel, nemorun's own home for one.
        private: Files that hold secrets: they do not travel, and a note says so.

    Raises:
        ConfigError: The settings name something that is not there.
        UsageError: The project cannot be packaged in its present state.
    """
    with without_gc():
        return _list(packager, os.path.realpath(root), cache_dir, leave_out, private)


def _list(
    packager: Packager,
    place: str,
    cache_dir: Path | None,
    leave_out: Collection[Path],
    private: Collection[Path],
) -> Listing:
    disk = Disk(cache_dir, f"{place} {packager!r}")
    gathered = _gather(packager, place, disk, leave_out)
    found = _without(gathered, private)
    files = found.files
    if (ordered := in_order(files)) != list(files):
        files = {path: files[path] for path in ordered}
    if not gathered.files:
        raise UsageError(
            f"{shown(place)}: there is no file to package",
            hint="what .gitignore and .nemorunignore name is left out",
        )
    size_bytes = check_size(files, disk, packager.size_limit_mb)
    entries = read_entries(files, disk)
    disk.save(
        (one for one in files.values() if isinstance(one, str)),
        (one.blob for one in files.values() if isinstance(one, InGit) and one.mode != "link"),
    )
    return Listing(
        entries=entries,
        sources=tuple(files.values()),
        origins=found.origins,
        notes=(*found.notes, *notes_on_links(entries)),
        digest=digest_of(entries),
        size_bytes=size_bytes,
    )


def _without(found: Gathered, private: Collection[Path]) -> Gathered:
    """What was found without some files, in the working tree or in a commit."""
    names = {os.path.realpath(one) for one in private}
    hidden = [
        path for path, one in found.files.items() if names and _place_of(path, one, found) in names
    ]
    if not hidden:
        return found
    notes = [
        f"{shown(path)} holds the value of a secret, and does not travel: ${{env:VAR}} in its place would"
        for path in hidden
    ]
    files = {path: one for path, one in found.files.items() if path not in hidden}
    return replace(found, files=files, notes=(*found.notes, *notes))


def _place_of(path: str, source: Source, found: Gathered) -> str:
    if isinstance(source, str):
        return source
    origin = found.origins[0]
    return os.path.join(origin.source, path.removeprefix(f"{origin.prefix}/"))  # noqa: PTH118 - may not be UTF-8


def place_in(listing: Listing, root: Path) -> tuple[str, str]:
    """Where the project's root lies in a package.

    Returns:
        `root` and `below` of `model.record.PackagedCode`.

    Raises:
        UsageError: No part of the package comes from the project, or from a directory around it.
    """
    return _place_in(listing.origins, root)


def place_of_root(packager: Packager, root: Path) -> tuple[str, str]:
    """The same for the package that a packager would make, which is not listed; of one that makes none, the root.

    Raises:
        ConfigError: The settings name something that is not there.
        UsageError: As in `place_in`; or git cannot be asked.
    """
    return _place_in(_origins(packager, os.path.realpath(root)), root)


def _origins(packager: Packager, root: str) -> list[Origin]:
    match packager:
        case GitArchivePackager():
            return [Origin(source=packaged_directory(packager, root))]
        case PatternPackager(relative_path=relative):
            places = [relative] if isinstance(relative, str) else relative
            return [Origin(source=Path(os.path.realpath(Path(root, one)))) for one in places]
        case HybridPackager():
            found = []
            for name, one in packager.sub_packagers.items():
                folder = "" if packager.extract_at_root else f"{_folder(name)}/"
                found += [
                    Origin(source=it.source, prefix=f"{folder}{it.prefix}".rstrip("/"))
                    for it in _origins(one, root)
                ]
            return found
    return [Origin(source=Path(root))]


def _place_in(origins: Sequence[Origin], root: Path) -> tuple[str, str]:
    place = Path(os.path.realpath(root))
    for origin in origins:
        if place.is_relative_to(origin.source):
            inside = place.relative_to(origin.source)
            return Path(origin.prefix, inside).as_posix().removeprefix("."), ""
        if origin.source.is_relative_to(place):
            return origin.prefix, origin.source.relative_to(place).as_posix()
    sources = ", ".join(shown(str(origin.source)) for origin in origins)
    raise UsageError(
        f"{shown(str(place))}: the project is not in the package, which is made of {sources}",
        hint="choose basepath, subpath or relative_path so that the tasks' files travel",
    )


def _gather(packager: Packager, root: str, disk: Disk, leave_out: Collection[Path]) -> Gathered:
    match packager:
        case GitArchivePackager():
            return gather_repository(packager, root, disk, leave_out=leave_out)
        case PatternPackager():
            return gather_patterns(
                packager.include_pattern,
                packager.relative_path,
                disk,
                key="include_pattern",
                relative_key="relative_path",
                base=root,
                rules=rules_on_disk(root, leave_out=leave_out),
            )
        case HybridPackager():
            return _gather_all(packager, root, disk, leave_out)
    raise ConfigError(
        f'packager = "{packager.kind}" copies nothing, so there is no package',
        hint='choose "git" or "pattern"',
    )


def _gather_all(
    packager: HybridPackager, root: str, disk: Disk, leave_out: Collection[Path]
) -> Gathered:
    """What several packagers take, each in its folder, or one over the other."""
    files: dict[str, Source] = {}
    origins: list[Origin] = []
    notes: list[str] = []
    for name, one in packager.sub_packagers.items():
        found = _gather(one, root, disk, leave_out)
        folder = "" if packager.extract_at_root else _folder(name)
        prefix = f"{folder}/" if folder else ""
        files = placed_over(files, {prefix + path: it for path, it in found.files.items()})
        notes += found.notes
        origins += [
            Origin(source=it.source, prefix=f"{prefix}{it.prefix}".rstrip("/"))
            for it in found.origins
        ]
    return Gathered(files=files, origins=tuple(origins), notes=tuple(notes))


def _folder(name: str) -> str:
    if any(part in ("", ".", "..") for part in name.split("/")):
        raise ConfigError(
            f"sub_packagers: {name!r} cannot be the name of a folder of the package",
            hint="use a name such as `code`, or extract_at_root = true",
        )
    return name
