"""Look at the containers that were started, in a thread: the engine may be slow, or away."""

from __future__ import annotations

import contextlib
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.schedulers.docker.commands import Way
from nemorun_discover.schedulers.docker.engine import Door, said
from nemorun_discover.schedulers.docker.evidence import (
    ENDED,
    known_container,
    note_container,
)
from nemorun_discover.schedulers.docker.names import EXPERIMENT
from nemorun_discover.schedulers.docker.places import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from nemorun_discover.schedulers.docker.tracked import Tracked

_SHORTEST_S, _RESTING_S, _LONGEST_S = 0.2, 1.0, 2.0
_YOUNG_S = 20.0
_LATE_US = 2_000_000
_NO_LOGS = (404, 501)  # no such container; a logging driver that cannot be read


class Watch:
    """Asks the engine again and again how containers stand; all of an experiment's in one question.

    Args:
        door: To the engine.
        tracked: What to look at now.
        stop: Ends a container whose time is over.
    """

    def __init__(
        self,
        door: Door,
        tracked: Callable[[], Iterable[Tracked]],
        stop: Callable[[Tracked], None],
    ) -> None:
        self._door = door
        self._tracked = tracked
        self._stop = stop
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self.trouble: str | None = None
        self.as_of: datetime | None = None

    def begin(self) -> None:
        """Look from now on."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="docker-watch", daemon=True)
            thread.start()  # there may be no thread to be had now
            self._thread = thread

    def end(self) -> None:
        """Look no more; a look that is under way may end, unless the engine takes its time."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(_LONGEST_S)

    def _run(self) -> None:
        while not self._end.wait(self._pause_s()):
            with contextlib.suppress(
                OSError
            ):  # a disk that is full may have room again in a moment
                self.look()

    def _pause_s(self) -> float:
        if self.trouble:
            return 1.0
        alive = list(self._tracked())
        if all(one.way is Way.WORKER and one.ended_seen is None for one in alive):
            return _RESTING_S  # their own evidence tells sooner, and is looked for at every query
        youngest = min((one.age_s for one in alive), default=0.0)
        return _SHORTEST_S if youngest < _YOUNG_S else _LONGEST_S

    def look(self) -> None:
        """Look once; what keeps the engine from answering is the `trouble`."""
        wanted = [one for one in self._tracked() if one.is_watched]
        if not wanted:
            return
        try:
            with said("Docker", self._door.env):
                there = self._there({one.submission.experiment_id for one in wanted})
                for one in wanted:
                    self._take_in(one, there.get(one.name))
        except ExecutorRefused as error:
            self.trouble = error.message
        else:
            self.trouble, self.as_of = None, datetime.now(UTC)

    def _there(self, experiments: set[str]) -> dict[str, str]:
        """By name, the status of the containers that there are."""
        return {
            name.removeprefix("/"): one["State"]
            for experiment in experiments
            for one in self._door.client().api.containers(
                all=True, filters={"label": f"{EXPERIMENT}={experiment}"}
            )
            for name in one["Names"]
        }

    def _take_in(self, one: Tracked, status: str | None) -> None:
        if status is None:
            # A list may have been made before the container was: that there is none is what the engine says of it.
            one.is_gone = not self._is_there(one.name)
            return
        one.is_gone = False
        if one.state is None or one.state.get("Status") != status:
            state = self._inspect(one.name)
            if state.get("Status") in ENDED:
                self._keep_last_word(one, state)
            one.state = state
        elif one.way is Way.BARE:
            self._copy_log(one)
        self._limit_time(one)

    def _is_there(self, name: str) -> bool:
        from docker import errors  # noqa: PLC0415 - the SDK is loaded when it is needed

        try:
            self._door.client().api.inspect_container(name)
        except errors.NotFound:
            return False
        return True

    def _inspect(self, name: str) -> dict[str, Any]:
        from docker import errors  # noqa: PLC0415 - the SDK is loaded when it is needed

        try:
            state: dict[str, Any] = self._door.client().api.inspect_container(name)["State"]
        except errors.NotFound:
            return {"Status": "removing"}
        return state

    def _keep_last_word(self, one: Tracked, state: dict[str, Any]) -> None:
        """What it said that is not in the log, then how it ended: once that is known, anybody may remove it."""
        if "state" in known_container(one.attempt):
            return
        if one.way is Way.BARE:
            self._copy_log(one)
        elif not one.attempt.exit.exists():
            text, known = self._logs(one.name), one.attempt.log.read_bytes()
            if not known.endswith(text):  # a driver that died may have got so far
                _append(one.attempt.log, text)
        note_container(one.attempt, state=state)

    def _copy_log(self, one: Tracked) -> None:
        """Append what the container has written since the last look; the first look of a process reads all of it."""
        since = one.log_since_us
        # What is in the log already: the whole file, or what came at or after that moment.
        known = one.log_known if since else one.attempt.log.stat().st_size
        new: list[bytes] = []
        recent: list[tuple[int, int]] = []
        for at, text in self._entries(one.name, since):
            recent.append((at, len(text)))
            new.append(text[known:])
            known = max(0, known - len(text))
        _append(one.attempt.log, b"".join(new))
        if recent:
            last = max(at for at, _ in recent)
            # stdout and stderr are written down by two threads of the engine: a little later an earlier entry may come.
            is_settled = time.time() * 1e6 - last > _LATE_US
            one.log_since_us = last + 1 if is_settled else last - _LATE_US
            one.log_known = sum(size for at, size in recent if at >= one.log_since_us)

    def _entries(self, name: str, since_us: int) -> Iterator[tuple[int, bytes]]:
        """What the container wrote from a moment on, in pieces, each with its time; nothing where that is not kept.

        The engine keeps a piece for each line, several for a line of more than 16 KiB, with the time in RFC 3339; each
        is a frame of its own in the stream (engine API 1.24, "Attach to a container", and 25.0's daemon/logger).
        """
        from docker import errors  # noqa: PLC0415 - the SDK is loaded when it is needed

        try:
            frames = self._door.client().api.logs(
                name, stream=True, follow=False, timestamps=True, since=since_us / 1e6 or None
            )
            for frame in frames:
                stamp, _, text = frame.partition(b" ")
                yield _microseconds(stamp.decode()), text
        except errors.APIError as error:
            if error.status_code not in _NO_LOGS:
                raise

    def _logs(self, name: str) -> bytes:
        """All that the container wrote; empty where the engine does not keep that, or has removed it."""
        from docker import errors  # noqa: PLC0415 - the SDK is loaded when it is needed

        try:
            text: bytes = self._door.client().api.logs(name)
        except errors.APIError as error:
            if error.status_code in _NO_LOGS:
                return b""
            raise
        return text

    def _limit_time(self, one: Tracked) -> None:
        """The worker does it itself."""
        limit = one.submission.job.timeout_s
        if one.way is Way.WORKER or limit is None or one.is_stopping:
            return
        if (one.state or {}).get("Status") == "running" and one.runs_s() >= limit:
            note_container(one.attempt, timed_out=True)
            self._stop(one)


def _microseconds(stamp: str) -> int:
    """Whole ones since the epoch, of `2026-11-22T07:12:03.123456789Z`: as a float they are told apart, but not added."""
    whole, _, fraction = stamp.removesuffix("Z").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    return int(seconds) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def _append(log: Path, text: bytes) -> None:
    if text:
        with log.open("ab") as file:
            file.write(text)


def grace_of(one: Tracked) -> int:
    """Seconds that the engine waits between TERM and KILL; the worker's own grace is shorter."""
    grace = settings(one.submission).grace_s
    return int(grace) + (5 if one.way is Way.WORKER else 0)
