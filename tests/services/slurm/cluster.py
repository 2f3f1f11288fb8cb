"""One running cluster: running commands on it, asking it, and breaking it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.services.slurm.faults import Faults
from tests.services.slurm.machine import until

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.services.slurm.layout import Site, User


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """A cluster, addressed through its login node."""

    site: Site

    @property
    def name(self) -> str:
        """The name for Slurm; `Clusters.give_ssh` makes it a host's name."""
        return self.site.name

    @property
    def host(self) -> str:
        """Where its sshd listens."""
        return "127.0.0.1"

    @property
    def port(self) -> int:
        """Of its sshd."""
        return self.site.ports.ssh

    @property
    def user(self) -> User:
        """Who tests it."""
        return self.site.users[0]

    @property
    def key(self) -> Path:
        """The private key that lets the user in."""
        return self.key_of(self.user)

    def key_of(self, user: User) -> Path:
        """The private key of any of its users."""
        return self.site.base / "keys" / user.name

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the compute nodes."""
        return self.site.nodes

    @property
    def slurm_conf(self) -> Path:
        """For SLURM_CONF of commands that run outside."""
        return self.site.slurm_conf

    def image(self, name: str) -> Path:
        """A root filesystem for --container-image: `python`, or `busybox`, which has neither Python nor bash."""
        return self.site.folder / "images" / name

    @property
    def torch_python(self) -> Path:
        """A python3 that imports torch, for jobs; torchrun lies beside it."""
        return self.site.torch_bin / "python3"

    def overrun(self, job_id: str) -> None:
        """Bring a running job to its time limit now; Slurm, which looks every 30 s, then ends it.

        A limit is a whole minute at least, and some 80 s pass until a job has overrun that.
        """
        self.run_as_root("scontrol", "update", f"JobId={job_id}", "EndTime=now+2seconds")

    def outside(self, path: str, user: User | None = None) -> Path:
        """Where a path of the login node lies for us: below /home, or relative to the user's home."""
        home = f"/home/{(user or self.user).name}"
        absolute = path if path.startswith("/") else f"{home}/{path}"
        return self.site.folder / absolute.lstrip("/")

    def run(
        self, *command: str, user: User | None = None, check: bool = True, stdin: str | None = None
    ) -> str:
        """Run a command as a user on the login node, as a login does; what it printed on stdout."""
        return self.try_run(*command, user=user, check=check, stdin=stdin).stdout.strip()

    def try_run(
        self, *command: str, user: User | None = None, check: bool = False, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Like `run`, but the exit code and stderr are of interest."""
        return self.site.login.run(
            command, user=user or self.user, check=check, stdin=stdin, environment=self._variables()
        )

    def run_as_root(self, *command: str, check: bool = True) -> str:
        """Run a command as the cluster's administrator."""
        return self.site.login.run(
            command, check=check, environment=self._variables()
        ).stdout.strip()

    def _variables(self) -> dict[str, str]:
        return {} if self.site.finds_slurm_conf else {"SLURM_CONF": str(self.slurm_conf)}

    def sbatch(self, script: str, *options: str, user: User | None = None) -> str:
        """Submit a shell script; its job id."""
        return self.run(
            "sbatch", "--parsable", *options, user=user, stdin=f"#!/bin/bash\n{script}\n"
        )

    def state_of(self, job_id: str) -> str:
        """What squeue says of a job; empty when Slurm does not know it (any more)."""
        return self.run("squeue", "-h", "-t", "all", "-j", job_id, "-o", "%T", check=False)

    def until_state(self, job_id: str, *states: str, seconds: float = 30) -> str:
        """Wait until a job is in one of the states; in which."""
        until(lambda: self.state_of(job_id) in states, seconds, f"job {job_id} is not {states}")
        return self.state_of(job_id)

    def node_states(self) -> dict[str, str]:
        """Every node's state, in sinfo's words (idle, mixed, down*, ...)."""
        lines = self.run_as_root("sinfo", "-h", "-N", "-o", "%N %t", "-p", "batch").splitlines()
        return dict(line.split() for line in lines)

    def cancel_all(self) -> None:
        """End every job on the cluster; it has none when this returns."""
        jobs = self.run_as_root("squeue", "-h", "-o", "%A").split()
        if jobs:
            self.run_as_root("scancel", *jobs)
        # A job that ended while slurmctld was down is COMPLETING until slurmd says so again.
        until(lambda: not self.run_as_root("squeue", "-h"), 120, f"{self.name}: jobs do not end")

    @property
    def faults(self) -> Faults:
        """Ways to break it."""
        return Faults(site=self.site)

    def mend(self) -> None:
        """Everything runs as at the start, without a job."""
        self.faults.mend()
        self.cancel_all()
        self.until_idle()

    def until_idle(self, seconds: float = 30) -> None:
        """Wait until every node is idle."""
        until(
            lambda: set(self.node_states().values()) == {"idle"},
            seconds,
            f"{self.name}: the nodes are not idle",
            log=self.site.folder / "log" / "slurmctld.log",
        )
