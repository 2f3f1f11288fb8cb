"""What a job gets of the jobs that it waited for: whether their outputs too, and whether anything has to travel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused, StoreError
from nemorun_discover.lifecycle.crew import Crew
from nemorun_discover.lifecycle.reading import is_at_hand
from nemorun_discover.model.job import Condition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.layout import JobLayout
    from nemorun_discover.model.record import Record
    from nemorun_discover.schedulers.protocol import Scheduler, Submission
    from nemorun_discover.store.home import Home
    from nemorun_discover.transport.tunnel import Ask


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """A job that has left something, with what its scheduler is asked by."""

    job: Job
    submission: Submission
    scheduler: Scheduler

    @property
    def paths(self) -> JobLayout:
        """Its folder on this machine."""
        return self.submission.paths


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """What one job gets of another one.

    Attributes:
        job: The job that waits.
        upstream: The one that it waits for.
        folder: The other's folder, relative to the one that holds this job's.
        source: Where the other's files lie (see `Scheduler.outputs_at`); None for this home.
        target: Where this job looks for them, likewise.
        with_outputs: It asks for the outputs, not only for the result.
        must_be_there: The other one has succeeded: no outputs at all means that they are lost.
    """

    job: Submission
    scheduler: Scheduler
    upstream: Upstream
    folder: str
    source: str | None
    target: str | None
    with_outputs: bool
    must_be_there: bool

    @property
    def travels(self) -> bool:
        """True when what the other one left lies where this job does not look."""
        return self.source != self.target

    @property
    def experiment_id(self) -> str:
        """The experiment of the other one."""
        return self.upstream.submission.experiment_id

    def refusal(self) -> str | None:
        """Why this job cannot have the outputs, a sentence; None when it can."""
        return self.upstream.scheduler.refuses_outputs(
            self.upstream.submission
        ) or self.scheduler.refuses_outputs(self.job)

    def require(self) -> None:
        """Raise ExecutorRefused when the job asks for outputs that it cannot have."""
        sentence = self.refusal() if self.with_outputs else None
        if sentence is not None:
            raise ExecutorRefused(
                f"{self.job.job.id} cannot get the outputs of {self.upstream.job.id}: {sentence}",
                hint="keep them where both jobs see them, and take the task out of inputs= (its result comes anyway)",
            )


class Edges:
    """The edges of an experiment's jobs, those to jobs of earlier experiments among them.

    Args:
        home: Where those are.
        record: The experiment.
        crew: Its schedulers.
        env: The caller's environment.
        ask: Puts what a login asks to the user; None where nobody is there.
    """

    def __init__(
        self,
        home: Home,
        record: Record,
        crew: Crew,
        env: Mapping[str, str],
        ask: Ask | None = None,
    ) -> None:
        self._home = home
        self._record = record
        self._crew = crew
        self._env = env
        self._ask = ask
        self._jobs = {job.id: job for job in record.jobs}
        self._earlier: dict[str, tuple[Record, Crew] | None] = {}
        self._edges: dict[str, tuple[Edge, ...]] = {}

    def of(self, job: Job) -> tuple[Edge, ...]:
        """The edges of a job; those within one executor, or on this machine alone, are left out where nothing is asked."""
        if job.id not in self._edges:
            self._edges[job.id] = tuple(self._read(job)) if job.after or job.earlier else ()
        return self._edges[job.id]

    def results_only(self, job: Job) -> list[str]:
        """The folders of upstream jobs of which a job gets no outputs."""
        return [
            one.folder
            for one in self.of(job)
            if not one.with_outputs and (one.travels or one.refusal())
        ]

    def users(self, edge: Edge) -> int:
        """How many of the experiment's jobs get the same, in the same place."""
        return sum(
            any(
                one.upstream.paths.root == edge.upstream.paths.root and one.target == edge.target
                for one in self.of(job)
            )
            for job in self._record.jobs
        )

    def close(self) -> None:
        """Let go of the connections to what only earlier experiments used."""
        for known in self._earlier.values():
            if known is not None:
                known[1].close()

    def _read(self, job: Job) -> Iterator[Edge]:
        for task, ids in job.after.items():
            for one in ids:
                condition = job.conditions.get(one, Condition.OK)
                upstream = self._jobs[one]
                found = self._edge(
                    job,
                    (self._record, self._crew, upstream),
                    upstream.slug,
                    task,
                    must_be_there=condition is Condition.OK,
                )
                if found is not None:
                    yield found
        for task, places in job.earlier.items():
            for place in places:
                experiment, _, slug = place.partition("/")
                known = self._experiment(experiment)
                earlier = (
                    next((one for one in known[0].jobs if one.slug == slug), None)
                    if known
                    else None
                )
                if known is None or earlier is None:
                    continue  # it has been deleted: the job is told so when it looks for it
                folder = f"../../{experiment}/jobs/{slug}"
                found = self._edge(job, (*known, earlier), folder, task, must_be_there=True)
                if found is not None:
                    yield found

    def _edge(
        self,
        job: Job,
        upstream: tuple[Record, Crew, Job],
        folder: str,
        task: str,
        *,
        must_be_there: bool,
    ) -> Edge | None:
        record, crew, other = upstream
        tables = self._record.executors[job.executor], record.executors[other.executor]
        if all(map(is_at_hand, tables)):
            return None
        own, theirs = self._crew.submission_of(job, 1), crew.submission_of(other, 1)
        scheduler, their_scheduler = self._crew.scheduler_of(job), crew.scheduler_of(other)
        return Edge(
            job=own,
            scheduler=scheduler,
            upstream=Upstream(job=other, submission=theirs, scheduler=their_scheduler),
            folder=folder,
            source=their_scheduler.outputs_at(theirs),
            target=scheduler.outputs_at(own),
            with_outputs=task in job.inputs,
            must_be_there=must_be_there,
        )

    def _experiment(self, experiment_id: str) -> tuple[Record, Crew] | None:
        if experiment_id not in self._earlier:
            try:
                record = self._home.read_record(experiment_id)
            except StoreError:
                self._earlier[experiment_id] = None
                return None
            crew = Crew(
                record,
                self._home.layout.experiment(experiment_id),
                runtime=self._home.layout.packages / record.runtime,
                env=self._env,
                secrets={},
                ask=self._ask,
            )
            self._earlier[experiment_id] = (record, crew)
        return self._earlier[experiment_id]
