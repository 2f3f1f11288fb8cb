"""Brings what upstream jobs left to where the jobs that wait for it run, in threads: the driver never waits for that.

A job starts only when all that it asked for is there, whole. What lies in one place is not moved. Outputs go directly
where one file system is seen by both, else through this machine; a transfer that breaks off goes on where it was, also
under another driver.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused, LoginNeeded, NemorunError, StoreError
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.sizes import size_words
from nemorun_discover.model.status import Contact
from nemorun_discover.schedulers.fetching import Fetch, Sending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from nemorun_discover.lifecycle.edges import Edge, Edges
    from nemorun_discover.model.job import Job
    from nemorun_discover.schedulers.fetching import Fetched, Transfer

_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 60.0
_TELL_EVERY_S = 0.5
_FAREWELL_S = 2.0
_MARK = ".seen-"
_OLD_S = 3600.0


class Inputs:
    """What the jobs of an experiment get from elsewhere.

    Args:
        edges: Of its jobs.
        wake: Has the driver look at once.
    """

    def __init__(self, edges: Edges, wake: Callable[[], None]) -> None:
        self._edges = edges
        self._wake = wake
        self._fetching = threading.Lock()  # one at a time brings an experiment's outputs here
        self._routes: dict[tuple[str | None, str | None], _Route] = {}

    def are_there(self, unit: Sequence[Job]) -> bool:
        """True when these jobs, which start together, find all that they asked for; what is not there is brought.

        Raises:
            NemorunError: It cannot be had.
        """
        are_there = True
        for job in unit:
            for edge in self._edges.of(job):
                edge.require()
                if edge.travels:
                    route = self._routes.setdefault(
                        (edge.source, edge.target), _Route(self._edges, self._wake, self._fetching)
                    )
                    are_there = route.has(edge) and are_there
        return are_there

    @property
    def waits_for_a_person(self) -> bool:
        """True when nothing is on its way but what needs a login."""
        return all(route.is_idle or route.needs_login for route in self._routes.values())

    def with_contacts(self, contacts: Mapping[str, Contact]) -> dict[str, Contact]:
        """How backends are heard, with what is on its way to each."""
        merged = dict(contacts)
        for route in self._routes.values():
            for name, own in route.contacts().items():
                known = merged.get(name, Contact())
                merged[name] = replace(
                    known,
                    progress=own.progress or known.progress,
                    trouble=known.trouble or own.trouble,
                )
        return merged

    def notes(self) -> list[str]:
        """What has been sent since the last question, a sentence each."""
        return [note for route in self._routes.values() for note in route.take_notes()]

    def close(self) -> None:
        """End the threads; what has come is kept."""
        for route in self._routes.values():
            route.close()
        self._edges.close()


@dataclass(kw_only=True, slots=True, eq=False)
class _Item:
    """What one upstream job left, on its way to one place."""

    edge: Edge
    executors: set[str] = field(default_factory=set)
    is_done: bool = False
    error: NemorunError | None = None

    @property
    def is_open(self) -> bool:
        return not self.is_done and self.error is None


class _Route:
    """The way from one place to another one, and the thread that goes it."""

    def __init__(self, edges: Edges, wake: Callable[[], None], fetching: threading.Lock) -> None:
        self._edges = edges
        self._wake = wake
        self._fetching = fetching
        self._lock = threading.Lock()
        self._items: dict[tuple[Path, bool], _Item] = {}
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._progress: str | None = None
        self._trouble: str | None = None
        self._told_at = 0.0
        self._moved = 0
        self._notes: list[str] = []
        self.needs_login = False

    @property
    def is_idle(self) -> bool:
        """Nothing is on its way."""
        with self._lock:
            return not any(item.is_open for item in self._items.values())

    def has(self, edge: Edge) -> bool:
        """True when this has arrived; otherwise it is on its way from now on.

        Raises:
            NemorunError: It cannot be had.
        """
        key = (edge.upstream.paths.root, edge.with_outputs)
        with self._lock:
            item = self._items.setdefault(key, _Item(edge=edge))
            item.executors.add(edge.job.job.executor)
            if item.error is not None:
                raise item.error
            if item.is_done or self.needs_login or self._closing.is_set():
                return item.is_done
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="inputs", daemon=True)
                self._thread.start()
            elif not self._thread.is_alive():
                raise NemorunError(
                    "what brings outputs to where they are needed has failed",
                    hint="the driver's log has the traceback; the next command starts another driver",
                )
        return False

    def contacts(self) -> dict[str, Contact]:
        """By executor that waits for something, how far it is."""
        with self._lock:
            names = {name for one in self._items.values() if one.is_open for name in one.executors}
            if self._progress is None and self._trouble is None:
                return {}
            return dict.fromkeys(names, Contact(progress=self._progress, trouble=self._trouble))

    def take_notes(self) -> list[str]:
        """What has been sent, once."""
        with self._lock:
            notes, self._notes = self._notes, []
        return notes

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(_FAREWELL_S)

    def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            with self._lock:
                batch = [item for item in self._items.values() if item.is_open]
                if not batch or self._closing.is_set():
                    self._thread = None
                    return
            self._moved = 0
            try:
                _Passage(batch, self._edges, self._tell, self._note).go(self._fetching)
            except LoginNeeded as error:
                self._is_ill(error)
                self.needs_login = True
                self._wake()
                return
            except NemorunError as error:
                if not _is_passing(error):
                    with self._lock:
                        for item in batch:
                            item.error = error
                    self._wake()
                    continue
                self._is_ill(error)
                pause = _FIRST_PAUSE_S if self._moved else pause
                self._wake()
                if self._closing.wait(pause):
                    return
                pause = min(2 * pause, _LONGEST_PAUSE_S)
                continue
            with self._lock:
                self._progress = self._trouble = None
                for item in batch:
                    item.is_done = item.error is None
            pause = _FIRST_PAUSE_S
            self._wake()

    def _is_ill(self, error: NemorunError) -> None:
        with self._lock:
            self._progress, self._trouble = None, _sentence(error)

    def _tell(self, words: str) -> None:
        """Bytes have moved."""
        self._moved += 1
        now = time.monotonic()
        if now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            with self._lock:
                self._progress, self._trouble = words, None

    def _note(self, sentence: str) -> None:
        with self._lock:
            self._notes.append(sentence)


class _Passage:
    """One try to bring everything of one route.

    Args:
        batch: What; all from one place to another one.
        edges: Of the experiment.
        tell: Gets how far it is, in words.
        note: Gets a sentence on what has been sent.
    """

    def __init__(
        self,
        batch: Sequence[_Item],
        edges: Edges,
        tell: Callable[[str], None],
        note: Callable[[str], None],
    ) -> None:
        self._batch = batch
        self._tell = tell
        self._note = note
        self._mark = f"{_MARK}{os.urandom(8).hex()}"
        first = batch[0].edge
        self._source, self._target = first.source, first.target
        self._scheduler = first.scheduler
        count = max(edges.users(one.edge) for one in batch)
        names = ", ".join(sorted({one.edge.upstream.job.executor for one in batch}))
        others = ", ".join(sorted({name for one in batch for name in one.executors}))
        self._way = f"{names} -> {others}"
        self._for_whom = f", once for {count} jobs" if count > 1 else ""
        self._size = 0

    def go(self, fetching: threading.Lock) -> None:
        """Bring it. What of it cannot be had is said in its item.

        Args:
            fetching: Held while something comes here.

        Raises:
            NemorunError: All of it cannot be had, or not now.
        """
        began = time.monotonic()
        left = self._directly() if self._source is not None and self._target is not None else None
        items = self._batch if left is None else left
        if self._source is None:
            self._look_here(items)
        else:
            with fetching:
                self._fetch(items)
        if self._target is not None:
            self._send([one for one in items if one.error is None])
        if self._size:
            took = time.monotonic() - began
            self._note(
                f"sent {size_words(self._size)} {self._way}{self._for_whom}, in {took:.0f} s"
            )

    def _directly(self) -> list[_Item]:
        """Have the target take what it sees itself; the items that it does not see."""
        wanted = [one for one in self._batch if one.edge.with_outputs]
        rest = [one for one in self._batch if not one.edge.with_outputs]
        if not wanted:
            return rest
        places: dict[Path, str] = {}
        for alike in _by_experiment(wanted):
            submissions = [one.edge.upstream.submission for one in alike]
            seen = alike[0].edge.upstream.scheduler.mark_outputs(submissions, self._mark)
            places |= {
                one.paths.root: seen[one.job.id] for one in submissions if one.job.id in seen
            }
        sendings = [
            self._sending(one, seen_at=places[one.edge.upstream.paths.root], is_here=False)
            for one in wanted
            if one.edge.upstream.paths.root in places
        ]
        try:
            unseen = set(self._scheduler.send_outputs(sendings, self._mark, lambda _: None))
        finally:
            with suppress(NemorunError):  # a mark that stays does no harm
                for alike in _by_experiment(wanted):
                    submissions = [one.edge.upstream.submission for one in alike]
                    alike[0].edge.upstream.scheduler.mark_outputs(
                        submissions, self._mark, away=True
                    )
        taken = {one.source.root for one in sendings} - unseen
        return [*rest, *(one for one in wanted if one.edge.upstream.paths.root not in taken)]

    def _look_here(self, items: Iterable[_Item]) -> None:
        for one in items:
            edge = one.edge
            paths = edge.upstream.paths
            if edge.must_be_there and edge.with_outputs and not paths.outputs.is_dir():
                one.error = _lost(edge, str(paths.outputs))

    def _fetch(self, items: Sequence[_Item]) -> None:
        from nemorun_discover.lifecycle.pull import outputs_alone  # noqa: PLC0415 - most drivers fetch nothing

        for alike in _by_experiment(items):
            first = alike[0].edge.upstream
            folder = ExperimentLayout(first.paths.root.parents[1])
            fetches = [
                Fetch(
                    submission=one.edge.upstream.submission,
                    into=one.edge.upstream.paths.outputs,
                    wants=_all_of(one),
                )
                for one in alike
            ]
            with outputs_alone(folder):
                fetched = first.scheduler.fetch_outputs(fetches, self._words("are here"))
            for one in alike:
                _take_in(one, fetched[one.edge.upstream.job.id])

    def _send(self, items: Sequence[_Item]) -> None:
        marks = [
            one.edge.upstream.paths.root / self._mark for one in items if one.edge.with_outputs
        ]
        try:
            for mark in marks:
                with suppress(OSError):  # then it is sent, as to any other place
                    _forget_old_marks(mark.parent)
                    mark.touch(mode=0o600)
            sendings = [
                self._sending(one, seen_at=str(one.edge.upstream.paths.root), is_here=True)
                for one in items
            ]
            if sendings:
                self._scheduler.send_outputs(sendings, self._mark, self._words("are there"))
        finally:
            for mark in marks:
                mark.unlink(missing_ok=True)

    def _sending(self, item: _Item, *, seen_at: str, is_here: bool) -> Sending:
        edge = item.edge
        return Sending(
            submission=edge.job,
            experiment_id=edge.experiment_id,
            source=edge.upstream.paths,
            with_outputs=edge.with_outputs,
            seen_at=seen_at if edge.with_outputs else None,
            is_here=is_here,
        )

    def _words(self, where: str) -> Callable[[Transfer], None]:
        def tell(transfer: Transfer) -> None:
            self._size = max(self._size, transfer.total_bytes)
            done = size_words(transfer.done_bytes)
            size = size_words(transfer.total_bytes)
            self._tell(f"sends {size} {self._way}{self._for_whom}: {done} {where}")

        return tell


def _by_experiment(items: Iterable[_Item]) -> list[list[_Item]]:
    """The items, those whose upstream jobs are of one experiment together."""
    found: dict[str, list[_Item]] = {}
    for one in items:
        found.setdefault(one.edge.experiment_id, []).append(one)
    return [*found.values()]


def _all_of(item: _Item) -> Callable[[str], bool]:
    return lambda _path: item.edge.with_outputs


def _take_in(item: _Item, fetched: Fetched) -> None:
    """What has become of one job's outputs.

    Raises:
        NemorunError: The transfer broke off.
    """
    if fetched.error is not None:
        raise fetched.error
    edge = item.edge
    if fetched.is_gone and edge.with_outputs and edge.must_be_there:
        item.error = _lost(edge, edge.upstream.job.executor)
    elif fetched.trouble is not None and edge.with_outputs:
        item.error = ExecutorRefused(f"the outputs of {edge.upstream.job.id}: {fetched.trouble}")


def _lost(edge: Edge, where: str) -> ExecutorRefused:
    return ExecutorRefused(
        f"{edge.job.job.id} gets the outputs of {edge.upstream.job.id}, which are not there any more ({where})",
        hint=f"run {edge.upstream.job.task} again, too",
    )


def _forget_old_marks(folder: Path) -> None:
    """Take away what a process has left that was killed."""
    for mark in folder.glob(f"{_MARK}*"):
        if time.time() - mark.stat().st_mtime > _OLD_S:
            mark.unlink()


def _is_passing(error: NemorunError) -> bool:
    """True where the same may be done a little later: a connection, a full disk, another process at the same work."""
    return isinstance(error, StoreError) or (
        isinstance(error, ExecutorRefused) and error.is_passing
    )


def _sentence(error: NemorunError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
