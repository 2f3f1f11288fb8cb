"""events.jsonl: what happened, appended by whoever saw it; each line is whole or ignored."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import fields
from typing import TYPE_CHECKING

import msgspec

from nemorun_discover.errors import StoreError
from nemorun_discover.files import write_whole
from nemorun_discover.model.event import Event
from nemorun_discover.shortage import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

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


def read_events(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """The events from a byte offset on, and the offset to go on from.

    A last line without its newline is left for the next time; a line that is no event (torn, or of a
    newer nemorun) is ignored.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from error
    whole = data[: data.rfind(b"\n") + 1]
    events = [event for line in whole.splitlines() if (event := _decode(line))]
    return events, offset + len(whole)


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
        return _DECODER.decode(line)
    except msgspec.MsgspecError:
        return None
