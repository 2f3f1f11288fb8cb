"""Jobs of a Slurm executor, on paper and laid out on a cluster as `nemorun run` does it."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.executors.slurm import SlurmExecutor
from nemorun_discover.model.job import Job
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.record import Project
from nemorun_discover.model.task import Script
from nemorun_discover.packaging.runtime import build_runtime, runtime_name
from nemorun_discover.schedulers.protocol import Submission
from nemorun_discover.schedulers.slurm.environment import env_text, secrets_text
from nemorun_discover.schedulers.slurm.library import library_name, library_text
from nemorun_discover.schedulers.slurm.script import batch_script, jobs_text
from nemorun_discover.schedulers.slurm.shape import launch_document
from nemorun_discover.schedulers.slurm.units import Form, Unit, units_of

if TYPE_CHECKING:
    from nemorun_discover.schedulers.slurm.paths import ClusterPaths
    from tests.services.slurm.cluster import Cluster

EXPERIMENT = "20261122-0712-lab-x7k2"
CODE = "code"
MAX_ARRAY_SIZE = 1001
PATIENCE_S = 150  # other tests may be at work on this machine


def submission(
    name: str = "train",
    executor: SlurmExecutor | None = None,
    *,
    called: str = "slurm_a",
    command: tuple[str, ...] = ("true",),
    task: str | None = None,
    function: bool = False,
    attempt: int = 1,
    env: dict[str, str] | None = None,
    **fields: Any,
) -> Submission:
    """One attempt of a job: a script task, unless `function`."""
    taken = {key: fields.pop(key) for key in ("waits_for", "environment") if key in fields}
    slug = name.replace("[", "-").replace("]", "").replace(",", "-")
    job = Job(
        id=f"{name}@{called}",
        slug=f"{slug}@{called}",
        task=task or name.partition("[")[0],
        file="tasks.py" if function else "nemorun.toml",
        function="f" if function else None,
        script=None if function else Script(command=command, env=env or {}),
        executor=called,
        **fields,
    )
    return Submission(
        experiment_id=EXPERIMENT,
        job=job,
        attempt=attempt,
        paths=ExperimentLayout(Path("/client") / EXPERIMENT).job(job.slug),
        executor=executor or SlurmExecutor(),
        project=Project(root="/client/lab", name="lab"),
        runtime=Path("/client/packages") / runtime_name(),
        root=Path(CODE),
        **taken,
    )


def unit(*submissions: Submission) -> Unit:
    """The one unit that these make."""
    (only,) = units_of(submissions, max_array_size=MAX_ARRAY_SIZE)
    return only


@dataclass
class Place:
    """A folder of the user's home on a cluster, in which jobs run.

    Attributes:
        base: The tunnel's `job_dir`, as the cluster sees it.
    """

    cluster: Cluster
    base: str
    outside: Path
    paths: ClusterPaths
    native_ids: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def submit(self, of: Unit, *options: str, **keywords: Any) -> str:
        """Lay the unit out and submit it; its native id."""
        self.lay_out(of, **keywords)
        script = self.paths.script(of.name)
        clean = ["env", "-i", "PATH=/usr/bin:/bin", *self._variables()]
        native_id = self.cluster.run(*clean, "sbatch", "--parsable", *options, script)
        self.native_ids.append(native_id)
        return native_id

    def lay_out(self, of: Unit, **keywords: Any) -> None:
        paths = self.paths
        self.write(paths.package(runtime_name()), build_runtime())
        self.write(paths.package(library_name()), library_text())
        self.write(paths.script(of.name), batch_script(of, paths, **keywords).encode())
        self.write(paths.jobs(of.name), jobs_text(of).encode())
        for index, one in enumerate(of.submissions):
            self.write(f"{paths.job(one.job.slug)}/job.json", json.dumps(job_json(one)).encode())
            self.write(paths.env(one.job.slug), env_text(one, paths).encode())
            self.write(f"{paths.attempt(one.job.slug, one.attempt)}/.made", b"")
            if one.environment:
                secrets = secrets_text(one.environment).encode()
                self.write(paths.secrets(one.job.slug), secrets)
            if of.form is Form.ARRAY:
                slot = self.see(paths.slot(of.name, index))
                slot.parent.mkdir(exist_ok=True)
                slot.unlink(missing_ok=True)
                slot.symlink_to(f"../../jobs/{one.job.slug}/attempt-{one.attempt}")
            for name, text in self.files.items():
                self.write(f"{paths.job(one.job.slug)}/{CODE}/{name}", text.encode())
                if name.startswith("bin/"):
                    self.see(f"{paths.job(one.job.slug)}/{CODE}/{name}").chmod(0o755)
        self.own()

    def code(self, name: str, text: str) -> None:
        """A file of the project's code, in the checkouts of all jobs."""
        self.files[name] = textwrap.dedent(text)
        for folder in self.see(f"{self.paths.experiment}/jobs").glob("*/code"):
            (folder / name).write_text(self.files[name])

    def write(self, path: str, content: bytes) -> None:
        file = Path(os.path.normpath(self.see(path)))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def own(self) -> None:
        for folder, folders, files in os.walk(self.outside):
            for name in (".", *folders, *files):
                user = self.cluster.user
                os.chown(Path(folder, name), user.uid, user.uid, follow_symlinks=False)

    def see(self, path: str) -> Path:
        """Where a path of the cluster lies for us."""
        return self.outside / os.path.relpath(path, self.base)

    def ended(
        self, one: Submission, *, attempt: int | None = None, seconds: float = PATIENCE_S
    ) -> Any:
        """How the attempt ended, as soon as it has."""
        file = self.see(self.paths.ended(one.job.slug, attempt or one.attempt))
        return json.loads(self.soon(file, seconds))

    def begun(
        self, one: Submission, *, attempt: int | None = None, seconds: float = PATIENCE_S
    ) -> Any:
        file = self.see(self.paths.begun(one.job.slug, attempt or one.attempt))
        return json.loads(self.soon(file, seconds))

    def runs(
        self, one: Submission, *, attempt: int | None = None, seconds: float = PATIENCE_S
    ) -> Any:
        """What the worker left when it began."""
        folder = self.paths.attempt(one.job.slug, attempt or one.attempt)
        return json.loads(self.soon(self.see(f"{folder}/process.json"), seconds))

    def soon(self, file: Path, seconds: float) -> str:
        end = time.monotonic() + seconds
        while not file.exists():
            if time.monotonic() > end:
                tell = "\n".join(f"{one}:\n{one.read_text()}" for one in self.logs())
                queue = self.cluster.run("squeue", "-t", "all")
                raise AssertionError(f"{file} does not come\n{queue}\n{tell}")
            time.sleep(0.1)
        return file.read_text()

    def logs(self) -> list[Path]:
        found = [*self.outside.rglob("log"), *self.outside.rglob("*.log")]
        return [one for one in found if one.is_file() and not one.is_symlink()]

    def log(self, one: Submission, *, attempt: int | None = None) -> str:
        return self.see(self.paths.log(one.job.slug, attempt or one.attempt)).read_text()

    def says(self, one: Submission, text: str, *, attempt: int | None = None) -> str:
        """The log, as soon as the text is in it."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if text in (
                self.log(one, attempt=attempt)
                if self.see(self.paths.log(one.job.slug, attempt or one.attempt)).exists()
                else ""
            ):
                break
            time.sleep(0.1)
        found = self.log(one, attempt=attempt)
        assert text in found
        return found

    def state(self, native_id: str) -> str:
        """Slurm's own word, once the job is not running any more."""
        ended = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL")
        return self.cluster.until_state(native_id, *ended, seconds=PATIENCE_S)

    def clean(self) -> None:
        if self.native_ids:
            ids = [one.partition("_")[0] for one in self.native_ids]
            self.cluster.run("scancel", *ids, check=False)
        shutil.rmtree(self.outside, ignore_errors=True)

    def _variables(self) -> list[str]:
        home = f"HOME=/home/{self.cluster.user.name}"
        return [home, f"SLURM_CONF={self.cluster.slurm_conf}"]


def job_json(one: Submission) -> dict[str, Any]:
    """job.json, as `lifecycle/submission.py` makes it of a record."""
    job = one.job
    return {
        "schema": "nemorun.job/1",
        "experiment": one.experiment_id,
        "id": job.id,
        "task": job.task,
        "executor": job.executor,
        "params": job.params,
        "exact": {},
        "file": job.file,
        "function": job.function,
        "module": None,
        "is_main": False,
        "argv": list(job.script.command) if job.script else [],
        "args": list(job.args),
        "root": str(one.root),
        "sys_path": [str(one.root)],
        "timeout_s": job.timeout_s,
        "grace_s": 10.0,
        "upstream": {},
        **launch_document(one),
    }


def again(one: Submission) -> Submission:
    """The next attempt."""
    return replace(one, attempt=one.attempt + 1)
