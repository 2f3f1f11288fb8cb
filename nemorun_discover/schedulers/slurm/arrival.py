"""What is written down here of a job that a cluster has taken: its id, its key, its handle, and where its log is."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from nemorun_discover.documents import SlurmArrival, read_object
from nemorun_discover.errors import DamagedFile, ExecutorRefused, UnreadableFile
from nemorun_discover.files import write_json
from nemorun_discover.schedulers.handles import handle_of
from nemorun_discover.schedulers.slurm.clusters import base_of, by_cluster, home_of, tunnel_of
from nemorun_discover.schedulers.slurm.mirror import Mirrored, bring_up_to_date
from nemorun_discover.schedulers.slurm.tracker import Tracked
from nemorun_discover.schedulers.slurm.units import attempt_key, native_id
from nemorun_discover.schedulers.slurm.verdict import LOOKS_UNTIL_LOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.planned import Planned
    from nemorun_discover.schedulers.slurm.units import Unit
    from nemorun_discover.transport.tunnel import Tunnel

BACKEND = "nemorun_slurm"


def arrive(planned: Planned, unit: Unit, jobs: Sequence[Tracked], answer: str) -> None:
    """Give a unit's jobs their ids, and write them down where the next process looks: all of them in one step.

    Args:
        planned: The experiment's units.
        unit: What was submitted.
        jobs: Its jobs.
        answer: What sbatch said.
    """
    for index, job in enumerate(jobs):
        job.native_id = native_id(unit, answer, index)
        job.handle = handle_of(BACKEND, job.submission)
    planned.write(unit, {attempt_key(job.submission): job.native_id or "" for job in jobs})
    for job in jobs:
        write_down(job)


def write_down(job: Tracked) -> None:
    """Write down the id of a job's present attempt; Slurm gives one that it begins again the same id."""
    attempt = job.submission.paths.attempt(job.attempt)
    with suppress(OSError):  # a full disk: it is found again by its key
        attempt.root.mkdir(mode=0o700, exist_ok=True)
        write_json(attempt.arrival, {"native_id": job.native_id, "key": job.key})


def found_again(submission: Submission, planned: Planned) -> Tracked | None:
    """The job as an earlier process left it; None when no id was written down."""
    try:
        document = read_object(submission.paths.attempt(submission.attempt).arrival, SlurmArrival)
    except (DamagedFile, UnreadableFile):
        document = None  # it is found again by its key, as where nobody came to write this
    if document is not None:
        key, native_id = document["key"], document["native_id"]
    else:
        found = planned.found(submission)
        if found is None:
            return None
        key, native_id = found
    return Tracked(
        submission=submission,
        attempt=submission.attempt,
        key=key,
        native_id=native_id,
        handle=handle_of(BACKEND, submission),
        misses=LOOKS_UNTIL_LOST if submission.was_lost else 0,
    )


def logs_of(submission: Submission) -> Iterator[Mirrored]:
    """The logs of all its attempts so far."""
    for number in range(1, submission.attempt + 1):
        yield log_of(submission, number)


def fetch_logs(
    submissions: Sequence[Submission], tunnel_to: Callable[[Submission], Tunnel]
) -> None:
    """Append to the logs on this machine what those on the clusters have got, one question for each cluster.

    Raises:
        ExecutorRefused: Some cannot be asked: their sentences. What the others have got is here.
    """
    failures: list[ExecutorRefused] = []
    for alike in by_cluster(submissions):
        base = base_of(tunnel_of(alike[0]), home_of(alike[0]))
        files = [file for one in alike for file in logs_of(one)]
        try:
            bring_up_to_date(tunnel_to(alike[0]), base, files)
        except ExecutorRefused as error:
            failures.append(error)
    if failures:
        sentences = "; ".join(one.message for one in failures)
        raise ExecutorRefused(sentences, hint=failures[0].hint) from failures[0]


def log_of(submission: Submission, attempt: int) -> Mirrored:
    """The log of one of its attempts."""
    folder = f"{submission.experiment_id}/jobs/{submission.paths.root.name}"
    return Mirrored(
        remote=f"{folder}/attempt-{attempt}/log", local=submission.paths.attempt(attempt).log
    )
