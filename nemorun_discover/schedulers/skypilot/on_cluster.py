"""The jobs of one cluster: the first one brings it up, the others are added to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nemorun_discover.schedulers.environment import require_secrets
from nemorun_discover.schedulers.skypilot.clusters import clusters_of, note_cluster, now_text
from nemorun_discover.schedulers.skypilot.request import launch_options, workdir_of
from nemorun_discover.schedulers.skypilot.run import experiment_of
from nemorun_discover.schedulers.skypilot.sdk import ClusterGone, Sky
from nemorun_discover.schedulers.skypilot.service import Service
from nemorun_discover.schedulers.skypilot.states import meaning_of
from nemorun_discover.schedulers.skypilot.task import task_of
from nemorun_discover.schedulers.skypilot.workdir import fill_workdir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.executors.skypilot import SkypilotExecutor
    from nemorun_discover.schedulers.skypilot.run import Run

_UP = "UP"
_STOPPED = "STOPPED"


class OnCluster(Service):
    """Starts, finds and ends jobs of a cluster.

    Args:
        sky: SkyPilot.
        name: The cluster's name.
    """

    def __init__(self, sky: Sky, name: str) -> None:
        super().__init__(sky)
        self._name = name
        self._is_up = False

    def _start(self, run: Run) -> None:
        require_secrets(run.submission)
        if not self._is_up:
            known = self._sky.cluster(self._name)
            self._is_up = known is not None and known["status"] == _UP
        if self._is_up:
            try:
                self._add(run)
            except ClusterGone:
                self._is_up = False
            else:
                return
        self._launch(run)

    def states(self, runs: Sequence[Run]) -> Mapping[int, str]:
        """Ask once for all of them."""
        try:
            return self._sky.states(self._name, [run.id for run in runs if run.id is not None])
        except ClusterGone:
            return {}

    def is_gone(self, run: Run) -> bool:
        """True when its cluster is gone or stopped, or is up and has no such job in its queue."""
        known = self._sky.cluster(self._name)
        if known is None or known["status"] == _STOPPED:
            return True
        if known["status"] != _UP:
            return False  # it is being started, or repaired: nobody can ask it
        return all(int(one["job_id"]) != run.id for one in self._sky.queue(self._name))

    def follow(self, run: Run, sink: Any) -> None:  # noqa: ANN401 - a text file
        """The log of the cluster's job."""
        if run.id is not None:
            self._sky.follow(self._name, run.id, sink)

    def cancel(self, run: Run) -> None:
        """End the job; the cluster stays."""
        if run.id is not None:
            self._sky.cancel(self._name, [run.id])

    def tidy(self, run: Run) -> None:
        """Tear the cluster down, if we started it and nobody else's job is on it."""
        layout = experiment_of(run.submission)
        ours = clusters_of(layout.clusters).get(self._name)
        if ours is None or ours["down_at"] is not None:
            return
        known = self._sky.cluster(self._name)
        if known is not None:
            if known["status"] == _UP and self._is_busy():
                return
            self._sky.down(self._name)
        note_cluster(layout.clusters, self._name, down_at=now_text())

    def tidy_refused(self, run: Run) -> None:
        """Tear down what is left of a launch that did not come to its end."""
        if not self._is_up:
            self.tidy(run)

    def _is_busy(self) -> bool:
        return any(not meaning_of(one["status"])[0].is_final for one in self._sky.queue(self._name))

    def _is_there(self, run: Run) -> bool:
        """Whether the job is on the cluster, though nobody wrote down by which request."""
        for request in self._sky.open_requests(self._name):
            self._sky.answer(request, self._name)
        known = self._sky.cluster(self._name)
        if known is None or known["status"] != _UP:
            return False
        found = [one for one in self._sky.queue(self._name) if one["job_name"] == run.name]
        if found:
            run.remember(id=int(found[-1]["job_id"]))
        return bool(found)

    def _add(self, run: Run) -> None:
        task = self._task(run)
        run.remember(request=None)
        run.remember(request=self._sky.exec(task, self._name))
        self._take_answer(run)

    def _launch(self, run: Run) -> None:
        submission = run.submission
        executor = cast("SkypilotExecutor", submission.executor)
        task = self._task(run)
        note_cluster(
            experiment_of(submission).clusters,
            self._name,
            executor=submission.job.executor,
            asked_at=now_text(),
            idle_minutes=executor.idle_minutes_to_autostop,
            is_torn_down=executor.autodown,
            down_at=None,
        )
        run.remember(request=None)
        run.remember(request=self._sky.launch(task, self._name, **launch_options(executor)))
        self._take_answer(run)
        self._is_up = True

    def _note_where(self, run: Run, handle: Any) -> None:  # noqa: ANN401 - SkyPilot's
        """Of a cluster that we asked for: where it is, for the record and for the user."""
        path = experiment_of(run.submission).clusters
        ours = clusters_of(path).get(self._name)
        if ours is None or "where" in ours:
            return
        known = self._sky.describe(handle)
        note_cluster(path, self._name, **known)
        price = known["price_per_hour"]
        cost = f" for ${price:.2f} an hour" if price else ""
        idle = ours["idle_minutes"]
        end = "goes" if ours["is_torn_down"] else "stops"
        until = (
            "stays up until somebody ends it"
            if idle is None
            else f"{end} after {idle} idle minutes"
        )
        run.message = f"SkyPilot's cluster {self._name} is up on {known['where']}{cost}; it {until}"

    def _task(self, run: Run) -> dict[str, Any]:
        workdir = workdir_of(run.submission)
        fill_workdir(run.submission, workdir)
        return task_of(run.submission, str(workdir))

    def _take_answer(self, run: Run) -> None:
        number, handle = self._sky.answer(str(run.request), self._name)
        self._note_where(run, handle)
        run.remember(id=int(number))
