"""Jobs of ours for the stock `torchx` command: `torchx status|log|cancel|list` on the handles of any kind.

An app of TorchX is a job, its id `<experiment>:<slug>`; it has one role, named after the task, with one replica.
All that is said of it comes from the experiment's journal, as in `nemorun status`, and cancelling it asks the
experiment's driver, as `nemorun cancel` does; so nothing here depends on what runs the job.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from torchx.schedulers.api import DescribeAppResponse, ListAppResponse, Scheduler, Stream
from torchx.specs import (
    AppDef,
    AppDryRunInfo,
    AppState,
    ReplicaStatus,
    Role,
    RoleStatus,
)

from nemorun_discover.errors import ExecutorRefused, StoreError
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.logs import stream_logs, whole_lines
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.remote_logs import RemoteLogs
from nemorun_discover.model.ids import is_experiment_id
from nemorun_discover.model.state import State
from nemorun_discover.schedulers.handles import SESSION
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nemorun_discover.model.status import JobStatus

_LOG = logging.getLogger(__name__)
STATES = {
    State.PLANNED: AppState.PENDING,
    State.SUBMITTED: AppState.SUBMITTED,
    State.PENDING: AppState.PENDING,
    State.RUNNING: AppState.RUNNING,
    State.SUCCEEDED: AppState.SUCCEEDED,
    State.FAILED: AppState.FAILED,
    State.CANCELLED: AppState.CANCELLED,
    State.SKIPPED: AppState.CANCELLED,
    State.UNKNOWN: AppState.UNKNOWN,
}


class JobScheduler(Scheduler[Mapping[str, Any]]):  # type: ignore[misc]  # TorchX ships no types
    """Looks at jobs, follows their logs and cancels them; `nemorun run` starts them.

    Args:
        backend: The scheduler's name in handles.
        session_name: TorchX's; it plays no part.
        env: The caller's environment; it says where the home is.
    """

    def __init__(self, backend: str, session_name: str, env: Mapping[str, str]) -> None:
        super().__init__(backend, session_name)
        self._home = open_home(env)
        self._env = env

    def describe(self, app_id: str) -> DescribeAppResponse | None:
        """Where the job stands; None when there is no such job of this kind."""
        job = self._job(app_id, is_driven=True)
        if job is None:
            return None
        host = job.attempts[-1].host if job.attempts else None
        replica = ReplicaStatus(id=0, role=job.task, state=_state_of(job), hostname=host or "")
        return DescribeAppResponse(
            app_id=app_id,
            state=_state_of(job),
            num_restarts=max(0, job.attempt - 1),
            msg=job.reason or "",
            roles=[Role(name=job.task, image="")],
            roles_statuses=[RoleStatus(role=job.task, replicas=[replica])],
        )

    def list(self) -> list[ListAppResponse]:
        """Every job of this kind in every experiment of the home that has been handed over."""
        return [
            ListAppResponse(app_id=f"{experiment}:{job.slug}", state=_state_of(job))
            for experiment in self._home.ids()
            for job in self._jobs(experiment)
            if job.handle is not None and self._is_own(job)
        ]

    def log_iter(  # noqa: PLR0917 - TorchX's signature
        self,
        app_id: str,
        role_name: str,  # noqa: ARG002 - a job has one role
        k: int = 0,  # noqa: ARG002 - and one replica
        regex: str | None = None,
        since: datetime | None = None,  # noqa: ARG002 - lines carry no time
        until: datetime | None = None,  # noqa: ARG002
        should_tail: bool = False,  # noqa: FBT001, FBT002 - TorchX's signature
        streams: Stream | None = None,
    ) -> Iterator[str]:
        """The lines of the last attempt's log; until the job ends when `should_tail`."""
        if streams not in (None, Stream.COMBINED):
            raise ValueError("a job of nemorun has one log for both streams")
        wanted = re.compile(regex or "")
        lines = self._lines(app_id, should_tail=should_tail)
        return (line for line in lines if wanted.search(line))

    def schedule(self, dryrun_info: AppDryRunInfo[Any]) -> str:  # noqa: ARG002 - TorchX's signature
        """Refuse: a job needs a record, which `nemorun run` writes."""
        raise self._starts_nothing()

    def _submit_dryrun(self, app: AppDef, cfg: Mapping[str, Any]) -> AppDryRunInfo[Any]:  # noqa: ARG002
        raise self._starts_nothing()

    def _cancel_existing(self, app_id: str) -> None:
        job = self._job(app_id)
        if job is not None:
            cancel(self._home, _experiment_of(app_id), [job.id])

    def _lines(self, app_id: str, *, should_tail: bool) -> Iterator[str]:
        job = self._job(app_id, is_driven=True)
        if job is None:
            return
        record = self._home.read_record(_experiment_of(app_id))
        remote = RemoteLogs(self._home, record, [job.id], self._env, _LOG.warning)
        with closing(remote):
            for piece in whole_lines(stream_logs(remote.look, [job.id], follow=should_tail)):
                yield piece.text.decode("utf-8", "replace") + "\n"

    def _job(self, app_id: str, *, is_driven: bool = False) -> JobStatus | None:
        """The job of that id; when it is to be driven, as a driver that lives sees it."""
        experiment, _, slug = app_id.partition(":")
        if is_driven and any(one.slug == slug for one in self._jobs(experiment)):
            carry_on(self._home, experiment)
        found = (one for one in self._jobs(experiment) if one.slug == slug)
        return next((one for one in found if self._is_own(one)), None)

    def _jobs(self, experiment: str) -> tuple[JobStatus, ...]:
        """None of an experiment that is not there, or cannot be read."""
        if not is_experiment_id(experiment):
            return ()
        try:
            return observe(self._home, experiment).jobs
        except StoreError:
            return ()

    def _is_own(self, job: JobStatus) -> bool:
        return job.handle is None or job.handle.startswith(f"{self.backend}://{SESSION}/")

    def _starts_nothing(self) -> ExecutorRefused:
        return ExecutorRefused(
            f"{self.backend} does not start apps: a job of nemorun belongs to an experiment",
            hint="start it with `nemorun run`; torchx status, log and cancel work on its handle",
        )


def _experiment_of(app_id: str) -> str:
    return app_id.partition(":")[0]


def _state_of(job: JobStatus) -> AppState:
    return AppState.FAILED if job.is_refused else STATES[job.state]
