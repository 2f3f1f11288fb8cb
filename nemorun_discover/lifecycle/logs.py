"""The logs of jobs, read by byte offset: what is there, what is new, and until when to wait for more."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nemorun_discover.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator

    from nemorun_discover.model.status import ExperimentStatus, JobStatus

_BLOCK = 64 * 1024
# Longer lines are handed on in pieces, so that a job that prints no newline neither fills the memory
# nor stays silent.
LONGEST_LINE = 16 * 1024 * 1024
_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 0.5
_UTF8_MAX = 4
_CONTINUATION = 0b1000_0000
_TOP_TWO_BITS = 0b1100_0000


@dataclass(frozen=True, kw_only=True, slots=True)
class LogPiece:
    """Some bytes of one attempt's log, in order.

    Attributes:
        is_last: Nothing more comes of this attempt; then `text` may be empty.
    """

    job: str
    attempt: int
    text: bytes
    is_last: bool = False


def stream_logs(
    look: Callable[[], ExperimentStatus],
    jobs: Collection[str],
    *,
    attempt: int | None = None,
    lines: int | None = None,
    follow: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[LogPiece]:
    """The logs of several jobs, as they stand or as they grow.

    Args:
        look: Where the experiment stands now; asked before every reading.
        jobs: Ids of the jobs.
        attempt: Only this one; None for the latest, and when following also those that come after it.
        lines: Begin this many lines before the end of each log; None for its beginning.
        follow: Go on until every job is final and the last byte of its log was read.
        sleep: Waits between two readings.

    Raises:
        StoreError: A log is there and cannot be read.
    """
    readers: dict[str, list[_AttemptReader]] = {}
    pause = _SHORTEST_PAUSE_S
    while True:
        status = (
            look()
        )  # before the reading: what a job wrote until it was final is then in the file
        found = False
        wanted = [job for job in status.jobs if job.id in jobs]
        for job in wanted:
            known = readers.setdefault(job.id, [])
            known += _new_readers(job, known, attempt=attempt, lines=lines)
            for piece in _read_all(job, known):
                found = True
                yield piece
        if not follow or all(_is_over(job, readers[job.id], attempt) for job in wanted):
            return
        pause = _SHORTEST_PAUSE_S if found else min(pause * 1.5, _LONGEST_PAUSE_S)
        sleep(pause)


def whole_lines(pieces: Iterable[LogPiece], longest: int = LONGEST_LINE) -> Iterator[LogPiece]:
    """The same text, one line a piece, without line ends; a line longer than `longest` comes in several.

    A piece never ends inside a UTF-8 character.
    """
    begun: dict[tuple[str, int], _Line] = {}
    for piece in pieces:
        line = begun.setdefault((piece.job, piece.attempt), _Line())
        for text in line.take(piece, longest):
            yield replace(piece, text=text, is_last=False)
    for (job, attempt), line in begun.items():
        if line.text:
            yield LogPiece(job=job, attempt=attempt, text=bytes(line.text))


def last_lines(path: Path, count: int, block: int = _BLOCK) -> list[str]:
    """The last lines of a log as a terminal would show them; only the end of the file is read.

    Progress bars, which write over themselves with carriage returns, count as their last state. Empty when
    there is no log.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - block))
            text = file.read(block).decode(errors="replace")
    except OSError:
        return []
    lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n")]
    return [line for line in lines if line.strip()][-count:]


def offset_of_last_lines(path: Path, count: int) -> int:
    """The byte offset where the last `count` lines of a file begin; it is read from its end.

    A last line without its newline counts as a line.
    """
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        if count <= 0 or end == 0:
            return end
        return _seek_lines(file, end, count)


def _seek_lines(file: BinaryIO, end: int, count: int) -> int:
    position = end - 1  # a newline at the very end closes the last line, it begins none
    while position > 0:
        start = max(0, position - _BLOCK)
        file.seek(start)
        block = file.read(position - start)
        newline = len(block)
        while (newline := block.rfind(b"\n", 0, newline)) >= 0:
            count -= 1
            if count == 0:
                return start + newline + 1
        position = start
    return 0


class _AttemptReader:
    """Reads one attempt's log, each byte once."""

    def __init__(self, job: str, attempt: int, path: Path, lines: int | None) -> None:
        self.job = job
        self.attempt = attempt
        self.is_done = False
        self._path = path
        self._lines = lines
        self._offset: int | None = None

    def read(self) -> Iterator[bytes]:
        """The bytes that are new, up to where the file ends now."""
        try:
            if self._offset is None:
                self._offset = self._first_offset()
            with self._path.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(self._offset)
                while block := file.read(min(_BLOCK, end - self._offset)):
                    self._offset += len(block)
                    yield block
        except FileNotFoundError:
            self._lines = None  # it begins later, and then every line is new
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be read ({error.strerror})") from error

    def _first_offset(self) -> int:
        return 0 if self._lines is None else offset_of_last_lines(self._path, self._lines)


def _new_readers(
    job: JobStatus, known: list[_AttemptReader], *, attempt: int | None, lines: int | None
) -> list[_AttemptReader]:
    """Readers for the attempts that are to be read and are not yet."""
    if attempt is not None:
        numbers = {attempt} - {reader.attempt for reader in known}
    else:
        first = known[-1].attempt + 1 if known else job.attempt
        numbers = set(range(first, job.attempt + 1))
    # Only the log that is there at the start is cut: a later attempt is new from its first line.
    return [
        _AttemptReader(job.id, one.number, Path(one.log), None if known else lines)
        for one in job.attempts
        if one.number in numbers and one.log
    ]


def _is_over(job: JobStatus, readers: list[_AttemptReader], attempt: int | None) -> bool:
    if attempt is None:
        return job.is_settled
    return bool(readers) and all(reader.is_done for reader in readers)


def _read_all(job: JobStatus, readers: list[_AttemptReader]) -> Iterator[LogPiece]:
    for reader in readers:
        if reader.is_done:
            continue
        for block in reader.read():
            yield LogPiece(job=job.id, attempt=reader.attempt, text=block)
        if job.is_settled or reader.attempt < job.attempt:
            reader.is_done = True
            yield LogPiece(job=job.id, attempt=reader.attempt, text=b"", is_last=True)


class _Line:
    """The beginning of a line, whose end has not been seen yet."""

    def __init__(self) -> None:
        self.text = bytearray()
        self._was_cut = False

    def take(self, piece: LogPiece, longest: int) -> Iterator[bytes]:
        """The lines that the piece ends, and what of the next one is too long to be kept."""
        *ended, rest = piece.text.split(b"\n")
        for end in ended:
            line = bytes(self.text + end).removesuffix(b"\r")
            if line or not self._was_cut:
                yield line
            self.text.clear()
            self._was_cut = False
        self.text += rest
        while len(self.text) >= longest:
            yield self._cut(_character_end(self.text, longest))
        if piece.is_last and self.text:
            yield self._cut(len(self.text))

    def _cut(self, end: int) -> bytes:
        text = bytes(self.text[:end])
        del self.text[:end]
        self._was_cut = True
        return text


def _character_end(buffer: bytearray, at: int) -> int:
    """The nearest place at or before `at` where no UTF-8 character is cut."""
    end = at
    while (
        end < len(buffer) and end > at - _UTF8_MAX and buffer[end] & _TOP_TWO_BITS == _CONTINUATION
    ):
        end -= 1
    return end
