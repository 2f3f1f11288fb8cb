"""What is sent to a cluster: files by their places in the tar that submit.sh takes apart. Nothing is sent here."""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from nemorun_discover.errors import StoreError
from nemorun_discover.packaging.store import load_entries, object_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from nemorun_discover.packaging.listing import Entry

_MODES = {
    "file": 0o444,
    "exec": 0o555,
}  # hard links of one content: a job must not write into another's
_CHUNK = 1 << 18
_CANDIDATES = 8
_RECORD = 20 * 512  # tar reads whole records; one that is not whole would keep it waiting


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A file of the tar: its content here, or in a file of this machine; the target of a link; or a folder."""

    name: str
    is_folder: bool = False
    mode: int = 0o600
    content: bytes | None = None
    source: str | Path | None = None
    size: int = 0
    target: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Delta:
    """A package as what differs from another one.

    Attributes:
        base: The package on the cluster that it is laid out over; None for none.
        changed: What has to be sent.
        gone: Paths of the base that it does not have.
    """

    digest: str
    base: str | None
    changed: tuple[Entry, ...]
    gone: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of its folder in the tar; short, for a path beyond 100 bytes takes three blocks there instead of one.

        submit.sh cuts the digests it has to the same length.
        """
        return self.digest[:16]

    @property
    def size(self) -> int:
        """Bytes to send."""
        return sum(entry.size for entry in self.changed)


def delta_of(packages: Path, digest: str, on_cluster: Sequence[str]) -> Delta:
    """A package as the smallest difference to what is on the cluster already.

    Args:
        packages: `HomeLayout.packages`, where the package is.
        digest: Its name.
        on_cluster: Packages there, the ones used last first; those that this machine does not know are of no use.

    Raises:
        StoreError: The package is missing here, or damaged.
    """
    entries = load_entries(packages, digest)
    best = Delta(digest=digest, base=None, changed=entries)
    for other in on_cluster[:_CANDIDATES]:
        try:
            known = load_entries(packages, other)
        except StoreError:
            continue
        delta = _difference(digest, entries, other, known)
        if delta is not None and _cost(delta) < _cost(best):
            best = delta
    return best


def _cost(delta: Delta) -> int:
    return delta.size + 512 * len(delta.changed)


def _difference(
    digest: str, entries: tuple[Entry, ...], other: str, known: tuple[Entry, ...]
) -> Delta | None:
    """None where a folder of one is a file of the other: tar would not put one in the place of the other."""
    before = {entry.path: entry for entry in known}
    paths = {entry.path for entry in entries}
    if _folders(paths) & before.keys() or _folders(before) & paths:
        return None
    return Delta(
        digest=digest,
        base=other,
        changed=tuple(entry for entry in entries if before.get(entry.path) != entry),
        gone=tuple(path for path in before if path not in paths),
    )


def _folders(paths: Iterable[str]) -> set[str]:
    return {str(parent) for path in paths if "/" in path for parent in PurePosixPath(path).parents}


def members_of(packages: Path, delta: Delta) -> Iterator[Member]:
    """The files of a package's difference."""
    for entry in delta.changed:
        name = f"package/{delta.name}/{entry.path}"
        if entry.mode == "link":
            yield Member(name=name, target=entry.target or "")
            continue
        yield Member(
            name=name,
            mode=_MODES[entry.mode],
            source=object_path(packages, entry.sha256),
            size=entry.size,
        )
    if delta.gone:
        gone = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in delta.gone)
        yield Member(name=f"gone/{delta.name}", content=gone)


def text_members(files: Mapping[str, str | bytes], mode: int = 0o600) -> list[Member]:
    """Files by their names in the tar, with their content."""
    return [
        Member(
            name=name,
            mode=mode,
            content=text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"),
        )
        for name, text in files.items()
    ]


def tar_of(members: Iterable[Member]) -> Iterator[bytes]:
    """The tar, piece by piece; its last file says that it is whole.

    Raises:
        StoreError: A file of this machine is missing, or shorter than it was.
    """
    written = 0
    for member in (*members, Member(name="whole", content=b"")):
        for piece in _pieces(member):
            written += len(piece)
            yield piece
    end = b"\0" * (2 * tarfile.BLOCKSIZE)
    yield end + b"\0" * (-(written + len(end)) % _RECORD)


def _pieces(member: Member) -> Iterator[bytes]:
    info = tarfile.TarInfo(member.name)
    info.mode = member.mode
    if member.target is not None:
        info.type, info.linkname = tarfile.SYMTYPE, member.target
    elif member.is_folder:
        info.type = tarfile.DIRTYPE
    else:
        info.size = member.size if member.content is None else len(member.content)
    yield info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
    if member.target is not None or member.is_folder:
        return
    yield from _content(member)
    yield b"\0" * (-info.size % tarfile.BLOCKSIZE)


def _content(member: Member) -> Iterator[bytes]:
    if member.content is not None:
        yield member.content
        return
    left = member.size
    try:
        # Unbuffered, by its name: a Path and a buffer cost more than reading a small file does.
        with open(member.source or os.devnull, "rb", buffering=0) as file:  # noqa: PTH123
            while left and (piece := file.read(min(left, _CHUNK))):
                left -= len(piece)
                yield piece
    except OSError as error:
        raise StoreError(f"{member.source}: cannot be read ({error.strerror})") from error
    if left:
        raise StoreError(f"{member.source}: is shorter than it was when it was stored")
