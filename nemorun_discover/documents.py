"""Reads the documents of an experiment from disk: absent, damaged and unreadable are three different answers.

Everything that this process believes about a job because a file says so comes through `read_object`. What it
returns has the fields, types and ranges of its shape below; what has not is damage and is named with its file.
The worker inside jobs has the standard library only and checks what it reads by itself.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from nemorun_discover.errors import DamagedFile, UnreadableFile

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_BYTES = 64 << 20  # of a document that we write
LARGEST_RESULT_BYTES = 1 << 30  # of a result, and of a record, which holds thousands of jobs
DEEPEST = 200  # levels of a result; what shows and compares one calls itself for every level
_LARGEST_YEAR = 3000
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})
# The file itself is wrong, and will be at the next try: everything else may pass (EIO, ESTALE, EACCES, EMFILE).
_WRONG = frozenset({errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG})

Time = Annotated[datetime, Meta(tz=True)]
_Code = Annotated[int, Meta(ge=-(2**31), le=2**32)]
_Pid = Annotated[int, Meta(ge=1, le=2**31 - 1)]
_Words = Annotated[str, Meta(max_length=4096)]
# 7, an array's task 7_3, a heterogeneous job's component 7+1: a job is looked for, and ended, by it.
_SlurmId = Annotated[str, Meta(pattern=r"\A[0-9]+([_+][0-9]+)?\Z", max_length=64)]
# What a worker or a batch script writes; the other reasons are the driver's.
_EndReason = Literal[
    "EXIT_CODE", "SIGNAL", "TIMEOUT", "CANCELLED", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED",
    "SETUP_FAILED", "START_FAILED", "GROUP_DONE", "GROUP_FAILED", "REQUEUED",
]  # fmt: skip


class Document(msgspec.Struct):
    """What a document has to be; fields that it has besides are of a later version, and kept."""


class ProcessIdentity(Document):
    """One process of a machine, as `schedulers/local/process.py` describes it."""

    pid: _Pid
    started: _Words | None = None
    boot: _Words = ""
    host: _Words = ""


class Process(ProcessIdentity):
    """process.json: who runs an attempt."""

    started_at: Time | None = None
    gpus: _Words = ""
    waits_for: _Words | None = None
    child: ProcessIdentity | None = None
    children: list[ProcessIdentity] = []
    step: _Words = ""

    def __post_init__(self) -> None:
        """Of which machine it is has to be told: a process id means nothing elsewhere."""
        if not self.host:
            raise ValueError("it names no host")


class Exit(Document):
    """exit.json: how an attempt ended. The three are always written, and one of them says something."""

    exit_code: _Code | None
    signal: _Words | None
    reason: _EndReason | None
    schema: Literal["nemorun.exit/1"] = "nemorun.exit/1"
    started_at: Time | None = None
    ended_at: Time | None = None
    host: _Words | None = None

    def __post_init__(self) -> None:
        """An end without exit code, signal and reason is none."""
        if self.exit_code is None and self.signal is None and self.reason is None:
            raise ValueError("it tells neither an exit code nor a signal nor a reason")


class Begun(Document):
    """slurm/begun/<slug>.<attempt>: that a batch job has begun."""

    native_id: _SlurmId | None = None
    host: _Words | None = None
    started_at: Time | None = None


class Failure(Document):
    """error.json: the exception that ended an attempt."""

    type: str = ""
    message: str = ""
    traceback: str = ""


class JobOrders(Document, kw_only=True):
    """As much of a job.json as a scheduler looks at."""

    root: str
    sys_path: list[str]
    timeout_s: float | None = None
    grace_s: float = 0.0
    argv: list[str] = []
    upstream: dict[str, list[str]] = {}


class JobDocument(JobOrders, kw_only=True):
    """job.json: what the worker is told."""

    id: str
    task: str
    params: dict[str, Any]
    upstream: dict[str, list[str]]
    schema: Literal["nemorun.job/1"] = "nemorun.job/1"
    args: list[str] = []
    relocated: dict[str, str] = {}


class Request(Document):
    """request.json: what a scheduler was sent; the other fields are each scheduler's own."""

    argv: list[Any] = []
    env: dict[str, Any] = {}


class CommandRequest(Document, kw_only=True):
    """request.json of a job whose scheduler was sent a command of this machine, as `eject` runs it again."""

    argv: Annotated[list[str], Meta(min_length=1)]
    cwd: str
    env: dict[str, str] = {}


class SlurmArrival(Document):
    """arrival.json of a batch job."""

    native_id: _SlurmId
    key: _Words


class SkypilotArrival(Document):
    """arrival.json of a job at SkyPilot."""

    id: Annotated[int, Meta(ge=0)] | None = None
    request: str | None = None


class App(Document):
    """app.json: a job's names in TorchX."""

    handle: str | None = None
    is_called_off: bool = False


class KeptOutputs(Document):
    """outputs.json of a job at SkyPilot: what of its outputs did not come back."""

    left_bytes: Annotated[int, Meta(ge=0)]


class ContainerState(Document):
    """State, as `docker inspect` has it."""

    Status: str = ""
    ExitCode: _Code | None = None
    Error: str | None = None
    OOMKilled: bool | None = None
    StartedAt: Time | None = None
    FinishedAt: Time | None = None


class Container(Document):
    """container.json: which container an attempt has, and the engine's last word on it."""

    way: Literal["worker", "shell", "bare"] = "worker"
    state: ContainerState | None = None
    timed_out: bool = False


class ContactDocument(Document):
    """How one executor's backend is heard; contact.json has them by name."""

    as_of: Time | None = None
    trouble: str | None = None
    progress: str | None = None
    waiting: dict[str, str] = {}
    expected: dict[str, Time] = {}


class StartedCluster(Document):
    """A cluster of SkyPilot's in clusters.json."""

    down_at: str | None
    asked_at: str | None = None
    executor: str | None = None
    idle_minutes: int | None = None
    is_torn_down: bool | None = None
    where: str | None = None
    price_per_hour: float | None = None


class Clusters(Document):
    """clusters.json: the clusters that were started for an experiment."""

    schema: Literal["nemorun.clusters/1"]
    clusters: dict[str, StartedCluster]


class SlurmUnit(Document):
    """slurm/units/<name>.json: which jobs go together in one sbatch."""

    key: str
    attempts: dict[str, _SlurmId | None]


class SlurmLook(Document):
    """clusters/<name>/look.json: what a cluster said last."""

    as_of: float
    changed_at: float
    queue: str | None
    accounts: str
    cancelled: list[str]
    trouble: str | None
    has_accounting: bool


class SlurmFacts(Document):
    """clusters/<name>/facts.json: what a cluster told of itself."""

    base: str
    user: str
    host: str
    max_array: Annotated[int, Meta(ge=1)] | None


def read_object(path: Path, shape: Any) -> dict[str, Any] | None:  # noqa: ANN401 - a type, which mypy has no word for
    """The JSON object at path, of this shape; None when there is no such file.

    Args:
        path: The file.
        shape: A `Document`, or a type that is made of one (`dict[str, ContactDocument]`).

    Raises:
        DamagedFile: It is there, and not what it has to be.
        UnreadableFile: It cannot be read now, so nobody can tell what it says.
    """
    content = read_content(path, LARGEST_BYTES)
    if content is None:
        return None
    return parse_object(path, content, shape)


def parse_object(path: Path, content: bytes, shape: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """What `read_object` returns for a file of this content.

    Raises:
        DamagedFile: It is not what it has to be.
    """
    value = _parse(path, content)
    _require(path, value, shape)
    if not isinstance(value, dict):
        raise DamagedFile(path, "it is not a JSON object")
    return value


def discard(path: Path) -> None:
    """Remove what stands in a document's place, a directory too, so that it can be written anew.

    Raises:
        OSError: It cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except (IsADirectoryError, PermissionError):  # POSIX lets unlink say EPERM of a directory
        if not path.is_dir():
            raise
        shutil.rmtree(path)


def check_object(value: object, shape: Any) -> str | None:  # noqa: ANN401 - as above
    """What is wrong with a document that did not come from a file of this machine; None for nothing."""
    try:
        msgspec.convert(value, shape)
    except (msgspec.ValidationError, RecursionError, OverflowError, ValueError) as error:
        return str(error)
    return None


def read_value(path: Path) -> Any:  # noqa: ANN401 - JSON
    """The JSON value at path, whatever it is (a result, a request); None when there is no such file.

    Raises:
        DamagedFile: It is there and not JSON, or nested deeper than anything that a task returns.
        UnreadableFile: It cannot be read now.
    """
    content = read_content(path, LARGEST_RESULT_BYTES)
    return None if content is None else _parse(path, content)


def time_of(text: object) -> datetime | None:
    """A time of a document that `read_object` has returned; None for none."""
    return None if text is None else msgspec.convert(text, datetime)


def read_content(path: Path, largest: int = LARGEST_RESULT_BYTES) -> bytes | None:
    """The bytes of a file that may be anything by now: a pipe is not waited for; None when there is none.

    Raises:
        DamagedFile: It is no file, or larger than any of its kind.
        UnreadableFile: It cannot be read now.
    """
    try:
        # A pipe or a device in a file's place would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _ABSENT and not path.is_symlink():
            return None
        if error.errno in _WRONG or error.errno in _ABSENT:
            what = "a link that leads nowhere" if path.is_symlink() else error.strerror
            raise DamagedFile(path, f"it is {what}") from error
        raise UnreadableFile(path, error.strerror) from error
    try:
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise DamagedFile(path, "it is no file")
            if found.st_size > largest:
                raise DamagedFile(path, f"it has {found.st_size} bytes")
            return file.read()
    except IsADirectoryError as error:
        raise DamagedFile(path, "it is a directory") from error
    except OSError as error:
        raise UnreadableFile(path, error.strerror) from error


def _parse(path: Path, content: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        # Not msgspec's: it makes floats of large numbers, and refuses the lone surrogates of paths that are not UTF-8.
        value = json.loads(content.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        why = "it is empty" if not content.strip() else f"it is not JSON: {error}"
        raise DamagedFile(path, why) from error
    if _depth_exceeds(value, DEEPEST):
        raise DamagedFile(path, f"it is nested deeper than {DEEPEST} levels")
    return value


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a JSON number")


def _require(path: Path, value: object, shape: Any) -> None:  # noqa: ANN401 - as above
    why = check_object(value, shape)
    if why is not None:
        raise DamagedFile(path, why)
    late = next((one for one in _times(value) if one.year > _LARGEST_YEAR), None)
    if late is not None:
        raise DamagedFile(path, f"it tells of the year {late.year}")


def _times(value: object) -> list[datetime]:
    """Those that stand at the top of a document, where all of ours do."""
    if not isinstance(value, dict):
        return []
    texts = [one for name, one in value.items() if name.endswith("_at") and isinstance(one, str)]
    found = []
    for text in texts:
        try:
            found.append(msgspec.convert(text, datetime))
        except msgspec.ValidationError:  # a field of a later version
            continue
    return found


def _depth_exceeds(value: object, limit: int) -> bool:
    level: list[object] = [value]
    for _ in range(limit):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
