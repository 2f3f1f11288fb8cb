"""Outputs of jobs elsewhere, on a cluster: each byte travels once, however often the connection breaks."""

from __future__ import annotations

import stat
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConnectionLost, ExecutorRefused
from nemorun_discover.schedulers.fetching import Transfer
from nemorun_discover.schedulers.landing import entries_of, part_name
from nemorun_discover.schedulers.slurm.handing_over import refused
from nemorun_discover.schedulers.slurm.listing import entry_of
from nemorun_discover.schedulers.slurm.looking import script_text
from nemorun_discover.transport.script import new_token

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from nemorun_discover.schedulers.fetching import Sending
    from nemorun_discover.schedulers.landing import Entry
    from nemorun_discover.transport.conversation import Conversation
    from nemorun_discover.transport.tunnel import Tunnel

PATIENCE_S = 600.0  # for one answer: a slow disk unpacks, or copies, a large folder
_ALONE = 1 << 20  # a file of this size goes by itself, so that it can go on where it broke off
_CHUNK = 1 << 17
_RECORD = 10240  # tar reads whole records
_SECOND = 1_000_000_000
_PASSING = ("No space left", "Disk quota exceeded")


def send_outputs(
    tunnel: Tunnel,
    base: str,
    sendings: Sequence[Sending],
    mark: str,
    tell: Callable[[Transfer], None],
) -> Collection[Path]:
    """See `Scheduler.send_outputs`; all of one cluster.

    Args:
        tunnel: To the cluster; one conversation for each experiment that the jobs are of.
        base: The tunnel's job_dir.
        sendings: What.
        mark: See there.
        tell: Likewise.
    """
    by_experiment: dict[str, list[Sending]] = {}
    for one in sendings:
        by_experiment.setdefault(one.experiment_id, []).append(one)
    left: list[Path] = []
    for alike in by_experiment.values():
        left += _send(tunnel, base, alike, mark, tell)
    return left


def mark_outputs(
    tunnel: Tunnel, base: str, folders: Sequence[str], mark: str, *, away: bool
) -> dict[str, str]:
    """Put a file named `mark` into jobs' folders, or take it away; by folder below `<base>/experiments`, its absolute path."""
    script = script_text(
        "mark.sh", base=base, mark=mark, away="yes" if away else "no", folders="\n".join(folders)
    )
    answer = tunnel.run(script, timeout_s=PATIENCE_S)
    places = answer.output.decode("utf-8", "surrogateescape").splitlines()
    return dict(zip(folders, places, strict=False))


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """Something that is to be sent.

    Attributes:
        slug: The job's folder.
        begun: How many of its bytes are there.
    """

    slug: str
    source: Path
    entry: Entry
    begun: int = 0

    @property
    def is_alone(self) -> bool:
        """It is sent by itself, not in the tar."""
        return self.entry.kind == "f" and (self.begun > 0 or self.entry.size >= _ALONE)

    @property
    def part(self) -> str:
        """Where its bytes gather, below `jobs`."""
        return f"{self.slug}/outputs.part/parts/{part_name(self.entry)}"


def _send(
    tunnel: Tunnel,
    base: str,
    sendings: Sequence[Sending],
    mark: str,
    tell: Callable[[Transfer], None],
) -> list[Path]:
    by_slug = {one.source.root.name: one for one in sendings}
    script = script_text(
        "inputs.sh",
        base=base,
        exp=sendings[0].experiment_id,
        mark=mark,
        near="\n".join(f"{slug} {one.seen_at}" for slug, one in by_slug.items() if one.seen_at),
        slugs="\n".join(slug for slug, one in by_slug.items() if one.is_here),
    )
    with tunnel.converse(script, new_token(), PATIENCE_S) as talk:
        near, there = _hear(talk, tunnel.name)
        far = {slug: one for slug, one in by_slug.items() if slug not in near}
        files = [
            file for slug, one in far.items() if one.is_here for file in _missing(slug, one, there)
        ]
        own = {slug: one for slug, one in far.items() if one.is_here}
        if own:
            _Stream(talk, tunnel.name, files, own, tell).send()
    return [one.source.root for one in far.values() if not one.is_here]


def _hear(talk: Conversation, name: str) -> tuple[set[str], dict[str, Entry]]:
    """The jobs whose folders were seen there; and by path below `jobs`, what there is of the others."""
    near: set[str] = set()
    there: dict[str, Entry] = {}
    while (line := talk.read_line()) is not None:
        if line == b".":
            return near, there
        if line == b"busy":
            raise ConnectionLost(f"{name}: another process sends the same outputs there just now")
        if line.startswith(b"fail "):
            raise _trouble(name, line)
        if line.startswith(b"near "):
            near.add(line[5:].decode())
            continue
        found = entry_of(line, talk.read_line() or b"")
        if found is not None:
            there[found.path] = found
    raise ConnectionLost(f"{name}: the connection ended before anything was sent")


def _trouble(name: str, line: bytes) -> ExecutorRefused:
    text = line.removeprefix(b"fail ").decode("utf-8", "replace")
    error = refused(name, text)
    error.is_passing = any(words in text for words in _PASSING)
    return error


def _missing(slug: str, sending: Sending, there: dict[str, Entry]) -> Iterator[_File]:
    """What of a job's outputs is not there and equal."""
    if not sending.with_outputs:
        return
    try:
        entries = list(entries_of(sending.source.outputs))
    except OSError as error:
        raise ExecutorRefused(f"{error.filename}: cannot be read ({error.strerror})") from error
    for entry in entries:
        if _is_equal(there.get(f"{slug}/outputs/{entry.path}"), entry):
            continue
        if _is_equal(there.get(f"{slug}/outputs.part/tree/{entry.path}"), entry):
            continue
        part = there.get(f"{slug}/outputs.part/parts/{part_name(entry)}")
        begun = min(part.size, entry.size) if part is not None and entry.kind == "f" else 0
        yield _File(slug=slug, source=sending.source.outputs / entry.path, entry=entry, begun=begun)


def _is_equal(found: Entry | None, entry: Entry) -> bool:
    """As far as size and time tell; tar brings whole seconds only."""
    if found is None or found.kind != entry.kind:
        return False
    if entry.kind == "l":
        return found.target == entry.target
    if entry.kind == "d":
        return True
    is_as_old = found.mtime_ns // _SECOND == entry.mtime_ns // _SECOND
    return found.size == entry.size and is_as_old


class _Stream:
    """Sends files, and hears whether they have come.

    Args:
        talk: The conversation with inputs.sh.
        name: The cluster's, for messages.
        files: What is not there.
        sendings: By slug, the jobs that they are of.
        tell: Gets how far it has come.
    """

    def __init__(
        self,
        talk: Conversation,
        name: str,
        files: Sequence[_File],
        sendings: dict[str, Sending],
        tell: Callable[[Transfer], None],
    ) -> None:
        self._talk = talk
        self._name = name
        self._files = files
        self._sendings = sendings
        self._tell = tell
        self._is_over = False
        self._sent = 0
        self._total = sum(one.entry.size - one.begun for one in files if one.entry.kind == "f")

    def send(self) -> None:
        """Send all of it.

        Raises:
            ConnectionLost: It broke; what has come is kept.
            ExecutorRefused: It cannot be written there, or a file here changes or cannot be read.
        """
        self._talk.feed(self._pieces())
        try:
            while (line := self._talk.read_line()) is not None:
                if line == b"done":
                    return
                if line.startswith(b"fail "):
                    raise _trouble(self._name, line)
            raise ConnectionLost(f"{self._name}: the connection ended while outputs were sent")
        finally:
            self._is_over = True

    def _pieces(self) -> Iterator[bytes]:
        block = bytearray()
        for piece in self._all():
            if self._is_over:
                return
            block += piece
            if len(block) >= _CHUNK:
                yield bytes(block)
                block.clear()
        yield bytes(block)

    def _all(self) -> Iterator[bytes]:
        for one in self._files:
            if one.is_alone:
                yield from self._file(one)
        yield b"files\n"
        yield from self._tar()

    def _file(self, one: _File) -> Iterator[bytes]:
        """A file by itself, from where it broke off."""
        entry, count = one.entry, one.entry.size - one.begun
        seconds, fraction = divmod(entry.mtime_ns, _SECOND)
        mode = f"{entry.mode & 0o777:o}"
        yield f"{count} {entry.size} {mode} {seconds}.{fraction:09} {one.part}\n".encode()
        yield from self._content(one, one.begun)

    def _tar(self) -> Iterator[bytes]:
        for info, content in self._members():
            yield info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
            yield from content
            yield b"\0" * (-info.size % tarfile.BLOCKSIZE)
        yield b"\0" * _RECORD

    def _members(self) -> Iterator[tuple[tarfile.TarInfo, Iterator[bytes]]]:
        for slug, sending in self._sendings.items():
            place = f"jobs/{slug}/outputs.part"
            yield _folder(place), iter(())
            if sending.with_outputs:
                yield _folder(f"{place}/tree"), iter(())
            for path in (sending.source.job, sending.source.result):
                if path.exists():
                    text = path.read_bytes()
                    info = tarfile.TarInfo(f"{place}/{path.name}")
                    info.size, info.mode = len(text), 0o600
                    yield info, iter((text,))
        for one in self._files:
            info = tarfile.TarInfo(f"jobs/{one.slug}/outputs.part/tree/{one.entry.path}")
            info.mode, info.mtime = one.entry.mode & 0o777, one.entry.mtime_ns // _SECOND
            content: Iterator[bytes] = iter(())
            if one.entry.kind == "d":
                info.type, info.mode = tarfile.DIRTYPE, info.mode | stat.S_IRWXU
            elif one.entry.kind == "l":
                info.type, info.linkname = tarfile.SYMTYPE, one.entry.target
            elif one.is_alone:
                info.type, info.linkname = tarfile.LNKTYPE, f"jobs/{one.part}"
            else:
                info.size, content = one.entry.size, self._content(one, 0)
            yield info, content
        yield tarfile.TarInfo("whole"), iter(())

    def _content(self, one: _File, start: int) -> Iterator[bytes]:
        left = one.entry.size - start
        try:
            with one.source.open("rb", buffering=0) as file:
                file.seek(start)
                while left and (piece := file.read(min(left, _CHUNK))):
                    left -= len(piece)
                    self._moved(one, len(piece))
                    yield piece
        except OSError as error:
            raise ExecutorRefused(f"{one.source}: cannot be read ({error.strerror})") from error
        if left:
            raise ExecutorRefused(f"{one.source}: has changed while it was sent")

    def _moved(self, one: _File, size: int) -> None:
        self._sent += size
        self._tell(
            Transfer(
                job=one.slug, path=one.entry.path, done_bytes=self._sent, total_bytes=self._total
            )
        )


def _folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o700
    return info
