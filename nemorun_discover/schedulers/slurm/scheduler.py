"""Jobs on Slurm clusters: batch jobs, handed over and watched through the login node of each."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, cast

from nemorun_discover.documents import JobOrders, read_object
from nemorun_discover.errors import ExecutorRefused, StoreError
from nemorun_discover.model.check import Check, Verdict
from nemorun_discover.model.layout import home_root
from nemorun_discover.schedulers.checking import check_settings
from nemorun_discover.schedulers.environment import require_secrets
from nemorun_discover.schedulers.protocol import Scheduler, Started, Submission
from nemorun_discover.schedulers.slurm.arrival import (
    arrive,
    fetch_logs,
    found_again,
    log_of,
    write_down,
)
from nemorun_discover.schedulers.slurm.clusters import (
    base_of,
    by_cluster,
    home_of,
    is_home,
    name_of,
    place_of,
    tunnel_of,
)
from nemorun_discover.schedulers.slurm.library import library_name, library_text
from nemorun_discover.schedulers.slurm.listing import folder_of
from nemorun_discover.schedulers.slurm.memory import remember
from nemorun_discover.schedulers.slurm.paths import ClusterPaths
from nemorun_discover.schedulers.slurm.planned import Planned
from nemorun_discover.schedulers.slurm.plot import Bundle, Plot
from nemorun_discover.schedulers.slurm.shared_look import SharedLook
from nemorun_discover.schedulers.slurm.support import refusal
from nemorun_discover.transport.table import load_tunnel, open_tunnel

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.executors.slurm import SlurmExecutor
    from nemorun_discover.model.status import Contact
    from nemorun_discover.schedulers.fetching import Fetch, Fetched, Sending, Transfer
    from nemorun_discover.schedulers.protocol import Fact
    from nemorun_discover.schedulers.slurm.link import Link
    from nemorun_discover.schedulers.slurm.order import ClusterFacts
    from nemorun_discover.schedulers.slurm.tracker import Tracked
    from nemorun_discover.transport.tunnel import Tunnel


class SlurmScheduler(Scheduler):
    """Hands jobs over to clusters, watches them there and ends them.

    Nothing here waits for a network: each cluster has a thread of its own (`Link`), and `query` tells what it
    has learnt.

    Args:
        env: The caller's environment: its HOME has the ssh configuration.
    """

    has_late_evidence = True
    pace_s = 0.3

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._links: dict[str, Link] = {}
        self._executors: dict[str, str] = {}  # by name, the name of its cluster's link
        self._asked: set[tuple[str, int]] = set()
        self._tunnels: dict[str, Tunnel] = {}
        self._opening = threading.Lock()
        self._planned: dict[Path, Planned] = {}

    def check(self, name: str, executor: Executor) -> None:
        """Refuse settings that contradict each other, or that no batch script can hold."""
        found = refusal(cast("SlurmExecutor", executor))
        if found is not None:
            sentence, hint = found
            raise ExecutorRefused(f"{name}: {sentence}", hint=hint)

    def load_for(self, executor: Executor) -> None:
        """Import what hands jobs over: whoever only asks where they stand does without, so it is not at the top."""
        for name in ("bundling", "link"):
            import_module(f"nemorun_discover.schedulers.slurm.{name}")
        load_tunnel(cast("SlurmExecutor", executor).tunnel)

    def request(self, submission: Submission) -> Mapping[str, object]:
        """The batch script that sbatch would be given."""
        return self.requests([submission])[submission.job.id]

    def requests(self, submissions: Sequence[Submission]) -> Mapping[str, Mapping[str, object]]:
        """The batch scripts; jobs of one array, and members of one group, have one together."""
        from nemorun_discover.schedulers.slurm.requests import requests_of  # noqa: PLC0415 - see load_for

        return requests_of(submissions)

    def can_start(self, submissions: Sequence[Submission]) -> bool:  # noqa: ARG002 - there is a queue for that
        """True: what has to wait waits in the cluster's queue."""
        return True

    def submit(self, submission: Submission) -> None:
        """Take an attempt; the cluster gets it with all others that are submitted before the next question."""
        require_secrets(submission)
        # One that is damaged harms its own job; jobs are bundled later, and then it would be the others' too.
        if read_object(submission.paths.job, JobOrders) is None:
            raise StoreError(f"{submission.paths.job} is not there any more")
        is_new = (submission.job.id, submission.attempt) not in self._asked
        self._link_of(submission).submit(submission, is_new=is_new)

    def adopt(self, submission: Submission) -> Started | None:
        """Find the attempt by what was written down when the cluster took it.

        Where nothing was, the attempt may be there all the same: it is submitted under its key again, which
        finds it.
        """
        self._asked.add((submission.job.id, submission.attempt))
        job = found_again(submission, self._planned_of(submission))
        if job is None:
            return None
        self._link_of(submission).watch(job)
        return Started(
            native_id=str(job.native_id), handle=job.handle or "", state=job.arrived().state
        )

    def query(self, submissions: Sequence[Submission]) -> Mapping[str, Fact]:
        """What the threads have learnt; what was submitted before goes out now."""
        by_link: dict[str, list[str]] = {}
        for one in submissions:
            name = self._executors.get(one.job.executor)
            if name is not None:
                by_link.setdefault(name, []).append(one.job.id)
        facts: dict[str, Fact] = {}
        for name, ids in by_link.items():
            facts |= self._links[name].facts(ids)
        return facts

    def cancel(self, submissions: Sequence[Submission]) -> None:
        """Have the clusters end these."""
        for one in submissions:
            name = self._executors.get(one.job.executor)
            if name is not None:
                self._links[name].cancel([one.job.id])

    def queue_of(self, submission: Submission) -> str | None:
        """The cluster: jobs on it wait for each other there."""
        return name_of(tunnel_of(submission))

    def contacts(self) -> Mapping[str, Contact]:
        """By executor, how its cluster is heard."""
        return {name: self._links[link].contact() for name, link in self._executors.items()}

    @property
    def needs_login(self) -> bool:
        """True when every cluster wants a password, and nobody is there to be asked."""
        return bool(self._links) and all(link.needs_login for link in self._links.values())

    def freshen(self, submissions: Sequence[Submission]) -> datetime | None:
        """Ask the processes that watch these clusters to look now."""
        asked = 0.0
        for name in {name_of(tunnel_of(one)): one for one in submissions}:
            asked = SharedLook(home_of(submissions[0]) / "clusters" / name).ask()
        return datetime.fromtimestamp(asked, UTC) if asked else None

    def fetch_logs(self, submissions: Sequence[Submission]) -> None:
        """Append to the logs on this machine what those on the clusters have got, one question for each."""
        fetch_logs(submissions, self._tunnel_to)

    def fetch_outputs(
        self, fetches: Sequence[Fetch], tell: Callable[[Transfer], None]
    ) -> Mapping[str, Fetched]:
        """Bring what is new of the jobs' outputs, one question for each cluster."""
        from nemorun_discover.schedulers.slurm.outputs import fetch_from_all  # noqa: PLC0415 - likewise

        return fetch_from_all(fetches, tell, self._tunnel_to)

    def outputs_at(self, submission: Submission) -> str | None:
        """The cluster's login and job_dir; None where that is this very home."""
        tunnel, home = tunnel_of(submission), home_of(submission)
        return None if is_home(tunnel, home) else place_of(tunnel, home)

    def mark_outputs(
        self, submissions: Sequence[Submission], mark: str, *, away: bool = False
    ) -> Mapping[str, str]:
        """Put a file into the jobs' folders, one question for each cluster."""
        from nemorun_discover.schedulers.slurm.inputs import mark_outputs  # noqa: PLC0415 - see load_for

        found: dict[str, str] = {}
        for alike in by_cluster(submissions):
            folders = {folder_of(one): one.job.id for one in alike}
            base = base_of(tunnel_of(alike[0]), home_of(alike[0]))
            places = mark_outputs(self._tunnel_to(alike[0]), base, list(folders), mark, away=away)
            found |= {folders[folder]: place for folder, place in places.items() if place}
        return found

    def send_outputs(
        self, sendings: Sequence[Sending], mark: str, tell: Callable[[Transfer], None]
    ) -> Collection[Path]:
        """Send what is new of them, one conversation for each cluster and experiment."""
        from nemorun_discover.schedulers.slurm.inputs import send_outputs  # noqa: PLC0415 - see load_for

        by_name: dict[str, list[Sending]] = {}
        for one in sendings:
            by_name.setdefault(name_of(tunnel_of(one.submission)), []).append(one)
        left: list[Path] = []
        for alike in by_name.values():
            first = alike[0].submission
            base = base_of(tunnel_of(first), home_of(first))
            left += send_outputs(self._tunnel_to(first), base, alike, mark, tell)
        return left

    def checks(self, name: str, executor: Executor, *, may_run: bool) -> Iterator[Check]:
        """Look at the settings, then at the cluster: one login, two questions at most."""
        from nemorun_discover.schedulers.slurm.checkup import check_cluster  # noqa: PLC0415 - likewise

        settings = check_settings(self, name, executor)
        yield settings
        if settings.verdict is Verdict.OK:
            slurm = cast("SlurmExecutor", executor)
            tunnel = open_tunnel(slurm.tunnel, self._env, self.ask)
            base = base_of(slurm.tunnel, home_root(self._env))
            yield from check_cluster(tunnel, base, name, slurm, may_run=may_run)

    def close(self) -> None:
        """End the threads and the connections."""
        for link in self._links.values():
            link.close()
        for tunnel in self._tunnels.values():
            tunnel.close()

    def _tunnel_to(self, submission: Submission) -> Tunnel:
        name = name_of(tunnel_of(submission))
        with self._opening:
            if name not in self._tunnels:
                self._tunnels[name] = open_tunnel(tunnel_of(submission), self._env, self.ask)
            return self._tunnels[name]

    def _link_of(self, submission: Submission) -> Link:
        executor = submission.job.executor
        if executor not in self._executors:
            name = name_of(tunnel_of(submission))
            if name not in self._links:
                self._links[name] = self._open(submission, name)
            self._executors[executor] = name
        return self._links[self._executors[executor]]

    def _planned_of(self, submission: Submission) -> Planned:
        folder = submission.paths.root.parents[1] / "slurm" / "units"
        return self._planned.setdefault(folder, Planned(folder))

    def _open(self, submission: Submission, name: str) -> Link:
        from nemorun_discover.schedulers.slurm.bundling import bundle_of  # noqa: PLC0415 - see load_for
        from nemorun_discover.schedulers.slurm.link import Link  # noqa: PLC0415 - likewise

        home, settings = home_of(submission), tunnel_of(submission)
        folder = home / "clusters" / name
        experiment = submission.experiment_id
        planned = self._planned_of(submission)

        def prepare(
            jobs: Sequence[Tracked], facts: ClusterFacts, known: Mapping[str, str]
        ) -> Bundle:
            paths = ClusterPaths(base=facts.base, experiment_id=experiment)
            bundle = bundle_of(
                jobs, paths, max_array=facts.max_array, known=known, planned=planned.names()
            )
            for unit in bundle.units.values():
                planned.write(unit)
            return bundle

        plot = Plot(
            experiment_id=experiment,
            experiments=submission.paths.root.parents[2],
            packages=submission.runtime.parent,
            base=base_of(settings, home),
            runtime=submission.runtime.name,
            batch=(library_name(), library_text().decode()),
            prepare=prepare,
            arrive=partial(arrive, planned),
            follow=write_down,
            keep=lambda facts: remember(folder, facts),
            log_of=lambda job: log_of(job.submission, job.attempt),
        )
        # One login for both: what brings outputs there, and here, goes through the same connection.
        tunnel = self._tunnel_to(submission)
        return Link(tunnel, plot, SharedLook(folder), self.wake)
