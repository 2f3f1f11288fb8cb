"""One attempt on its way through SkyPilot, as the threads of this adapter see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from nemorun_discover.documents import SkypilotArrival, read_object
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.files import write_json
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.schedulers.skypilot.names import job_name

if TYPE_CHECKING:
    from datetime import datetime

    from nemorun_discover.model.layout import AttemptLayout
    from nemorun_discover.schedulers.protocol import Fact, Submission
    from nemorun_discover.schedulers.skypilot.follow import Follower

Key = tuple[str, int]


@dataclass(kw_only=True, slots=True)
class Run:
    """An attempt.

    Attributes:
        id: SkyPilot's number of the job; None until it is known.
        request: The request that is to bring the id.
        raw: SkyPilot's word for its state, as it was last heard.
        why: SkyPilot's words for a failure of its own.
        message: A sentence for the user, once it has arrived.
        fact: How it ended; None while it has not.
        damage: What is wrong with the files it has left on this machine, a sentence.
        is_cancelled: Somebody wants it to end.
        is_told_to_end: SkyPilot has been asked to end it.
        was_asked: An earlier process may have asked SkyPilot for it.
        start_tries: How often it could not be started because SkyPilot's API server was away.
        log_tries: How often its log has been read in vain, after it had ended.
    """

    submission: Submission
    id: int | None = None
    request: str | None = None
    raw: str | None = None
    why: str | None = None
    message: str | None = None
    fact: Fact | None = None
    damage: str | None = None
    is_cancelled: bool = False
    is_told_to_end: bool = False
    was_asked: bool = False
    start_tries: int = 0
    log_tries: int = 0
    follower: Follower | None = None
    lock: Lock = field(default_factory=Lock)

    @property
    def key(self) -> Key:
        """What tells it from every other of the experiment."""
        return key_of(self.submission)

    @property
    def name(self) -> str:
        """Its name at SkyPilot."""
        return job_name(self.submission)

    @property
    def paths(self) -> AttemptLayout:
        """The attempt's folder."""
        return self.submission.paths.attempt(self.submission.attempt)

    @property
    def nodes(self) -> int:
        """Nodes of the job."""
        count: int = getattr(self.submission.executor, "nodes", 1)
        return count

    @property
    def begun_at(self) -> datetime | None:
        """When the job itself began; None before."""
        return self.follower.begun_at if self.follower else None

    def recall(self) -> None:
        """Take up what an earlier process wrote down."""
        try:
            known = read_object(self.paths.arrival, SkypilotArrival)
        except (DamagedFile, UnreadableFile):
            self.was_asked = True  # it is looked for at SkyPilot by its name
            return
        self.was_asked = bool(known)
        known = known or {}
        self.id, self.request = known.get("id"), known.get("request")

    def remember(self, **facts: int | str | None) -> None:
        """Write down where it has arrived, for whoever carries the experiment on."""
        for name, value in facts.items():
            setattr(self, name, value)
        self.paths.root.mkdir(mode=0o700, exist_ok=True)
        write_json(self.paths.arrival, {"request": self.request, "id": self.id})


def key_of(submission: Submission) -> Key:
    """What tells an attempt from every other of the experiment."""
    return submission.job.id, submission.attempt


def experiment_of(submission: Submission) -> ExperimentLayout:
    """The folder of an attempt's experiment."""
    return ExperimentLayout(submission.paths.root.parents[1])
