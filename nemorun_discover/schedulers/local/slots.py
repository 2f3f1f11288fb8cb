"""How many jobs of an executor run at once on this machine, and which GPUs each of them sees.

Places belong to an executor of an experiment, GPUs to the machine: of all that this user runs here with nemorun,
whichever home it is recorded in, one job has a GPU at a time. Each GPU has a file, and who has its lock (flock)
has the GPU. The kernel frees the lock when the last process has ended that was handed the descriptor, and a local
job's supervisor is; so a driver that is killed gives nothing away. Nobody can hand a descriptor to a container: what is
written in the file names the job, and where its lock is free, the engine is asked whether it still runs.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.model.status import Contact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nemorun_discover.executors.local import LocalExecutor
    from nemorun_discover.schedulers.protocol import Submission

GPU_DEVICES = "/proc/driver/nvidia/gpus"
VARIABLE = "NEMORUN_GPU_LOCKS"
_PROCESSES = "local"
_ASK_AGAIN_S = 2.0
_REFUSED_FOR_S = 0.05
_HOLDERS_TOLD = 2
# What passes by itself: no room on the disk or in a table, or somebody cleans up at this moment.
_PASSING = (
    errno.EAGAIN, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOLCK, errno.ENOSPC,
)  # fmt: skip


def devices_of(executor: LocalExecutor, env: Mapping[str, str]) -> tuple[str, ...]:
    """The GPUs that jobs share: the executor's own list, else CUDA_VISIBLE_DEVICES, else all there are."""
    if executor.gpus is not None:
        return tuple(executor.gpus)
    visible = env.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        named = (one.strip() for one in visible.split(","))
        # As CUDA reads it: -1, or any word that names no device, hides itself and all that follow.
        return tuple(takewhile(_is_device, named))
    try:
        return tuple(str(number) for number in range(len(list(Path(GPU_DEVICES).iterdir()))))
    except OSError:
        return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who has a GPU: what is written in the file of its lock.

    Attributes:
        kind: Of the executor; of a container the lock alone does not tell whether it runs.
        experiment: Its id.
        job: The job's id.
        home: The folder of the experiment, which tells it from one of another home.
        engine: Of a container, where its engine is (DOCKER_HOST); empty for the usual place.
    """

    kind: str
    experiment: str
    job: str
    home: str
    engine: str = ""

    @classmethod
    def of(cls, submission: Submission, job_id: str, engine: str = "") -> Holder:
        """A job of the same executor as a submission's."""
        return cls(
            kind=submission.executor.kind,
            experiment=submission.experiment_id,
            job=job_id,
            home=str(submission.paths.root.parents[2]),
            engine=engine,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lock:
    device: str
    descriptor: int
    holder: Holder


class MachineGpus:
    """The GPUs of this machine, as far as this user's jobs share them.

    A device is known by the number of its GPU, also where it is named by its UUID: as `nvidia-smi` counts, which is
    as CUDA counts with CUDA_DEVICE_ORDER=PCI_BUS_ID, and where all GPUs are alike.

    Args:
        env: The caller's environment.
        still_runs: Whether a container of this holder runs, where nobody has the lock any more; None where
            that cannot be told.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        still_runs: Callable[[Holder], bool | None] = lambda _: False,
    ) -> None:
        self.folder = locks_folder(env)
        self._still_runs = still_runs
        self._asked: dict[Holder, tuple[float, bool | None]] = {}
        # What was refused a moment ago: thousands of jobs that wait for the same are not all looked after.
        self._refused: dict[tuple[tuple[str, ...], int], tuple[float, list[Holder]]] = {}
        self._guard: int | None = None
        self.trouble: str | None = None

    def take(
        self, devices: Sequence[str], count: int, holder: Callable[[int], Holder]
    ) -> list[_Lock] | list[Holder]:
        """Lock the first `count` of the devices that are free; all of them, or none.

        Args:
            devices: Which may be taken, in this order.
            count: How many are wanted, at least one.
            holder: For whom the one of this number is, counted from 0.

        Returns:
            The locks, or who has the others; nobody where somebody else is taking GPUs at this moment.

        Raises:
            ExecutorRefused: There can be no locks where they are to be.
        """
        at, others = self._refused.get((tuple(devices), count), (float("-inf"), []))
        if time.monotonic() - at < _REFUSED_FOR_S:
            return others
        taken: list[_Lock] = []
        others = []
        with self._alone() as is_alone:
            for device in devices if is_alone else ():
                if len(taken) == count:
                    break
                got = self._lock(device, holder(len(taken)))
                if isinstance(got, _Lock):
                    taken.append(got)
                else:
                    others.append(got)
            if len(taken) == count:
                return taken
            for one in taken:
                self.release(one)
            if is_alone:
                self._refused[tuple(devices), count] = time.monotonic(), others
        return others

    def retake(self, device: str, holder: Holder) -> _Lock | None:
        """Lock a device again for a job that has it, after its driver died; None where its own processes hold it."""
        with self._alone():
            got = self._lock(device, holder)
        return got if isinstance(got, _Lock) else None

    def release(self, lock: _Lock) -> None:
        """Let go of it: where the job's own processes have it too, it is free when they have ended."""
        self._refused.clear()
        if lock.holder.kind != _PROCESSES:
            with suppress(OSError):
                os.ftruncate(lock.descriptor, 0)
        os.close(lock.descriptor)

    def inner_folder(self, key: str) -> str:
        """Where those lock who run inside a job that was given GPUs: among themselves they share these out."""
        outer = str(self.folder).partition("-in-")[0]
        return f"{outer}-in-{hashlib.sha256(key.encode()).hexdigest()[:12]}"

    def _lock(self, device: str, holder: Holder) -> _Lock | Holder:
        number = number_of(device, _uuids()) if device.startswith("GPU-") else device
        path = self.folder / f"{_file_name(number)}.lock"
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not _is_at(
                    path, descriptor
                ):  # it was deleted meanwhile, and may be another one by now
                    os.close(descriptor)
                    continue
                other = _read(descriptor)
                if other is None or other == holder or not self._runs(other):
                    _write(descriptor, holder)
                    return _Lock(device=device, descriptor=descriptor, holder=holder)
            except BlockingIOError:
                other = _read(descriptor)
            except OSError:
                os.close(descriptor)
                raise
            os.close(descriptor)
            return other or Holder(kind="", experiment="", job="", home="")

    def _runs(self, other: Holder) -> bool:
        """True for a container that runs, or may: nobody holds the lock for it."""
        if other.kind == _PROCESSES:
            return False
        at, answer = self._asked.get(other, (float("-inf"), None))
        now = time.monotonic()
        if now - at > _ASK_AGAIN_S:
            answer = self._still_runs(other)
            self._asked[other] = now, answer
        return answer is not False

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Be the only one who takes GPUs: two that want all of them would else each get a part, again and again."""
        self.trouble = None
        try:
            if self._guard is None or not _is_at(self.folder, self._guard):
                self._guard = _open_folder(self.folder)
            guard = os.open(self.folder / "guard", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            yield self._wait_for_room(error)
            return
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(guard)
            yield False
            return
        except OSError as error:
            os.close(guard)
            yield self._wait_for_room(error)
            return
        try:
            yield True
        finally:
            os.close(guard)

    def _wait_for_room(self, error: OSError) -> bool:
        """False where the disk, or the table of open files, is full; that passes.

        Raises:
            ExecutorRefused: It is another matter.
        """
        where = f"{error.filename or self.folder}: {error.strerror}"
        if error.errno not in _PASSING:
            raise ExecutorRefused(
                f"the GPUs of this machine cannot be locked ({where})",
                hint=f"{VARIABLE} names the folder of their locks: one that is the same for all your shells",
            ) from error
        self.trouble = f"room for the locks of GPUs ({where})"
        return False

    @property
    def guard(self) -> int | None:
        """A descriptor that keeps the folder from being cleaned up (systemd-tmpfiles passes over a locked one)."""
        return self._guard


def locks_folder(env: Mapping[str, str]) -> Path:
    """Where the locks are: the same for all of a user's shells on a machine, and nobody else's.

    Not XDG_RUNTIME_DIR, nor TMPDIR: the one is not there under cron and is removed when the user logs out while jobs
    run on, the other differs from shell to shell. Each allocation of Slurm has GPUs of its own, which it may count
    from 0, so each has locks of its own.
    """
    if env.get(VARIABLE):
        return Path(env[VARIABLE])
    allocation = env.get("SLURM_JOB_ID")
    of_slurm = f"-slurm-{_file_name(allocation)}" if allocation else ""
    return Path(f"/tmp/nemorun-gpus-{os.getuid()}{of_slurm}")  # noqa: S108 - whose it is, is looked at


def _open_folder(folder: Path) -> int:
    """Make the folder, and keep it open, locked for reading.

    Raises:
        ExecutorRefused: It is another user's.
        OSError: It cannot be made.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    found = os.fstat(descriptor)
    if found.st_uid != os.getuid():
        os.close(descriptor)
        raise ExecutorRefused(
            f"{folder}: the folder of the locks of GPUs belongs to another user",
            hint=f"set {VARIABLE} to a folder of yours, the same in all your shells",
        )
    os.fchmod(descriptor, 0o700)
    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return descriptor


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(descriptor))


def _read(descriptor: int) -> Holder | None:
    try:
        told: Any = json.loads(os.pread(descriptor, 65536, 0))
        return Holder(**{name: str(told[name]) for name in Holder.__slots__})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(descriptor: int, holder: Holder) -> None:
    content = json.dumps(asdict(holder)).encode()
    os.pwrite(descriptor, content, 0)
    os.ftruncate(descriptor, len(content))


def _file_name(word: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", lambda found: f"_{ord(found[0]):x}", word)


def number_of(device: str, uuids: Sequence[str]) -> str:
    """The number of the GPU that a UUID, or its beginning, names; any other device is what it is called.

    Args:
        device: As CUDA_VISIBLE_DEVICES has it.
        uuids: Of the machine's GPUs, in their order.
    """
    found = [n for n, one in enumerate(uuids) if one.startswith(device)]
    return str(found[0]) if len(found) == 1 else device


def _uuids() -> list[str]:
    """Of the machine's GPUs, in the order of their places on the bus."""
    with suppress(OSError):
        folders = sorted(Path(GPU_DEVICES).iterdir())
        texts = [(one / "information").read_text(errors="replace") for one in folders]
        return [
            found[1] if (found := re.search(r"GPU UUID:\s*(\S+)", one)) else "" for one in texts
        ]
    return []


class Slots:
    """The places of one executor; a job keeps its place and its GPUs until it is released.

    A job takes one place however many processes it has, and GPUs for all of them.

    Args:
        executor: Whose places.
        env: The caller's environment.
        gpus: Those of the machine, shared with the other executors.
        holder: Who a job is, by its id, for all who want its GPUs.
    """

    def __init__(
        self,
        executor: LocalExecutor,
        env: Mapping[str, str],
        gpus: MachineGpus,
        holder: Callable[[str], Holder],
    ) -> None:
        self._places = executor.max_parallel or _cores()
        self._gpus_per_job = executor.gpus_per_task * executor.ntasks_per_node
        self._devices = devices_of(executor, env)
        self._gpus = gpus
        self._holder = holder
        self._taken: dict[str, tuple[str, ...]] = {}
        self._locks: dict[str, tuple[_Lock, ...]] = {}
        # By job, the GPUs of other experiments that it waits for, in words.
        self.waiting: dict[str, str] = {}

    def has_room(self, *jobs: str) -> bool:
        """True when these jobs could start now, together: then their GPUs are theirs.

        Jobs that start together and are more than there are places start when no other job runs. What GPUs are
        not taken up at once are given back by `let_go`.
        """
        self.let_go()
        has_places = not self._taken or len(self._taken) + len(jobs) <= self._places
        return has_places and self._lock_for(jobs)

    def can_ever_have_room(self, jobs: int) -> bool:
        """False when so many jobs together want more GPUs than there are."""
        return len(self._devices) >= jobs * self._gpus_per_job

    def take(self, job_id: str) -> tuple[str, ...] | None:
        """Give the job a place; returns its GPUs, the first free ones, or None when they are not free."""
        if job_id not in self._locks:
            self.let_go()
            if not self._lock_for((job_id,)):
                return None
        devices = tuple(one.device for one in self._locks.get(job_id, ()))
        self._taken[job_id] = devices
        return devices

    def keep(self, job_id: str, devices: Sequence[str]) -> None:
        """Note that a job which already runs holds a place and these GPUs."""
        # A job that was given none of its own sees the caller's, and holds none of them.
        mine = tuple(devices) if self._gpus_per_job else ()
        self._taken[job_id] = mine
        locks = [self._gpus.retake(one, self._holder(job_id)) for one in mine]
        self._locks[job_id] = tuple(one for one in locks if one is not None)

    def release(self, job_id: str) -> None:
        """Take the job's place back; its GPUs stay its own until `let_go`, for it may be tried again at once."""
        self._taken.pop(job_id, None)
        self.waiting.pop(job_id, None)

    def let_go(self) -> None:
        """Give back the GPUs of jobs that have no place."""
        for job_id in [one for one in self._locks if one not in self._taken]:
            for lock in self._locks.pop(job_id):
                self._gpus.release(lock)

    def descriptors(self, job_id: str) -> tuple[int, ...]:
        """What a job's processes are to inherit, so that they hold its GPUs as long as one of them lives."""
        locks = [one.descriptor for one in self._locks.get(job_id, ())]
        guard = self._gpus.guard
        return (*locks, guard) if locks and guard is not None else tuple(locks)

    def _lock_for(self, jobs: Sequence[str]) -> bool:
        """Lock GPUs for all of these jobs, or for none, and note what they wait for."""
        each = self._gpus_per_job
        count = len(jobs) * each
        if not count:
            return True
        # One that a job of ours has is no matter of other experiments: it comes back by itself.
        ours = {device for devices in self._taken.values() for device in devices}
        devices = [one for one in self._devices if one not in ours]
        found = self._gpus.take(devices, count, lambda at: self._holder(jobs[at // each]))
        locks = [one for one in found if isinstance(one, _Lock)]
        if len(locks) < count:
            holders = [one for one in found if isinstance(one, Holder)]
            missing = count - len(devices) + len(holders)
            for job_id in jobs:
                if words := self._gpus.trouble or _held_words(
                    missing, holders, self._holder(job_id)
                ):
                    self.waiting[job_id] = words
                elif holders or not devices:
                    self.waiting.pop(job_id, None)  # it waits for jobs of its own experiment
            return False
        for at, job_id in enumerate(jobs):
            self.waiting.pop(job_id, None)
            self._locks[job_id] = tuple(locks[at * each : (at + 1) * each])
        return True


def _held_words(missing: int, holders: Sequence[Holder], waiting: Holder) -> str:
    """`2 GPUs held by 20261122-0712-train-x7k2 train@local`; empty where all are the experiment's own."""
    own = (waiting.home, waiting.experiment)
    others = dict.fromkeys(one for one in holders if (one.home, one.experiment) != own)
    if not others:
        return ""
    names = [f"{one.experiment} {one.job}" if one.job else "another process" for one in others]
    more = f" and {len(names) - _HOLDERS_TOLD} more" if len(names) > _HOLDERS_TOLD else ""
    gpus = "1 GPU" if missing == 1 else f"{missing} GPUs"
    return f"{gpus} held by {', '.join(names[:_HOLDERS_TOLD])}{more}"


def have_room(
    submissions: Sequence[Submission], slots_of: Callable[[Submission], Slots], *, gpus_field: str
) -> bool:
    """True when each executor has as many free places as it has jobs here, and free GPUs for all of them.

    The GPUs are theirs then, until they are submitted, or the next ones are asked about.

    Args:
        submissions: Jobs that start together.
        slots_of: The places of a job's executor.
        gpus_field: The field of those executors that says how many GPUs a job takes.

    Raises:
        ExecutorRefused: They want more GPUs than there are, or GPUs cannot be locked.
    """
    by_executor = Counter(one.job.executor for one in submissions)
    slots = {one.job.executor: slots_of(one) for one in submissions}
    for name, jobs in by_executor.items():
        if not slots[name].can_ever_have_room(jobs):
            raise ExecutorRefused(
                f"{name}: {jobs} jobs that start together want more GPUs than this machine offers",
                hint=f"lower {gpus_field}, or put fewer jobs into the group",
            )
    ids = {name: [one.job.id for one in submissions if one.job.executor == name] for name in slots}
    if all(slots[name].has_room(*ids[name]) for name in slots):
        return True
    for one in slots.values():
        one.let_go()
    return False


def contacts_of(slots: Mapping[str, Slots]) -> dict[str, Contact]:
    """By executor, which jobs wait for GPUs of other experiments; asked at the end of every step of a driver.

    So this is the moment in which a job that has ended will not be tried again, and its GPUs are given back.
    """
    for one in slots.values():
        one.let_go()
    return {name: Contact(waiting=dict(one.waiting)) for name, one in slots.items() if one.waiting}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS ties no process to cores


def _is_device(word: str) -> bool:
    return word.isdigit() or word.startswith(("GPU-", "MIG-"))
