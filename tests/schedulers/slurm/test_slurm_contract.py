"""The contract of schedulers, on a real cluster over SSH."""

from __future__ import annotations

import json
import os
import shutil
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.executors.tunnels import SSHTunnel
from nemorun_discover.model.job import Job
from nemorun_discover.model.layout import HomeLayout
from nemorun_discover.model.record import Project
from nemorun_discover.model.task import Script
from nemorun_discover.packaging.runtime import install_runtime
from nemorun_discover.schedulers.protocol import Submission
from nemorun_discover.schedulers.slurm.scheduler import SlurmScheduler
from tests.schedulers.scheduler_contract import PATIENCE_S, SchedulerContract
from tests.services.slurm import modern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.services.slurm.cluster import Cluster
    from tests.services.slurm.clusters import Clusters


class SlurmPlace:
    """Jobs of a cluster, which work in one folder of the user's home there."""

    def __init__(self, home: Path, cluster: Cluster) -> None:
        self._cluster = cluster
        # A cluster is asked for a job by its key: each test has an experiment of its own.
        self._experiment = f"20261122-0712-lab-{uuid.uuid4().hex[:4]}"
        self._base = f"/home/{self._cluster.user.name}/co ntract's {uuid.uuid4().hex[:8]}"
        self.folder = self._cluster.outside(f"{self._base}/work")
        self._layout = HomeLayout(home / ".run")
        self._layout.packages.mkdir(parents=True)
        self._runtime = install_runtime(self._layout.packages)
        self._schedulers: list[SlurmScheduler] = []
        self.folder.mkdir(parents=True, mode=0o700)
        for path in (self.folder.parent, self.folder):
            os.chown(path, self._cluster.user.uid, self._cluster.user.uid)

    def scheduler(self) -> SlurmScheduler:
        self._schedulers.append(SlurmScheduler(dict(os.environ)))
        return self._schedulers[-1]

    def submission(self, name: str, script: str, **fields: Any) -> Submission:
        tunnel = SSHTunnel(host=self._cluster.name, job_dir=self._base)
        executor = SlurmExecutor(
            tunnel=tunnel, env_vars=fields.pop("env_vars", {}), time="5", mem="100M"
        )
        job = Job(
            id=f"{name}@lab",
            slug=f"{name}@lab",
            task=name,
            file="nemorun.toml",
            executor="lab",
            script=Script(command=("bash", "-c", script)),
        )
        paths = self._layout.experiment(self._experiment).job(job.slug)
        paths.outputs.mkdir(parents=True, exist_ok=True)
        told = {
            "schema": "nemorun.job/1",
            "experiment": self._experiment,
            "id": job.id,
            "task": job.task,
            "executor": job.executor,
            "params": {},
            "exact": {},
            "file": job.file,
            "function": None,
            "argv": ["bash", "-c", script],
            "args": [],
            "root": "../../../../work",
            "sys_path": [],
            "timeout_s": None,
            "grace_s": 10.0,
            "upstream": {},
        }
        paths.job.write_text(json.dumps(told))
        return Submission(
            experiment_id=self._experiment,
            job=job,
            attempt=1,
            paths=paths,
            executor=executor,
            project=Project(root=str(self.folder), name="lab"),
            runtime=self._runtime,
            root=Path("../../../../work"),
            **fields,
        )

    def close(self) -> None:
        for scheduler in self._schedulers:
            scheduler.close()
        rows = self._cluster.run("squeue", "-h", "-o", "%A %Z").splitlines()
        ours = [row.split()[0] for row in rows if self._base in row]
        if ours:
            self._cluster.run("scancel", *ours, check=False)
        shutil.rmtree(self.folder.parent, ignore_errors=True)


class TestSlurm(SchedulerContract):
    @pytest.fixture
    def place(self, clusters: Clusters, home: Path) -> Iterator[SlurmPlace]:
        """On the cluster without accounting."""
        clusters.give_ssh(home)
        place = SlurmPlace(home, clusters.b)
        yield place
        place.close()

    def test_the_driver_is_woken_when_the_cluster_has_answered(self, place):
        scheduler, woken = place.scheduler(), threading.Event()
        scheduler.wake = woken.set
        submission = place.submission("a", "true")

        scheduler.submit(submission)
        scheduler.query([submission])

        assert woken.wait(PATIENCE_S)


class TestSlurmOfToday(SchedulerContract):
    @pytest.fixture
    def place(self, cluster_c: Cluster, home: Path) -> Iterator[SlurmPlace]:
        """On Slurm 24.11, whose site replaces every job's comment."""
        modern.give_ssh(cluster_c, home)
        place = SlurmPlace(home, cluster_c)
        yield place
        place.close()
