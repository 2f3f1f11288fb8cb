"""events.jsonl: what happened, appended by whoever saw it; each line is whole or ignored."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from dataclasses import dataclass, fields
from datetime import datetime  # noqa: TC003 - msgspec reads the annotation
from typing import TYPE_CHECKING

import msgspec

from nemorun_discover.errors import DamagedFile, StoreError
from nemorun_discover.files import write_whole
from nemorun_discover.model.event import Event, EventType
from nemorun_discover.shortage import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LARGEST_BYTES = 1 << 32
_LARGEST_YEAR = 3000
# A directory, a link to itself, a socket, a pipe: at the next try it will be that too.
_NO_FILE = frozenset({errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ESPIPE})
_LARGEST_ATTEMPT = 1_000_000
_FIELDS = tuple(field.name for field in fields(Event))


def append_events(path: Path, events: Iterable[Event]) -> None:
    """Append events in one piece; several processes may do so at once.

    A line that a crash left half written is closed first, so that it spoils only itself. When the
    disk is full, the file is cut back to what it was.

    Raises:
        StoreError: The events could not be written; none of them is in the file.
    """
    data = b"".join(_encode(event) for event in events)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _append(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise DamagedFile(path, "it is no file") from error
        raise StoreError(
            f"{path}: cannot be written ({reason_of(error, path)})",
            hint="free some space or mend the permissions; nothing else was changed",
        ) from error


def _append(descriptor: int, data: bytes) -> None:
    end = os.lseek(descriptor, 0, os.SEEK_END)
    if end and os.pread(descriptor, 1, end - 1) != b"\n":
        data = b"\n" + data
    try:
        write_whole(descriptor, data)
    except OSError:
        os.ftruncate(descriptor, end)
        raise


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """What was read of a journal.

    Attributes:
        events: What happened, oldest first.
        end: The offset to go on from.
        damaged: Numbers of the lines that are no events, counted from 1 where the reading began; those of
            a newer nemorun are not among them.
    """

    events: list[Event]
    end: int
    damaged: list[int]


def read_events(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """The events from a byte offset on, and the offset to go on from; see `read_journal`."""
    journal = read_journal(path, offset)
    return journal.events, journal.end


def read_journal(path: Path, offset: int = 0) -> Journal:
    """What a journal holds from a byte offset on.

    A last line without its newline is left for the next time; a line that is no event (torn, damaged, or of a
    newer nemorun) is passed over. A journal that has become shorter than the offset is read from its beginning.

    Raises:
        StoreError: It is no file, or cannot be read now.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            size = os.fstat(file.fileno()).st_size
            if size > _LARGEST_BYTES:
                raise DamagedFile(path, f"it has {size} bytes")
            start = offset if offset <= size else 0
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return Journal(events=[], end=0, damaged=[])
    except OSError as error:
        if error.errno in _NO_FILE:
            raise DamagedFile(path, "it is no file") from error
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
    whole = data[: data.rfind(b"\n") + 1]
    events: list[Event] = []
    damaged: list[int] = []
    for number, line in enumerate(whole.split(b"\n")[:-1], start=1):
        event = _decode(line)
        if event is not None:
            events.append(event)
        elif line.strip() and not _is_newer(line):
            damaged.append(number)
    return Journal(events=events, end=start + len(whole), damaged=damaged)


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe in its place is not waited for."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _encode(event: Event) -> bytes:
    present = {name: value for name in _FIELDS if (value := getattr(event, name)) is not None}
    try:
        return msgspec.json.encode(present) + b"\n"
    except UnicodeEncodeError:  # a path that is not UTF-8, in a sentence
        text = json.dumps(msgspec.to_builtins(present), ensure_ascii=False)
        return text.encode("utf-8", "replace") + b"\n"


_DECODER = msgspec.json.Decoder(Event)


def _decode(line: bytes) -> Event | None:
    try:
        event = _DECODER.decode(line)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    return event if _is_sound(event) else None


def _is_sound(event: Event) -> bool:
    """False for what the types allow and no nemorun has written: a time without its zone, an attempt -3."""
    times = (event.at, event.started_at, event.ended_at)
    if any(one is not None and (one.tzinfo is None or one.year > _LARGEST_YEAR) for one in times):
        return False
    return event.attempt is None or 0 < event.attempt <= _LARGEST_ATTEMPT


def _is_newer(line: bytes) -> bool:
    """True for a whole event of a type that this nemorun does not know."""
    try:
        known = _ANY.decode(line)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return False
    return known.type not in set(EventType)


class _AnyEvent(msgspec.Struct):
    at: datetime
    type: str


_ANY = msgspec.json.Decoder(_AnyEvent)
