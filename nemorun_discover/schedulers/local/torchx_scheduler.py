"""Local jobs for the stock `torchx` command: `torchx status|log|cancel nemorun_local://nemorun/EXP:JOB`.

TorchX finds this module by the entry point `torchx.schedulers`. An app of TorchX is a job of ours, its id
`<experiment>:<slug>`; it has one role, named after the task, with one replica.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torchx.schedulers.api import DescribeAppResponse, ListAppResponse, Scheduler, Stream
from torchx.specs import AppDef, AppDryRunInfo, AppState, Role

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.files import read_json
from nemorun_discover.model.layout import HomeLayout, home_root
from nemorun_discover.model.state import State
from nemorun_discover.schedulers.local.evidence import read_fact
from nemorun_discover.schedulers.local.process import send_signal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from nemorun_discover.model.layout import AttemptLayout, JobLayout

BACKEND = "nemorun_local"
SESSION = "nemorun"
_POLL_S = 0.2
_TERMINAL = (AppState.SUCCEEDED, AppState.FAILED, AppState.CANCELLED)

STATES = {
    State.RUNNING: AppState.RUNNING,
    State.SUCCEEDED: AppState.SUCCEEDED,
    State.FAILED: AppState.FAILED,
    State.CANCELLED: AppState.CANCELLED,
}


def create_scheduler(session_name: str, **_options: object) -> LocalTorchxScheduler:
    """What the entry point names."""
    return LocalTorchxScheduler(session_name, os.environ)


class LocalTorchxScheduler(Scheduler[Mapping[str, Any]]):  # type: ignore[misc]  # TorchX ships no types
    """Looks at local jobs, follows their logs and cancels them; `nemorun run` starts them."""

    def __init__(self, session_name: str, env: Mapping[str, str]) -> None:
        super().__init__(BACKEND, session_name)
        self._layout = HomeLayout(home_root(env))

    def describe(self, app_id: str) -> DescribeAppResponse | None:
        """Where the job stands; None when there is no such job."""
        paths = self._job(app_id)
        job = read_json(paths.job)
        if job is None:
            return None
        fact = read_fact(attempt) if (attempt := _last_attempt(paths)) else None
        state = STATES.get(fact.state, AppState.UNKNOWN) if fact else AppState.PENDING
        return DescribeAppResponse(
            app_id=app_id,
            state=state,
            msg=(fact.reason or "") if fact else "",
            roles=[Role(name=job["task"], image="")],
        )

    def list(self) -> list[ListAppResponse]:
        """Every job of every experiment of this home that has been started here."""
        found = sorted(self._layout.experiments.glob("[!.]*/jobs/*/attempt-1"))
        ids = [f"{one.parents[2].name}:{one.parent.name}" for one in found]
        described = [(one, self.describe(one)) for one in ids]
        return [
            ListAppResponse(app_id=one, state=answer.state) for one, answer in described if answer
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
        return (
            line for line in self._lines(app_id, should_tail=should_tail) if wanted.search(line)
        )

    def schedule(self, dryrun_info: AppDryRunInfo[Any]) -> str:  # noqa: ARG002 - TorchX's signature
        """Refuse: a job needs a record, which `nemorun run` writes."""
        raise _starts_nothing()

    def _submit_dryrun(self, app: AppDef, cfg: Mapping[str, Any]) -> AppDryRunInfo[Any]:  # noqa: ARG002
        raise _starts_nothing()

    def _cancel_existing(self, app_id: str) -> None:
        attempt = _last_attempt(self._job(app_id))
        process = read_json(attempt.process) if attempt else None
        if process is not None:
            send_signal(process, signal.SIGTERM)

    def _job(self, app_id: str) -> JobLayout:
        experiment, _, slug = app_id.partition(":")
        return self._layout.experiment(experiment).job(slug)

    def _lines(self, app_id: str, *, should_tail: bool) -> Iterator[str]:
        offset = 0
        while True:
            answer = self.describe(app_id)
            is_over = answer is None or answer.state in _TERMINAL or not should_tail
            attempt = _last_attempt(self._job(app_id))
            new = _read_from(attempt.log, offset) if attempt else b""
            # A line that is still being written waits for its end, unless nothing more will come.
            whole = new if is_over else new[: new.rfind(b"\n") + 1]
            offset += len(whole)
            yield from whole.decode("utf-8", "replace").splitlines(keepends=True)
            if is_over:
                return
            time.sleep(_POLL_S)


def _starts_nothing() -> ExecutorRefused:
    return ExecutorRefused(
        f"{BACKEND} does not start apps: a job of nemorun belongs to an experiment",
        hint="start it with `nemorun run`; torchx status, log and cancel work on its handle",
    )


def _last_attempt(paths: JobLayout) -> AttemptLayout | None:
    numbers = [int(one.name.partition("-")[2]) for one in paths.root.glob("attempt-*")]
    return paths.attempt(max(numbers)) if numbers else None


def _read_from(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read()
    except FileNotFoundError:
        return b""
