"""The code that jobs without a package run: a project's files as they lie on the disk, and what of them changes.

Code is what git tracks, and what Python or a shell would run: sources and settings by their ending, whether or not
git ignores them, in directories that could be imported. Files that appear later count when they are sources: what
jobs write into the project is no change of its code. Data is not looked at.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.import_roots import is_within, repository_around
from nemorun_discover.errors import UsageError
from nemorun_discover.packaging.disk import Disk, is_settled, stamp_of
from nemorun_discover.packaging.git import Answer, GitFailed
from nemorun_discover.packaging.hashing import read_entries
from nemorun_discover.packaging.listing import Entry, digest_of, in_order
from nemorun_discover.shortage import is_passing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

SCHEMA = "nemorun.code/1"
LARGEST = 16_000_000  # bytes; a larger file is data
_SOURCES = (".py", ".pyx", ".pxd", ".so", ".pyd", ".sh", ".bash")
_SETTINGS = (".toml", ".yaml", ".yml", ".cfg", ".ini")
# The configuration is compared by itself; its executors were resolved when the jobs were planned.
_NO_CODE = frozenset({"nemorun.toml"})
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
_MARKS_OF_ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta"})
_UNREADABLE = "unreadable"

Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _File:
    """A file: its entry, where it is, and its stamp; None where it was written too lately to be believed."""

    entry: Entry
    place: str
    stamp: Stamp | None


@dataclass(frozen=True, slots=True)
class LiveCode:
    """The code of some directories at one moment.

    Attributes:
        root: The project's root, absolute.
        files: By path, relative to the project's root.
        folders: By absolute path, the directories that were listed, with their time of modification; None
            where it is too young to be believed.
        leave_out: Absolute paths of directories that hold no code.
        gone: By path, where files were that are not there any more: they may come back.
        installed: Absolute paths of the directories that are no part of the project: editable installations.
    """

    root: str
    files: Mapping[str, _File]
    folders: Mapping[str, int | None]
    leave_out: tuple[str, ...] = ()
    installed: tuple[str, ...] = ()
    gone: Mapping[str, str] = field(default_factory=dict)

    def own(self) -> LiveCode:
        """The project's part."""
        if not self.installed:
            return self
        files = {
            path: one for path, one in self.files.items() if not _is_in(one.place, self.installed)
        }
        return replace(self, files=files)

    def of_installed(self, *folders: str) -> LiveCode:
        """The part of editable installations; of all, or of those in some directories."""
        inside = folders or self.installed
        files = {path: one for path, one in self.files.items() if _is_in(one.place, inside)}
        return replace(self, files=files)

    @property
    def digest(self) -> str:
        """SHA-256 of paths, modes and contents, as a package has it."""
        return digest_of(self.entries.values())

    @property
    def entries(self) -> dict[str, Entry]:
        """By path, the files as a package would list them."""
        return {path: self.files[path].entry for path in in_order(self.files)}

    def look(self) -> LiveCode:
        """The code as it is now; this very object when nothing has changed.

        Every file and directory is asked for its times; what they tell to have changed is read.
        """
        changed: dict[str, str] = {}
        for path, one in self.files.items():
            if one.stamp is None or _stamp(one.place) != one.stamp:
                changed[path] = one.place
        changed |= {path: one for path, one in self.gone.items() if os.path.lexists(one)}
        stale = [one for one, time in self.folders.items() if time is None or _time(one) != time]
        found: dict[str, None] = {}
        folders = dict(self.folders)
        for folder in stale:
            folders.pop(folder)
            walk = _Walk(self.leave_out, endings=_SOURCES, known=self.folders)
            found |= dict.fromkeys(walk.below(folder))
            folders.update(walk.folders)
        known = {one.place for one in self.files.values()}
        changed |= {self._path_of(place): place for place in found if place not in known}
        if not changed and folders == self.folders:
            return self
        files = {path: one for path, one in self.files.items() if path not in changed}
        files |= _read(changed, Disk(None, ""))
        gone = {**self.gone, **changed}
        gone = {path: place for path, place in gone.items() if path not in files}
        return replace(self, files=files, folders=folders, gone=gone)

    def _path_of(self, place: str) -> str:
        return os.path.relpath(place, self.root)

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "schema": SCHEMA,
            "digest": self.digest,
            "root": self.root,
            "leave_out": list(self.leave_out),
            "installed": list(self.installed),
            "folders": dict(self.folders),
            "files": [
                [*one.entry[:4], one.stamp and list(one.stamp)]
                for one in (self.files[path] for path in in_order(self.files))
            ],
        }


def live_code_from(document: Mapping[str, Any]) -> LiveCode:
    """What `LiveCode.document` wrote.

    Raises:
        ValueError: It is something else.
    """
    try:
        if document["schema"] != SCHEMA:
            raise ValueError(document["schema"])
        root = document["root"]
        files = {
            path: _File(
                Entry(path, mode, sha256, size),
                os.path.normpath(os.path.join(root, path)),  # noqa: PTH118 - text in, text out
                tuple(stamp) if stamp else None,
            )
            for path, mode, sha256, size, stamp in document["files"]
        }
        leave_out, installed = (tuple(document[name]) for name in ("leave_out", "installed"))
        return LiveCode(root, files, document["folders"], leave_out, installed)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("it is not the code of an experiment") from error


def read_code(
    root: Path,
    folders: Sequence[Path],
    *,
    installed: Sequence[Path] = (),
    cache_dir: Path | None,
    leave_out: Collection[Path] = (),
    more: Iterable[str] = (),
) -> LiveCode:
    """The code of some directories as it is now; nothing but the cache of hashes is written.

    Args:
        root: What paths are relative to: the project's root.
        folders: The project's directories.
        installed: Directories of editable installations outside of it.
        cache_dir: Where hashes of files are kept from one call to the next.
        leave_out: Directories that hold no code, nemorun's own home for one.
        more: Files that are code whatever their names are, relative to the root or absolute.
    """
    base = os.path.abspath(root)  # noqa: PTH100 - links stay as the user wrote them
    others = tuple(map(os.path.abspath, installed))
    distinct = _outermost([*map(os.path.abspath, folders), *others])
    left_out = (one for each in leave_out for one in (str(each), os.path.realpath(each)))
    # A home can be the project's root at once; its own directories are named too then.
    without = tuple(dict.fromkeys(one for one in left_out if not is_within(base, one)))
    walk = _Walk(without, endings=(*_SOURCES, *_SETTINGS))
    disk = Disk(cache_dir, f"{base} code")
    places: dict[str, None] = {}
    with _git_lists(distinct) as tracked:
        disk.look()
        for one in distinct:
            places |= dict.fromkeys(walk.below(one))
        for one in tracked():
            if os.path.basename(one) not in _NO_CODE and not _is_in(one, without):  # noqa: PTH119
                places[one] = None
    places |= dict.fromkeys(os.path.normpath(os.path.join(base, one)) for one in more)  # noqa: PTH118
    files = _read({os.path.relpath(one, base): one for one in places}, disk)
    disk.save(_sources(files, disk), ())
    return LiveCode(base, files, walk.folders, without, others)


def _sources(files: Mapping[str, _File], disk: Disk) -> Iterator[str]:
    """Where the contents of settled files are: of a link, where it leads to."""
    for one in files.values():
        if one.stamp is not None:
            yield one.place if one.place in disk.states else os.path.realpath(one.place)


def changes(before: LiveCode, after: LiveCode) -> dict[str, str]:
    """By path, how files differ: `added`, `removed` or `changed`."""
    if before is after:
        return {}
    one, other = before.entries, after.entries
    return {
        path: "added" if path not in one else "changed" if path in other else "removed"
        for path in in_order({*one, *other})
        if one.get(path) != other.get(path)
    }


def _outermost(roots: Sequence[str]) -> list[str]:
    """The roots without those in another one that a walk from there reaches."""
    return [
        one
        for one in dict.fromkeys(roots)
        if not any(_reaches(other, one) for other in roots if other != one)
    ]


def _reaches(root: str, place: str) -> bool:
    return is_within(place, root) and all(
        one.isidentifier() for one in Path(place).relative_to(root).parts
    )


@contextmanager
def _git_lists(roots: Sequence[str]) -> Iterator[Callable[[], Iterator[str]]]:
    """What git tracks in these directories; git is at work while the block runs, until it is asked."""
    tops: dict[str, list[str]] = {}
    for one in roots:
        tops.setdefault(repository_around(one), []).append(one)
    with ExitStack() as running:
        answers: dict[str, Answer] = {}
        for top, inside in tops.items():
            if os.path.lexists(f"{top}/.git"):
                asked = ("ls-files", "-z", "--cached", "--recurse-submodules", "--", *inside)
                with suppress(GitFailed):
                    answers[top] = running.enter_context(Answer(top, *asked))

        def tracked() -> Iterator[str]:
            for top, answer in answers.items():
                with suppress(GitFailed):
                    yield from (f"{top}/{path}" for path in answer.names())

        yield tracked


def _is_in(place: str, folders: Iterable[str]) -> bool:
    return any(is_within(place, one) for one in folders)


class _Walk:
    """Finds code by its ending, below directories that could be packages.

    Args:
        leave_out: Directories that are not entered.
        endings: Of the files that count.
        known: Directories that are not entered, since they are looked at by themselves.
    """

    def __init__(
        self,
        leave_out: tuple[str, ...],
        *,
        endings: tuple[str, ...],
        known: Collection[str] = frozenset(),
    ) -> None:
        self._leave_out = frozenset(leave_out)
        self._endings = endings
        self._known = known
        self.folders: dict[str, int | None] = {}

    def below(self, top: str) -> Iterator[str]:
        """The files in a directory and below it; the directories are in `folders` then."""
        pending = [top]
        while pending:
            folder = pending.pop()
            if folder in self.folders:
                continue
            try:
                time = _time(folder, settled=True)
                with os.scandir(folder) as listing:
                    entries = list(listing)
            except OSError as error:
                _raise_shortage(error)
                continue
            if folder != top and any(one.name in _MARKS_OF_ENVIRONMENT for one in entries):
                continue
            self.folders[folder] = time
            for one in entries:
                if one.name.endswith(self._endings):
                    if one.name[0] != "." and one.name not in _NO_CODE and _is_there(one.is_file):
                        yield one.path
                elif self._may_enter(one):
                    pending.append(one.path)

    def _may_enter(self, one: os.DirEntry[str]) -> bool:
        if not one.name.isidentifier() or one.name in _SKIPPED or one.path in self._leave_out:
            return False
        if one.path in self._known or not _is_there(one.is_dir):
            return False
        # A link to a package is one; any other may lead into a data set, or in a circle.
        return not one.is_symlink() or (
            os.path.isfile(f"{one.path}/__init__.py")  # noqa: PTH113 - a str, as scandir gives
            and not is_within(one.path, os.path.realpath(one.path))
        )


def _is_there(question: Callable[[], bool]) -> bool:
    """What `scandir` answers of a name; False of links in a circle, for which it raises ELOOP."""
    try:
        return question()
    except OSError as error:
        _raise_shortage(error)
        return False


def _read(places: Mapping[str, str], disk: Disk) -> dict[str, _File]:
    """By path, the files that are there and no data; what cannot be read is told apart from what can."""
    sources: dict[str, str] = {}
    for path, place in places.items():
        with suppress(OSError):
            now = os.stat(place)  # noqa: PTH116 - 10,000 of them
            if S_ISREG(now.st_mode) and now.st_size <= LARGEST:
                source = os.path.realpath(place) if os.path.islink(place) else place  # noqa: PTH114
                disk.see(source)
                sources[path] = source
    try:
        entries = read_entries(sources, disk)
    except UsageError as error:
        _raise_shortage(error.__cause__)
        entries = tuple(_one(path, source) for path, source in sources.items())
    return {
        one.path: _File(one, places[one.path], _settled(disk, sources[one.path]))
        for one in entries
        if one.sha256
    }


def _one(path: str, source: str) -> Entry:
    try:
        disk = Disk(None, "")
        disk.see(source)
        return read_entries({path: source}, disk)[0]
    except FileNotFoundError:
        return Entry(path, "file", "", 0)
    except (OSError, UsageError) as error:
        _raise_shortage(error)
        _raise_shortage(error.__cause__)
        return Entry(path, "file", hashlib.sha256(_UNREADABLE.encode()).hexdigest(), 0)


def _raise_shortage(error: BaseException | None) -> None:
    """Raise an error that says nothing of a file: this process may open no more of them for now."""
    if isinstance(error, OSError) and is_passing(error):
        raise error


def _settled(disk: Disk, source: str) -> Stamp | None:
    state = disk.states.get(source)
    return state[:5] if state is not None and state[5] and is_settled(state[1]) else None


def _stamp(place: str) -> Stamp | None:
    try:
        return stamp_of(os.stat(place))  # noqa: PTH116 - likewise
    except OSError:
        return ()


def _time(folder: str, *, settled: bool = False) -> int | None:
    """When a directory's entries changed last; with `settled`, None where it could change unseen.

    Raises:
        OSError: It is not there, with `settled` only.
    """
    try:
        now = os.stat(folder)  # noqa: PTH116 - likewise
    except OSError:
        if settled:
            raise
        return -1
    return now.st_mtime_ns if not settled or is_settled(now.st_mtime_ns) else None
