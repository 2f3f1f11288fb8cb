"""A project whose tasks run on two real clusters over SSH, driven by the real command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cli.conftest import Answer, Cli
from tests.drivers import drivers_of
from tests.services.delay import DelayProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.services.slurm.cluster import Cluster
    from tests.services.slurm.clusters import Clusters

PATIENCE_S = 90.0
TASKS = """
    import os, signal, sys, time
    import nemorun

    @nemorun.task
    def train(lr: float = 0.1, name: str = ""):
        print(f"training with {lr}")
        return {"lr": lr, "host": os.uname().nodename}

    @nemorun.task
    def wait(n: int = 0):
        print(f"waiting {n}", flush=True)
        while not os.path.exists(os.path.join(os.environ["NEMORUN_OUTPUT_DIR"], "go")):
            time.sleep(0.05)

    @nemorun.task
    def look():
        return {
            "other": open("data/other.txt").read(),
            "random": os.path.getsize("data/random.txt"),
            "gone": os.path.exists("data/gone.txt"),
        }

    @nemorun.task
    def fail(code: int = 3):
        print("now it fails", flush=True)
        sys.exit(code)

    @nemorun.task
    def boom(n: int = 0):
        raise ValueError(f"no such thing as {n}")
"""


class Lab:
    """A project, its home, and what it has on both clusters.

    Attributes:
        root: The project, a git repository.
        base: The tunnels' job_dir on both clusters: a path with all that a path may have.
    """

    def __init__(self, root: Path, clusters: Clusters, home: Path) -> None:
        self.root = root
        self.clusters = clusters
        self.home = home
        self.mark = uuid.uuid4().hex[:8]
        user = clusters.a.user.name
        self.base = f"/home/{user}/ru n's {self.mark}"
        self.cli = Cli(root)
        self.profiles: dict[str, str] = {}
        self.started: list[subprocess.Popen[bytes]] = []
        self.kept: list[Any] = []
        self.changed: dict[str, str] = {}
        clusters.give_ssh(home)
        root.mkdir()
        self.write("tasks.py", TASKS)
        for cluster in clusters.both:
            self.profile(f"slurm_{cluster.site.letter}", cluster)
        self.git("init", "-q")

    def profile(self, name: str, cluster: Cluster, lines: str = "", **tunnel: Any) -> None:
        """A profile of a cluster; `lines` are more keys of it, `tunnel` more or other ones of its tunnel."""
        settings = {"kind": "ssh", "host": cluster.name, "job_dir": self.base, **tunnel}
        table = ", ".join(
            f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
            for key, value in settings.items()
        )
        text = f'[profiles.{name}]\nkind = "slurm"\ntime = "00:05:00"\nmem = "200M"\ntunnel = {{ {table} }}\n'
        self.profiles[name] = text + textwrap.dedent(lines)
        self.configure()

    def configure(self, more: str = "") -> None:
        """Write nemorun.toml again."""
        head = '[project]\nname = "lab"\npaths = ["tasks.py"]\n'
        self.write(
            "nemorun.toml", "\n".join([head, *self.profiles.values(), textwrap.dedent(more)])
        )

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def git(self, *words: str) -> None:
        command = ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.org", *words]
        subprocess.run(command, cwd=self.root, check=True, capture_output=True)

    def __call__(self, *args: str, timeout: float = 150, **env: str) -> Answer:
        """Run nemorun."""
        process = self.cli.start(*args, env=env)
        out, err = process.communicate(timeout=timeout)
        return Answer(
            code=process.returncode, out=out.decode(errors="surrogateescape"), err=err.decode()
        )

    def start(self, *args: str, **env: str) -> subprocess.Popen[bytes]:
        """nemorun as a process; it is gone at the end of the test."""
        process = self.cli.start(*args, env=env)
        self.started.append(process)
        return process

    def launch(self, *args: str, **env: str) -> str:
        """`nemorun run -d`; the experiment's id."""
        answer = self("run", "-d", *args, **env)
        assert answer.code == 0, answer.out + answer.err
        return answer.out.split()[-1]

    def jobs(self, experiment: str = "@last") -> dict[str, Any]:
        """By id, where its jobs stand, asked of the clusters just now."""
        answer = self("status", experiment, "--json")
        return {job["id"]: job for job in answer.json["jobs"]}

    def contacts(self, experiment: str = "@last") -> dict[str, Any]:
        """By executor, how its cluster is heard."""
        contacts: dict[str, Any] = self("status", experiment, "--json").json["contacts"]
        return contacts

    def show(self, experiment: str = "@last") -> dict[str, Any]:
        """By id, the jobs with all their attempts."""
        return {job["id"]: job for job in self("show", experiment, "--json").json["jobs"]}

    def until_over(self, experiment: str = "@last", seconds: float = PATIENCE_S) -> dict[str, Any]:
        """Its jobs, when all have ended."""
        answer = self(
            "wait", experiment, "--timeout", f"{seconds:g}", "--json", timeout=seconds + 30
        )
        assert answer.code in (0, 1), answer.out + answer.err
        return {job["id"]: job for job in answer.json["jobs"]}

    def until_over_or_refused(self, experiment: str) -> dict[str, Any]:
        """Its jobs, when each has ended, or was refused."""
        ends = ("SUCCEEDED", "FAILED", "CANCELLED", "SKIPPED")
        return self.until(
            experiment,
            lambda jobs: all(
                job["state"] in ends or job["reason"] == "REFUSED" for job in jobs.values()
            ),
        )

    def program(self, cluster: Cluster, name: str, script: str) -> str:
        """A folder for the front of a PATH on a cluster, with a program in it."""
        place = f"/home/{cluster.user.name}/bin-{self.mark}"
        folder = cluster.outside(place)
        folder.mkdir()
        folder.chmod(0o777)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return place

    def keep(self, what: Any) -> None:
        """Close this at the end of the test."""
        self.kept.append(what)

    def until(
        self,
        experiment: str,
        is_so: Callable[[dict[str, Any]], object],
        seconds: float = PATIENCE_S,
    ) -> dict[str, Any]:
        """Its jobs, as soon as something is so."""
        deadline = time.monotonic() + seconds
        while not is_so(jobs := self.jobs(experiment)):
            assert time.monotonic() < deadline, jobs
        return jobs

    def until_state(
        self, experiment: str, state: str, seconds: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Its jobs, when all of them are in this state."""
        return self.until(
            experiment, lambda jobs: {job["state"] for job in jobs.values()} == {state}, seconds
        )

    def until_running(self, experiment: str) -> dict[str, Any]:
        """Its jobs, when each of them runs, and its task too: Slurm's RUNNING comes before the job's step."""
        jobs = self.until_state(experiment, "RUNNING")
        for job in jobs.values():
            self.wait_for(lambda job=job: self._has_begun(job, experiment))
        return jobs

    def _has_begun(self, job: dict[str, Any], experiment: str) -> bool:
        log = Path(job["log"])
        left = Path("jobs", log.parents[1].name, log.parent.name, "process.json")
        return any((self.folder(one, experiment) / left).exists() for one in self.clusters.both)

    def folder(self, cluster: Cluster, experiment: str) -> Path:
        """The experiment's folder on a cluster, as it lies for us."""
        return cluster.outside(f"{self.base}/experiments/{experiment}")

    def go(self, cluster: Cluster, job: dict[str, Any], experiment: str) -> None:
        """Let a job of `wait` end."""
        slug = Path(job["outputs"]).parent.name
        (self.folder(cluster, experiment) / "jobs" / slug / "outputs" / "go").touch()

    def queue(self, cluster: Cluster, experiment: str = "") -> list[list[str]]:
        """Id, state, name and comment of our jobs that Slurm knows, ended ones too."""
        # By the folder they work in: a site may replace comments.
        rows = cluster.run("squeue", "-h", "-r", "-t", "all", "-o", "%i|%T|%j|%k|%Z").splitlines()
        return [
            row.split("|")[:4]
            for row in rows
            if experiment in row and any(f"/{one}" in row for one in self.experiments())
        ]

    def experiments(self) -> list[str]:
        folder = self.home / ".run" / "experiments"
        if not folder.is_dir():
            return []
        return sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))

    def driver(self, experiment: str) -> int:
        """The process that drives an experiment; 0 when none does."""
        return next(iter(drivers_of(experiment)), 0)

    def kill_driver(self, experiment: str) -> None:
        pid = self.driver(experiment)
        if pid:
            os.kill(pid, signal.SIGKILL)
        while self.driver(experiment):
            time.sleep(0.02)

    def wait_for(self, is_so: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
        """What it returns, as soon as that is true."""
        deadline = time.monotonic() + seconds
        while not (found := is_so()):
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.05)
        return found

    @contextmanager
    def through(
        self, cluster: Cluster, profile: str, lines: str = "", **how: Any
    ) -> Iterator[DelayProxy]:
        """A proxy that a profile's connections go through."""
        with DelayProxy(cluster.port, **how) as proxy:
            self.know(cluster, proxy.port)
            self.profile(profile, cluster, lines, port=proxy.port)
            yield proxy

    def know(self, cluster: Cluster, port: int) -> None:
        """A cluster's host key is known at another port too."""
        kind, key, *_ = (cluster.site.folder / "ssh" / "hostkey.pub").read_text().split()
        with (self.home / ".ssh" / "known_hosts").open("a") as file:
            file.write(f"[127.0.0.1]:{port} {kind} {key}\n")

    def files(self, folder: Path) -> list[Path]:
        return [one for one in folder.rglob("*") if one.is_file() and not one.is_symlink()]

    def comments(self, experiment: str, cluster: Cluster) -> list[str]:
        """By batch job, the submit key that it has: one for every sbatch that was taken."""
        rows = cluster.run("squeue", "-h", "-t", "all", "-o", "%F|%k").splitlines()
        return sorted({row for row in rows if f"nemorun={experiment}/" in row})

    def python(self, text: str) -> str:
        """Run a script in the project; what it printed."""
        self.write("script.py", text)
        done = subprocess.run(
            [sys.executable, "-P", "script.py"],
            cwd=self.root,
            env=self.cli.environment(),
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def reconfigure(self, cluster: Cluster, **settings: str) -> None:
        """Change settings of a cluster's slurm.conf until the end of the test."""
        file = cluster.site.slurm_conf
        self.changed.setdefault(cluster.name, file.read_text())
        lines = [
            line for line in file.read_text().splitlines() if line.partition("=")[0] not in settings
        ]
        cluster.faults.stop_slurmctld()
        file.write_text(
            "\n".join([*lines, *(f"{key}={value}" for key, value in settings.items()), ""])
        )
        cluster.faults.start_slurmctld()
        cluster.until_idle()

    def restore(self) -> None:
        """Take back what `reconfigure` changed."""
        for cluster in self.clusters.both:
            if cluster.name in self.changed:
                cluster.faults.stop_slurmctld()
                cluster.site.slurm_conf.write_text(self.changed.pop(cluster.name))
                cluster.faults.start_slurmctld()

    def clean(self) -> None:
        """End all that this lab has started."""
        for one in self.kept:
            one.close()
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()
        for experiment in self.experiments():
            self.kill_driver(experiment)
        for cluster in self.clusters.both:
            ours = [
                row[0].partition("_")[0]
                for row in self.queue(cluster)
                if row[1] in ("PENDING", "RUNNING")
            ]
            if ours:
                cluster.run("scancel", *set(ours), check=False)
            for place in (self.base, f"/home/{cluster.user.name}/bin-{self.mark}"):
                shutil.rmtree(cluster.outside(place), ignore_errors=True)
