"""`python -m nemorun_discover.lifecycle.drive HOME NAME [ASK]`: the driver's process; see `standby` for its stdin.

NAME is for people who read `ps`: the experiment's id, or what it ends in.

It holds the experiment's lock, so that there is one at a time, and ends when every job has; or when it waits for
nothing but a login: the next command that looks at the experiment starts another, which can ask its user.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import DamagedFile, NemorunError, StoreError
from nemorun_discover.executors.codec import executor_from_dict
from nemorun_discover.lifecycle.announcing import HOOK_PATIENCE_S, announcer_of
from nemorun_discover.lifecycle.asking import AskElsewhere
from nemorun_discover.lifecycle.board import Board
from nemorun_discover.lifecycle.crew import Crew
from nemorun_discover.lifecycle.driver import Driver
from nemorun_discover.lifecycle.edges import Edges
from nemorun_discover.lifecycle.inputs import Inputs
from nemorun_discover.lifecycle.live_code import CodeWatch, load_for
from nemorun_discover.lifecycle.secrets import hidden_in, reveal
from nemorun_discover.lifecycle.standby import Orders
from nemorun_discover.model.event import Event, EventType, utc_now
from nemorun_discover.schedulers.table import require_scheduler, scheduler_of
from nemorun_discover.shortage import CAUGHT, describe, is_passing, patiently, pauses
from nemorun_discover.store.home import Home
from nemorun_discover.store.lock import hold_lock, write_note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.record import Record

SHORTEST_S = 0.02
UNWRITABLE_PAUSE_S = 2.0
UNWRITABLE_PATIENCE_S = 600.0


def main(home_root: str, _name: str, ask: str | None = None) -> None:
    """Carry the experiment on until every job has ended, unless another driver does.

    A store that is damaged, or cannot be written for good, ends it with one sentence in its log.
    """
    try:
        _drive(home_root, ask)
    except StoreError as error:
        sys.stderr.write(f"{_sentence(error)}\n")  # its log, by now
        raise SystemExit(error.exit_code) from None


def _drive(home_root: str, ask: str | None) -> None:
    orders = Orders()
    _load_for(orders.executors())
    word = orders.wait()
    if word is None:
        return
    home = Home(Path(home_root))
    layout = home.layout.experiment(word.experiment_id)
    _write_to(layout.driver_log)
    if not hold_lock(word.lock):
        return
    record = patiently(lambda: home.read_record(word.experiment_id))
    announcer = announcer_of(record, layout, word.secrets)
    _require_schedulers(record)
    board = Board(record, layout, announcer.tell) if announcer else Board(record, layout)
    rest = _Rest()
    crew = Crew(
        record,
        layout,
        runtime=home.layout.packages / record.runtime,
        env=os.environ,
        secrets=word.secrets,
        ask=None if ask is None else AskElsewhere(int(ask)),
        wake=rest.end,
    )
    edges = Edges(home, record, crew, os.environ, crew.ask)
    inputs = Inputs(edges, rest.end)
    try:
        driver = Driver(board, crew, layout, inputs, CodeWatch(record, layout))
        _carry_on(driver, board, rest, word.lock)
    finally:
        inputs.close()
        crew.close()
    if announcer:
        announcer.finish(board.status(), patience_s=HOOK_PATIENCE_S)


def _load_for(executors: Mapping[str, Mapping[str, Any]]) -> None:
    """What cannot be loaded is no matter yet: whoever needs it will say so, into the log."""
    for name, table in executors.items():
        with suppress(NemorunError):
            executor = executor_from_dict(reveal(table, dict.fromkeys(hidden_in(table), "")))
            scheduler_of(name, table["kind"], os.environ).load_for(executor)
            load_for(table)


def _write_to(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(descriptor, stream.fileno())
    os.close(descriptor)


def _require_schedulers(record: Record) -> None:
    """Leave at once where the plugin that drives some of the jobs is gone: they go on without a driver.

    Raises:
        ExecutorRefused: It is gone.
    """
    for name, table in record.executors.items():
        require_scheduler(name, table["kind"])


def _carry_on(driver: Driver, board: Board, rest: _Rest, lock: int) -> None:
    """Step by step; where the journal cannot be written, jobs go on, and the step is done again.

    Without an end while something is missing that comes back (a full disk); a home that cannot be written for another
    reason, which may be mended too, is given ten minutes.
    """
    patience = time.monotonic() + UNWRITABLE_PATIENCE_S
    advance, waits, told = driver.take_over, pauses(), None
    while True:
        try:
            advance()
        except (NemorunError, *CAUGHT) as error:
            if is_passing(error):
                if not os.fstat(lock).st_nlink:
                    return  # somebody has deleted the experiment meanwhile
                told = describe(error, board.root)
                write_note(lock, told)
                time.sleep(next(waits))
                continue
            if isinstance(error, DamagedFile):
                _note_damage(board, error)
                raise  # it does not pass
            if not isinstance(error, StoreError) or time.monotonic() > patience:
                raise
            time.sleep(UNWRITABLE_PAUSE_S)
            continue
        advance, waits = driver.step, pauses()
        patience = time.monotonic() + UNWRITABLE_PATIENCE_S
        if driver.shortage != told:
            told = driver.shortage
            write_note(lock, told)
        if (board.is_over or driver.waits_for_a_person) and not driver.looks_again:
            return
        rest.begin(max(SHORTEST_S, driver.pace_s))


def _note_damage(board: Board, error: DamagedFile) -> None:
    """Have `status` tell why nobody carries the experiment on, once."""
    sentence = f"the driver has ended: {_sentence(error)}"
    with suppress(NemorunError, OSError):  # it may be the journal itself: the log has the sentence
        if sentence not in board.status().notes:
            board.write(Event(at=utc_now(), type=EventType.NOTE, message=sentence))


def _sentence(error: NemorunError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


class _Rest:
    """The driver's rest between two looks: the end of a child ends it, and a scheduler's thread that has news."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def begin(self, seconds: float) -> None:
        if select.select([self._reader], [], [], seconds)[0]:
            os.read(self._reader, 4096)

    def end(self) -> None:
        with suppress(BlockingIOError):  # it is full of reasons already
            os.write(self._writer, b"\0")


if __name__ == "__main__":
    main(*sys.argv[1:])
