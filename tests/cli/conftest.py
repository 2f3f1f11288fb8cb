"""The real command as a process, experiments written by hand, and a small project to run in."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import textwrap
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nemorun_discover
from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.files import write_json
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.launch import launch
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.plan import Plan
from nemorun_discover.lifecycle.watch import watch
from nemorun_discover.model.event import Event, EventType
from nemorun_discover.model.job import Job
from nemorun_discover.model.record import GitState, Project, Record
from nemorun_discover.model.state import State
from nemorun_discover.model.task import Script
from nemorun_discover.store.create import create_experiment
from nemorun_discover.store.home import open_home
from nemorun_discover.store.journal import append_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(nemorun_discover.__file__).parents[1]
COMMAND = [sys.executable, "-P", "-m", "nemorun_discover.cli.main"]
STARTED = datetime(2026, 11, 22, 7, 12, 3, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a command left: exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Cli:
    """Runs `nemorun` in a directory, as a process of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def home(self) -> Path:
        """The home of the experiments."""
        return Path(os.environ["NEMORUN_HOME"])

    def environment(self, **changes: str) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUTF8": "1", **changes}

    def start(self, *args: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """The process, with both streams as pipes."""
        return subprocess.Popen(
            [*COMMAND, *args],
            cwd=self.directory,
            env=self.environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *args: str, **env: str) -> Answer:
        process = self.start(*args, env=env)
        out, err = process.communicate(timeout=60)
        return Answer(
            code=process.returncode, out=out.decode(errors="surrogateescape"), err=err.decode()
        )

    def start_on_terminal(
        self, *args: str, columns: int = 100, lines: int = 30, **env: str
    ) -> tuple[subprocess.Popen[bytes], int]:
        """The process, on a terminal of this size; and the terminal's other end."""
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        process = subprocess.Popen(
            [*COMMAND, *args],
            cwd=self.directory,
            env=self.environment(**{"TERM": "xterm-256color", **env}),
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
        )
        os.close(follower)
        return process, leader

    def on_terminal(self, *args: str, columns: int = 100, lines: int = 30, **env: str) -> Answer:
        """The command on a terminal of this size; both streams are in `out`, its line ends as `\\n`."""
        process, leader = self.start_on_terminal(*args, columns=columns, lines=lines, **env)
        shown = bytearray()
        while chunk := read_terminal(leader):
            shown += chunk
        os.close(leader)
        text = shown.decode().replace("\r\n", "\n")
        return Answer(code=process.wait(timeout=60), out=text, err="")


def read_terminal(leader: int) -> bytes:
    """What has appeared on a terminal; empty when nobody writes to it any more."""
    try:
        return os.read(leader, 65536)
    except OSError:  # EIO: the last process has closed it
        return b""


@dataclass
class Told:
    """What has happened to one hand-written job."""

    id: str
    state: State = State.SUCCEEDED
    params: dict[str, Any] = field(default_factory=dict)
    result: Any = None
    log: str = ""
    reason: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    error: dict[str, Any] | None = None
    took_s: float = 63.0
    attempts: int = 1

    def __post_init__(self) -> None:
        self.state = State(self.state)


class Shelf:
    """Writes experiments into the home as a driver would, without running anything."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = open_home(os.environ)
        self._locks: list[int] = []

    def put(
        self,
        *jobs: Told,
        id: str = "20261122-0712-train-x7k2",  # noqa: A002 - the record's own word
        **fields: Any,
    ) -> str:
        """Write an experiment in which this has happened; one that is not over seems to have a driver."""
        record = self.record(*jobs, id=id, **fields)
        lock = create_experiment(self.home, record, {job.slug: {} for job in record.jobs})
        assert lock is not None
        events = [event for job in jobs for event in self._events(id, job)]
        append_events(self.home.layout.experiment(id).events, events)
        if all(job.state.is_final for job in jobs):
            os.close(lock)
        else:
            self._locks.append(lock)
        return id

    def record(self, *jobs: Told, **fields: Any) -> Record:
        defaults: dict[str, Any] = {
            "title": "train",
            "created_at": STARTED,
            "argv": ("nemorun", "run", "-k", "train"),
            "cwd": str(self.root),
            "user": "ada",
            "host": "login-a",
            "versions": {"nemorun": "0.1.0", "python": "3.11.7"},
            "project": Project(root=str(self.root), name="demo"),
            "git": GitState(
                commit="c0ffee" + "0" * 34, branch="main", dirty=True, diff="+ a line\n"
            ),
            "executors": {"local": {"kind": "local", "grace_s": 0.5}},
            "jobs": tuple(_job(job) for job in jobs),
        }
        return Record(**(defaults | fields))

    def log_of(self, experiment: str, job: str, attempt: int = 1) -> Path:
        slug = _slug(job)
        return self.home.layout.experiment(experiment).job(slug).attempt(attempt).log

    def close(self) -> None:
        while self._locks:
            os.close(self._locks.pop())

    def _events(self, experiment: str, job: Told) -> Iterator[Event]:
        if job.state in (State.PLANNED, State.SKIPPED):
            if job.state is State.SKIPPED:
                yield _event(EventType.STATE, job, at=STARTED, state=job.state, reason=job.reason)
            return
        ended = STARTED + timedelta(seconds=job.took_s)
        for number in range(1, job.attempts + 1):
            self._write_attempt(experiment, job, number)
            yield _event(EventType.INTENT, job, at=STARTED, attempt=number)
            yield _event(
                EventType.SUBMITTED, job, at=STARTED, attempt=number, native_id=f"41{number}"
            )
            if job.state is State.PENDING:
                yield _event(EventType.STATE, job, at=STARTED, state=State.PENDING)
                continue
            yield _event(
                EventType.STATE,
                job,
                at=STARTED,
                attempt=number,
                state=State.RUNNING,
                started_at=STARTED,
            )
            how = {"exit_code": job.exit_code, "signal": job.signal, "reason": job.reason}
            if job.state.is_final:
                yield _event(
                    EventType.ATTEMPT,
                    job,
                    at=ended,
                    attempt=number,
                    state=job.state,
                    ended_at=ended,
                    **how,
                )
        if job.result is not None:
            yield _event(EventType.RESULT, job, at=ended, value=job.result)
        if job.state.is_final:
            yield _event(
                EventType.STATE, job, at=ended, state=job.state, ended_at=ended, reason=job.reason
            )

    def _write_attempt(self, experiment: str, job: Told, number: int) -> None:
        folder = self.home.layout.experiment(experiment).job(_slug(job.id)).attempt(number)
        folder.root.mkdir()
        folder.log.write_bytes(job.log.encode(errors="surrogateescape"))
        if job.error is not None:
            write_json(folder.error, job.error)


def _job(job: Told) -> Job:
    name, _, executor = job.id.rpartition("@")
    task = name.partition("[")[0]
    return Job(
        id=job.id,
        slug=_slug(job.id),
        task=task,
        file="tasks.py",
        function=task,
        executor=executor,
        params=job.params,
    )


def _slug(job: str) -> str:
    return job.replace("[", "-").replace("]", "")


def _event(kind: EventType, job: Told, **fields: Any) -> Event:
    return Event(type=kind, job=job.id, **fields)


class Workshop:
    """Launches real shell jobs, and leaves none behind."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = open_home(os.environ)
        self._launched: list[str] = []

    def launch(self, **scripts: str) -> str:
        """An experiment with one local job for each shell script, by task name."""
        jobs = tuple(
            Job(
                id=f"{name}@local",
                slug=f"{name}@local",
                task=name,
                file="nemorun.toml",
                script=Script(command=("bash", "-c", script)),
                executor="local",
            )
            for name, script in scripts.items()
        )
        plan = Plan(
            title="shop",
            project=Project(root=str(self.root), name="demo"),
            jobs=jobs,
            executors={"local": executor_to_dict(LocalExecutor(max_parallel=4, grace_s=1))},
        )
        experiment = launch(self.home, plan, os.environ)
        self._launched.append(experiment)
        return experiment

    def end_everything(self) -> None:
        for experiment in self._launched:
            alive = [
                job.id for job in observe(self.home, experiment).jobs if not job.state.is_final
            ]
            if alive:
                cancel(self.home, experiment, alive)
            for _ in watch(self.home, experiment):
                pass


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty directory that no configuration above it reaches."""
    root = tmp_path / "project"
    root.mkdir()
    (root / ".git").mkdir()
    return root


@pytest.fixture
def write(project: Path) -> Callable[[str, str], Path]:
    def write_file(name: str, text: str) -> Path:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def nemorun(project: Path) -> Cli:
    return Cli(project)


@pytest.fixture
def shelf(project: Path) -> Iterator[Shelf]:
    shelf = Shelf(project)
    yield shelf
    shelf.close()


@pytest.fixture
def told() -> type[Told]:
    return Told


@pytest.fixture
def workshop(project: Path) -> Iterator[Workshop]:
    workshop = Workshop(project)
    yield workshop
    workshop.end_everything()


@pytest.fixture
def started() -> datetime:
    return STARTED
