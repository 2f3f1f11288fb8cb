"""Follows a job's log at SkyPilot into the attempt's folder, each byte once, and keeps what the job left."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import suppress
from datetime import datetime
from threading import BoundedSemaphore, Event, Thread
from typing import TYPE_CHECKING, Any

from nemorun_discover.documents import Exit, check_object
from nemorun_discover.errors import NemorunError
from nemorun_discover.files import write_atomic
from nemorun_discover.schedulers.skypilot.frames import JobStream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nemorun_discover.schedulers.skypilot.run import Run

# Each one is a request that the API server carries out all the time.
_MOST_AT_ONCE = 8
_places = BoundedSemaphore(_MOST_AT_ONCE)


class Follower(Thread):
    """Reads one job's log until it ends.

    Args:
        run: The attempt.
        follow: Writes the log, from its beginning, into a text file until the job ends.
        tell: Is called when nothing more is read.

    Attributes:
        trouble: What went wrong in reading it.
        stream: What has been read; whole when `is_over` and there was no trouble.
    """

    def __init__(
        self, run: Run, follow: Callable[[Any], None], tell: Callable[[Run], None]
    ) -> None:
        super().__init__(name=f"log of {run.name}", daemon=True)
        self._run = run
        self._follow = follow
        self._tell = tell
        self._over = Event()
        self.trouble: NemorunError | None = None
        self.stream = JobStream(run.name, nodes=run.nodes)

    @property
    def is_over(self) -> bool:
        """True when nothing more is read."""
        return self._over.is_set()

    @property
    def begun_at(self) -> datetime | None:
        """When the job began, as its first node says; None before."""
        text = self.stream.frame(0, "start")
        try:
            return None if text is None else datetime.fromisoformat(text.decode().strip())
        except ValueError:
            return None

    def run(self) -> None:
        """Read it."""
        try:
            with _places:
                self._read()
        except NemorunError as error:
            self.trouble = error
        finally:
            self._over.set()
        self._tell(self._run)

    def _read(self) -> None:
        paths = self._run.paths
        paths.root.mkdir(mode=0o700, exist_ok=True)
        with paths.log.open("ab", buffering=0) as log:
            self.stream.skip(log.tell())
            self._follow(_Sink(self.stream, log))
            log.write(self.stream.finish())


class _Sink(io.TextIOBase):
    """The text file that SkyPilot writes into."""

    def __init__(self, stream: JobStream, log: io.FileIO) -> None:
        self._stream = stream
        self._log = log

    def write(self, text: str, /) -> int:
        """Take a piece of the stream."""
        new = self._stream.feed(text.encode("utf-8", "surrogateescape"))
        while new:
            new = new[self._log.write(new) :]
        return len(text)


def keep_evidence(run: Run, stream: JobStream) -> dict[str, Any] | None:
    """Put what the job left into its folder; returns how it ended, None when it did not tell.

    Of several nodes, the first that failed tells how the job ended; the first node's files win.
    """
    paths = run.submission.paths
    for node in reversed(stream.nodes_with("outputs")):
        _unpack(stream.frame(node, "outputs"), paths.root)
    _keep(stream, "result", paths.result)
    _keep(stream, "error", run.paths.error)
    endings = [_json(stream.frame(node, "exit")) for node in stream.nodes_with("exit")]
    known: list[dict[str, Any]] = [one for one in endings if check_object(one, Exit) is None]
    failed = [one for one in known if one.get("exit_code") != 0 or one.get("reason")]
    if failed:  # the others were ended because of it
        return next((one for one in failed if one.get("reason") != "CANCELLED"), failed[0])
    return known[0] if len(known) >= run.nodes else None


def exit_code_of(stream: JobStream) -> int | None:
    """What the shell of the job's first node that failed, or of the first one, left with."""
    codes = [stream.frame(node, "code") for node in stream.nodes_with("code")]
    numbers = [int(one) for one in codes if one is not None and one.isdigit()]
    return next((one for one in numbers if one), numbers[0] if numbers else None)


def left_behind(stream: JobStream) -> int | None:
    """Bytes of files that were too many to come back; None for none."""
    sizes = [stream.frame(node, "left") for node in stream.nodes_with("left")]
    return sum(int(one) for one in sizes if one is not None and one.strip().isdigit()) or None


def _keep(stream: JobStream, kind: str, path: Path) -> None:
    nodes = stream.nodes_with(kind)
    content = stream.frame(nodes[0], kind) if nodes else None
    if content is not None and _json(content) is not None:
        write_atomic(path, content)


def _json(content: bytes | None) -> Any:  # noqa: ANN401 - JSON
    try:
        return None if content is None else json.loads(content)
    except (ValueError, RecursionError):
        return None


def _unpack(content: bytes | None, folder: Path) -> None:
    """Files from a job: nothing of them gets out of the folder."""
    if content is None:
        return
    with suppress(tarfile.TarError), tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            with suppress(tarfile.FilterError):
                archive.extract(member, folder, filter="data")
