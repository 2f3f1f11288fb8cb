"""Managed jobs: SkyPilot's controller brings a cluster up for each, and tears it down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemorun_discover.schedulers.environment import require_secrets
from nemorun_discover.schedulers.skypilot.request import workdir_of
from nemorun_discover.schedulers.skypilot.service import Service
from nemorun_discover.schedulers.skypilot.task import task_of
from nemorun_discover.schedulers.skypilot.workdir import fill_workdir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.schedulers.skypilot.run import Run


class Managed(Service):
    """Starts, finds and ends managed jobs."""

    def _start(self, run: Run) -> None:
        require_secrets(run.submission)
        workdir = workdir_of(run.submission)
        fill_workdir(run.submission, workdir)
        run.remember(request=None)  # whoever comes after us looks for it by its name
        run.remember(request=self._sky.launch_managed(task_of(run.submission, str(workdir))))
        self._take_answer(run)

    def states(self, runs: Sequence[Run]) -> Mapping[int, str]:
        """Ask once for all of them."""
        found = self._sky.managed(jobs=[run.id for run in runs if run.id is not None])
        for run in runs:
            run.why = found.get(run.id or 0, {}).get("failure_reason")
        return {id_: str(one["status"]) for id_, one in found.items()}

    def is_gone(self, run: Run) -> bool:
        """True when there is none of its name either."""
        return run.id not in self._sky.managed(name=run.name)

    def follow(self, run: Run, sink: Any) -> None:  # noqa: ANN401 - a text file
        """The job's log, from whichever cluster it runs on."""
        if run.id is not None:
            self._sky.follow(None, run.id, sink)

    def cancel(self, run: Run) -> None:
        """End the job, and its cluster with it."""
        if run.id is not None:
            self._sky.cancel(None, [run.id])

    def tidy(self, run: Run) -> None:
        """Nothing is left: the controller tears down what it started."""

    def tidy_refused(self, run: Run) -> None:
        """Nothing either."""

    def _is_there(self, run: Run) -> bool:
        found = self._sky.managed(name=run.name)
        ids = [id_ for id_, one in found.items() if one["job_name"] == run.name]
        if ids:
            run.remember(id=min(ids))
        return bool(ids)

    def _take_answer(self, run: Run) -> None:
        # The handle in the answer may not be looked at: of a controller in the API server it is none.
        ids = self._sky.answer(str(run.request), run.name)[0]
        run.remember(id=int(ids[0] if isinstance(ids, list) else ids))
