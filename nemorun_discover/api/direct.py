"""`Experiment.run(direct=True)`: the jobs in this process, one after the other, with the usual record.

This process is the driver meanwhile: it holds the lock, and writes the journal that any other would.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.api.in_process import Attempt, call, environment, run_script
from nemorun_discover.documents import JobDocument, read_object, read_value
from nemorun_discover.errors import UsageError
from nemorun_discover.executors.codec import executor_to_dict
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.files import write_json
from nemorun_discover.lifecycle import entries
from nemorun_discover.lifecycle.announcing import HOOK_PATIENCE_S, announcer_of
from nemorun_discover.lifecycle.board import Board
from nemorun_discover.lifecycle.crew import Crew
from nemorun_discover.lifecycle.decide import decide
from nemorun_discover.lifecycle.experiment import create
from nemorun_discover.lifecycle.live_code import CodeWatch
from nemorun_discover.model.event import Event, EventType, utc_now
from nemorun_discover.model.state import State
from nemorun_discover.schedulers.environment import job_environment
from nemorun_discover.schedulers.local.evidence import read_fact
from nemorun_discover.schedulers.local.process import describe_process
from nemorun_discover.schedulers.local.scheduler import started
from nemorun_discover.secrets import VARIABLE, put_back
from nemorun_discover.worker.arguments import bind
from nemorun_discover.worker.load import load_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nemorun_discover.cli.console import Console
    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.store.home import Home

_FROM_EXECUTOR = ("env_vars", "secrets")


def run_directly(
    home: Home, plan: Plan, functions: Mapping[str, Callable[..., Any]], console: Console
) -> str:
    """Run the jobs of a plan here and now; the id of the experiment, which is over then.

    Args:
        home: Where its record goes.
        plan: What to run; of its executors only `env_vars` and `secrets` count.
        functions: By job, the function that was added; others are imported as a job would.
        console: Where the experiment is named; the output of the tasks is not shown when it is silent.

    Raises:
        UsageError: It has groups, whose members would have to run at the same time.
        StoreError: The home cannot be written.
    """
    if plan.groups:
        raise UsageError(
            f"run(direct=True) calls one task after the other, and {', '.join(plan.groups)} is a group",
            hint="add its tasks one by one, or run without direct=True",
        )
    record, lock = create(home, _on_this_machine(plan), os.environ)
    console.note(f"experiment {record.id}: {', '.join(job.id for job in plan.jobs)}")
    with ExitStack() as at_end:
        at_end.callback(os.close, lock)
        direct = _Direct(home, record, plan, functions, is_silent=console.verbosity < 0)
        at_end.callback(direct.finish)
        direct.run()
    return record.id


def _on_this_machine(plan: Plan) -> Plan:
    here = executor_to_dict(LocalExecutor())
    executors = {
        name: {**here, **{field: table[field] for field in _FROM_EXECUTOR}}
        for name, table in plan.executors.items()
    }
    return replace(plan, executors=executors, packages={})


class _Direct:
    """Runs the jobs of one experiment."""

    def __init__(
        self,
        home: Home,
        record: Record,
        plan: Plan,
        functions: Mapping[str, Callable[..., Any]],
        *,
        is_silent: bool,
    ) -> None:
        self._layout = home.layout.experiment(record.id)
        self._record = record
        self._functions = functions
        self._is_silent = is_silent
        self._announcer = announcer_of(record, self._layout, plan.secrets)
        told = [self._announcer.tell] if self._announcer else []
        self._board = Board(record, self._layout, *told)
        self._code = CodeWatch(record, self._layout)
        self._crew = Crew(
            record,
            self._layout,
            runtime=home.layout.packages / record.runtime,
            env=os.environ,
            secrets=plan.secrets,
        )

    def run(self) -> None:
        """One job after the other, until none is left."""
        while not self._board.is_over:
            self._board.refresh()
            for job_id in sorted(self._board.cancelling):
                self._end_unstarted(job_id)
            decision = decide(self._record, self._board.jobs)
            for job_id, reason in decision.skip.items():
                self._board.change_state(job_id, State.SKIPPED, reason)
            if decision.ready and not decision.skip:
                self._run_to_its_end(decision.ready[0][0])

    def finish(self) -> None:
        """Cancel what has not begun when this process gives up, so that no driver goes on with it."""
        for job_id in self._board.jobs:
            self._end_unstarted(job_id)
        if self._announcer:
            self._announcer.finish(self._board.status(), patience_s=HOOK_PATIENCE_S)

    def _end_unstarted(self, job_id: str) -> None:
        if self._board.jobs[job_id].state is State.PLANNED:
            self._board.change_state(job_id, State.CANCELLED)

    def _run_to_its_end(self, job: Job) -> None:
        for attempt in range(1, job.retries + 2):
            with ExitStack() as at_end:
                at_end.callback(self._take_in, job, attempt)
                self._run_once(job, attempt)
            if self._board.jobs[job.id].state is not State.RUNNING:
                return

    def _run_once(self, job: Job, attempt: int) -> None:
        submission = self._crew.submission_of(job, attempt)
        paths = submission.paths.attempt(attempt)
        self._board.write(entries.intent(job.id, attempt, utc_now()))
        self._board.write(*self._code.at_start(job, attempt))
        paths.root.mkdir(mode=0o700, exist_ok=True)
        write_json(paths.process, {**describe_process(os.getpid()), "gpus": ""})
        self._board.write(
            *entries.started(job.id, attempt, started(submission, os.getpid()), utc_now())
        )
        submission.paths.result.unlink(missing_ok=True)
        document = read_object(submission.paths.job, JobDocument) or {}
        with Attempt(paths, submission.root, is_silent=self._is_silent) as ended:
            ended.exit_code = self._perform(job, document, submission)

    def _perform(self, job: Job, document: dict[str, Any], submission: Submission) -> int:
        variables = job_environment(submission, os.environ)
        values = {
            name.removeprefix(VARIABLE): variables.pop(name)
            for name in submission.environment
            if name.startswith(VARIABLE)
        }
        document = put_back(document, values)
        if document["argv"]:
            return run_script(document["argv"], submission.root, variables)
        variables.pop("PYTHONPATH")  # this interpreter has started already
        with environment(variables, document["sys_path"]):
            function = self._functions.get(job.id) or load_task(document, Path(document["root"]))
            arguments = bind(function, document["params"], document["exact"])
            call(function, arguments, submission.paths)
        return 0

    def _take_in(self, job: Job, attempt: int) -> None:
        """Write down how the attempt ended; and the job, unless it is tried again."""
        paths = self._layout.job(job.slug)
        fact = read_fact(paths.attempt(attempt))
        if fact is None or not fact.state.is_final:
            return
        known = self._board.jobs[job.id].attempts[-1].code
        self._code.attempts_have_ended()
        self._board.write(*self._code.at_end(job, attempt, known))
        self._board.write(entries.ended(job.id, attempt, fact, utc_now()))
        if fact.state is State.FAILED and attempt <= job.retries:
            return
        value = read_value(paths.result) if fact.state is State.SUCCEEDED else None
        result = Event(at=utc_now(), type=EventType.RESULT, job=job.id, value=value)
        changed = entries.changed(job.id, attempt, fact, utc_now())
        self._board.write(*([result] if value is not None else []), changed)
