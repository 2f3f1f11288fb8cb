"""`run.Experiment`: several tasks, launched together and kept under one id."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nemorun_discover.api import past
from nemorun_discover.api.adding import Wish, add
from nemorun_discover.api.draft import Draft, in_sequence, plan_of
from nemorun_discover.api.ending import Ending, end
from nemorun_discover.api.jobs import one_executor
from nemorun_discover.api.launched import Launched
from nemorun_discover.api.plainly import plain_methods
from nemorun_discover.api.project import current_project
from nemorun_discover.api.starting import start
from nemorun_discover.cli.dry_run import print_plan
from nemorun_discover.errors import UsageError
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from nemorun_discover.api.jobs import Task
    from nemorun_discover.api.order import Dependency
    from nemorun_discover.api.result import Result
    from nemorun_discover.executors.base import Executor
    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.plugins.base import Plugin


@plain_methods
class Experiment:
    """Tasks on executors, launched together; `nemorun status` and the others see them too.

    `run` returns at once; leaving the `with` block waits, shows how it went, and raises for a failed job.

    Args:
        title: What it is called, and part of its id.
        executor: For tasks that are added without one; None for this machine.
        id: What its id ends in, instead of four letters by chance.
        base_dir: Where its folder is made; None for NEMORUN_HOME, from where it can be found in any case.
        raise_on_failure: Raise JobFailed at the end of the `with` block.
        clean_mode: Show nothing.
        enable_goodbye_message: Show the commands that tell more at the end.
        skip_status_at_exit: Show no table at the end.

    Raises:
        UsageError: Another experiment's id ends in `id`, or `id` cannot be part of one.
    """

    def __init__(
        self,
        title: str,
        executor: Executor | None = None,
        id: str | None = None,  # noqa: A002 - NeMo-Run's name for it
        base_dir: str | os.PathLike[str] | None = None,
        *,
        raise_on_failure: bool = True,
        clean_mode: bool = False,
        enable_goodbye_message: bool = True,
        skip_status_at_exit: bool = False,
    ) -> None:
        self.title = title
        self.executor = one_executor(executor or LocalExecutor()).clone()
        self._base_dir = None if base_dir is None else Path(base_dir).expanduser().absolute()
        self._ending = Ending(
            raise_on_failure=raise_on_failure,
            clean_mode=clean_mode,
            enable_goodbye_message=enable_goodbye_message,
            skip_status_at_exit=skip_status_at_exit,
        )
        self._home = open_home(os.environ)
        self._name_end = None if id is None else past.free_end(self._home, id)
        self._draft = Draft(project=current_project())
        self._launched: Launched | None = None
        self._waits_at_exit = False

    @classmethod
    def from_id(cls, id: str, *, all_projects: bool = False) -> Self:  # noqa: A002 - likewise
        """An experiment of the record, by its id, a unique beginning or end of it, or `@last`.

        Args:
            id: An experiment's; `@last` is the last one of this script's project.
            all_projects: `@last` is the last one of all projects.
        """
        home = open_home(os.environ)
        record = home.read_record(past.find(home, id, all_projects=all_projects))
        it = cls(record.title)
        it._draft, it._launched = past.draft_of(record), Launched(home, record.id, record.jobs)
        return it

    @classmethod
    def from_title(cls, title: str, *, all_projects: bool = False) -> Self:
        """The newest experiment of this title in this script's project, or in all projects."""
        home = open_home(os.environ)
        return cls.from_id(past.newest_called(home, title, all_projects=all_projects))

    @classmethod
    def catalog(cls, title: str = "") -> list[str]:
        """The ids of all experiments, or of those of one title, oldest first."""
        return past.ids_called(open_home(os.environ), title)

    @property
    def id(self) -> str | None:
        """Its id; None before it is launched."""
        return None if self._launched is None else self._launched.id

    @property
    def jobs(self) -> tuple[str, ...]:
        """The ids of its jobs, in the order in which they were added."""
        return tuple(job.id for job in self._draft.jobs)

    def add(
        self,
        task: Task | Sequence[Task],
        executor: Executor | Sequence[Executor] | None = None,
        name: str = "",
        *,
        dependencies: Sequence[Dependency] | str | None = None,
        inputs: Sequence[str] | str | None = None,
        plugins: Sequence[Plugin] = (),
        tail_logs: bool = False,
        policy: str = "any_failed",
    ) -> str:
        """Add a task, or a list of tasks as a group that starts together. Everything is copied.

        Args:
            task: A function, a run.Partial or a run.Script.
            executor: Where it runs; for a group one, or one for each task.
            name: What the job is called; a group needs one.
            plugins: Their `setup` may change the copies; their other hooks are called while it runs.
            tail_logs: Show the job's log while the experiment is waited for.
            dependencies: Ids of the jobs to wait for, or pairs `(id, "ok" | "any" | "notok")`.
            inputs: Ids of jobs to wait for whose outputs are brought to where the task runs; of the other dependencies
                it gets the results alone, unless they ran in the same place.
            policy: When the rest of a group is stopped: `any_failed`, `first_done`, or never (`all`).

        Returns:
            The job's id, `train@local`, or the group's.

        Raises:
            UsageError: It cannot run as a job; nothing was added.
        """
        self._refuse_when_launched("nothing can be added")
        wish = Wish(
            name=name,
            dependencies=dependencies,
            inputs=inputs,
            plugins=tuple(plugins or ()),
            tail_logs=tail_logs,
            policy=policy,
        )
        return add(self._draft, task, self.executor if executor is None else executor, wish)

    def run(
        self,
        *,
        sequential: bool = False,
        detach: bool = False,
        tail_logs: bool = False,
        direct: bool = False,
    ) -> None:
        """Launch the jobs, and return; they go on whatever becomes of this process.

        Args:
            sequential: Each job waits for the one that was added before it.
            detach: Do not wait for them at the end of the `with` block.
            tail_logs: Show all logs while the experiment is waited for.
            direct: Call the tasks in this process instead, one after the other, and return afterwards.

        Raises:
            NemorunError: It was launched before, nothing was added, an executor cannot run these jobs, or
                NEMORUN_HOME cannot be written; nothing was started.
        """
        self._refuse_when_launched("it cannot run twice")
        self._launched = start(
            self._home,
            self._plan(sequential=sequential),
            self._ending.console(),
            functions=self._draft.functions if direct else None,
            tailed=self.jobs if tail_logs else tuple(self._draft.tailed),
        )
        self._waits_at_exit = not (detach and self._launched.hand_over(self._ending.console()))
        for plugin in self._draft.instances:
            plugin.assign(self._launched.id)

    def dryrun(self) -> None:
        """Print the jobs and the exact requests to their schedulers; nothing is written or sent."""
        print_plan(self._plan(), self._ending.console(), as_json=False)

    def status(self, *, return_dict: bool = False) -> dict[str, dict[str, Any]] | None:
        """Print where the jobs stand, or return it by job id."""
        return self._past().tell_status(self._ending.console(), as_dict=return_dict)

    def logs(self, job: str, regex: str | None = None) -> None:
        """Print what a job has printed so far; with `regex`, the lines in which it is found."""
        self._past().print_logs(job, regex, self._ending.console())

    def cancel(self, job: str | None = None) -> None:
        """End a job, a group, or all jobs, and wait until they have ended."""
        self._past().cancel(job, self._ending.console())

    def wait(self, timeout: float | None = None) -> dict[str, Result]:
        """Wait until every job has ended; what came out of them.

        Raises:
            WaitTimeout: They have not after so many seconds; they go on.
        """
        launched = self._past()
        return launched.results(launched.wait(self._ending.console(), timeout))

    def results(self) -> dict[str, Result]:
        """By job id, what came out of each job, as far as it has come; likewise of each group."""
        launched = self._past()
        return launched.results(launched.status(self._ending.console()))

    def reset(self, *, fresh_code: bool = False) -> Self:
        """A new experiment of the same jobs, not launched yet; `fresh_code` packages their code anew."""
        fresh = type(self)(self.title, self.executor, base_dir=self._base_dir)
        fresh._ending = self._ending  # noqa: SLF001 - of its own class
        fresh._draft = past.again(self._home, self.id, self._draft, fresh_code=fresh_code)  # noqa: SLF001
        return fresh

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._launched is not None and self._waits_at_exit:
            end(self._launched, self._ending, error)

    def __repr__(self) -> str:
        state = self.id or "not launched"
        return f"<Experiment {self.title!r}: {state}, {len(self.jobs)} jobs>"

    def _plan(self, *, sequential: bool = False) -> Plan:
        draft = in_sequence(self._draft) if sequential else self._draft
        return plan_of(draft, self.title, name_end=self._name_end, base_dir=self._base_dir)

    def _past(self) -> Launched:
        if self._launched is None:
            raise UsageError(
                f"the experiment {self.title!r} is not launched yet", hint="run() launches it"
            )
        return self._launched

    def _refuse_when_launched(self, consequence: str) -> None:
        if self._launched is not None:
            raise UsageError(
                f"{self._launched.id} was launched already: {consequence}",
                hint="reset() makes a new experiment with the same jobs",
            )
