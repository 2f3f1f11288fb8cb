"""The home's packages: content by its hash, and a manifest for each package. Every content lies there once.

objects/ab/cdef…        the content whose SHA-256 is abcdef…, 0400, never written again
trees/<digest>.json     the files of a package; written last, so one that is there is complete
lock                    held (shared) while a package is stored, and alone while what is not needed is deleted
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import StoreError, UsageError
from nemorun_discover.files import write_atomic, write_whole
from nemorun_discover.packaging.hashing import Reader
from nemorun_discover.packaging.listing import SCHEMA, Entry, digest_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.packaging.gathered import Source
    from nemorun_discover.packaging.listing import Listing

_FANOUT = 2


def tree_path(packages: Path, digest: str) -> Path:
    """The manifest of a package."""
    return packages / "trees" / f"{digest}.json"


def object_path(packages: Path, sha256: str) -> str:
    """The file that holds a content; a string, for a Path costs more than reading it does."""
    return f"{packages}/objects/{sha256[:_FANOUT]}/{sha256[_FANOUT:]}"


def has_package(packages: Path, digest: str) -> bool:
    """True when a package is stored."""
    return tree_path(packages, digest).exists()


def store_package(packages: Path, listing: Listing) -> None:
    """Store a package; what is there already is left as it is.

    Args:
        packages: `HomeLayout.packages`.
        listing: What to store; it is read again, and must be as it was listed.

    Raises:
        StoreError: The home cannot be written. Nothing that could be taken for the package is left.
        UsageError: A file has changed since it was listed, or cannot be read any more.
    """
    manifest = tree_path(packages, listing.digest)
    try:
        for folder in (packages / "objects", manifest.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(packages):
            if manifest.exists():
                os.utime(manifest)  # young again: what deletes old packages leaves it alone
                return
            _store_objects(packages, listing)
            write_atomic(manifest, _manifest(listing), durable=True)
    except OSError as error:
        raise StoreError(
            f"{packages}: the package cannot be stored ({error.strerror})",
            hint="set NEMORUN_HOME to a directory you can write, or free some space with `nemorun prune`",
        ) from error


@contextlib.contextmanager
def locked(packages: Path, *, alone: bool = False) -> Iterator[None]:
    """Hold the lock of the packages, with others who store or alone.

    Raises:
        OSError: Its file cannot be written.
    """
    descriptor = os.open(packages / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A file system without locks is used without them: an hour's grace is what is left then.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _store_objects(packages: Path, listing: Listing) -> None:
    wanted = {
        entry.sha256: (entry, source)
        for entry, source in zip(listing.entries, listing.sources, strict=True)
        if entry.mode != "link"
    }
    missing = sorted(wanted.keys() - set(stored_objects(packages)))
    for prefix in sorted({sha256[:_FANOUT] for sha256 in missing}):
        (packages / "objects" / prefix).mkdir(mode=0o700, exist_ok=True)
    with Reader() as reader:
        for sha256 in missing:
            _store(object_path(packages, sha256), *wanted[sha256], reader)


def stored_objects(packages: Path) -> Iterator[str]:
    """The hash of every content that is stored."""
    for folder in sorted(_names(packages / "objects")):
        for name in _names(packages / "objects" / folder):
            if not name.startswith("."):
                yield folder + name


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - the names alone
    except FileNotFoundError:
        return []


def _store(place: str, entry: Entry, source: Source, reader: Reader) -> None:
    """Copy a file into the store under the hash that it was listed with."""
    folder, _, name = place.rpartition("/")
    temporary = f"{folder}/.{name}.{secrets.token_hex(4)}"
    digest = hashlib.sha256()
    is_stored = False
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        with os.fdopen(descriptor, "wb", 0) as file:
            for piece in reader.content(source):
                digest.update(piece)
                write_whole(file.fileno(), piece)
        _require_as_listed(entry, digest.hexdigest())
        os.replace(temporary, place)  # noqa: PTH105 - see object_path
        is_stored = True
    finally:
        if not is_stored:
            Path(temporary).unlink(missing_ok=True)


def _require_as_listed(entry: Entry, sha256: str) -> None:
    if sha256 != entry.sha256:
        raise UsageError(
            f"{shown(entry.path)}: was written to while it was packaged",
            hint="start again when nothing writes to it, or name it in .nemorunignore",
        )


def _manifest(listing: Listing) -> bytes:
    """One entry a line, for a person with `grep`; a byte that is not UTF-8 is a lone surrogate, escaped."""
    lines = ",\n".join(json.dumps(_as_json(entry)) for entry in listing.entries)
    return f'{{"schema": "{SCHEMA}", "digest": "{listing.digest}", "entries": [\n{lines}\n]}}\n'.encode()


def _as_json(entry: Entry) -> dict[str, Any]:
    fields = entry._asdict()
    if entry.target is None:
        del fields["target"]
    return fields


def load_entries(packages: Path, digest: str) -> tuple[Entry, ...]:
    """The files of a package that is stored.

    Raises:
        StoreError: It is not there, damaged, or of a newer version.
    """
    path = tree_path(packages, digest)
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise StoreError(
            f"the package {digest[:16]} is not in {packages}",
            hint="what ran from it can be run again with `nemorun rerun --fresh-code`",
        ) from error
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _damaged(path) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, str) and schema != SCHEMA:
        raise StoreError(
            f"{path}: is {schema}, which a newer nemorun wrote", hint="upgrade nemorun"
        )
    try:
        entries = tuple(Entry(**fields) for fields in document["entries"])
        is_whole = digest_of(entries) == digest
    except (TypeError, KeyError, ValueError) as error:
        raise _damaged(path) from error
    if not is_whole:
        raise _damaged(path)
    return entries


def _damaged(path: Path) -> StoreError:
    return StoreError(
        f"{path}: is damaged", hint="delete it; the next launch of the same code writes it again"
    )
