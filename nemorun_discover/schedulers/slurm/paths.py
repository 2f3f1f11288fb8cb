"""Where everything lies on the cluster: the one place that knows a path there. Pure, text only.

    <base>/packages/runtime-<hash>.zip, batch-<hash>.sh     shared by all experiments
    <base>/packages/code/<digest>/                          a package, its files read-only
    <base>/experiments/<id>/jobs/<slug>/                    job.json, script, env.sh, outputs/, attempt-N/
    <base>/experiments/<id>/jobs/<slug>/code/               the job's checkout, or a link to code that was there already
    <base>/experiments/<id>/slurm/<unit>.sh, <unit>.jobs    what one sbatch submits
    <base>/experiments/<id>/slurm/slots/<unit>-<index>      leads to the attempt of an array's task
    <base>/experiments/<id>/slurm/{begun,ending,ended}/     evidence, by <slug>.<attempt>
    <base>/experiments/<id>/slurm/secrets/<slug>.sh     0600

Slugs and names of units are safe on every file system.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterPaths:
    """The paths of one experiment on one cluster.

    Attributes:
        base: The tunnel's `job_dir`, absolute.
        experiment_id: The experiment.
    """

    base: str
    experiment_id: str

    @property
    def experiment(self) -> str:
        """The experiment's folder."""
        return f"{self.base}/experiments/{self.experiment_id}"

    @property
    def slurm(self) -> str:
        """What belongs to batch jobs."""
        return f"{self.experiment}/slurm"

    def package(self, name: str) -> str:
        """A file that all experiments share: the runtime, the batch library."""
        return f"{self.base}/packages/{name}"

    def job(self, slug: str) -> str:
        """A job's folder."""
        return f"{self.experiment}/jobs/{slug}"

    def env(self, slug: str) -> str:
        """The job's variables."""
        return f"{self.job(slug)}/env.sh"

    def attempt(self, slug: str, number: int) -> str:
        """The folder of an attempt."""
        return f"{self.job(slug)}/attempt-{number}"

    def log(self, slug: str, number: int) -> str:
        """What the attempt wrote."""
        return f"{self.attempt(slug, number)}/log"

    def script(self, unit: str) -> str:
        """The batch script of a unit."""
        return f"{self.slurm}/{unit}.sh"

    def jobs(self, unit: str) -> str:
        """The slugs of a unit's jobs, one a line."""
        return f"{self.slurm}/{unit}.jobs"

    def unit_log(self, unit: str) -> str:
        """What the batch script of a group writes, whose members have logs of their own."""
        return f"{self.slurm}/{unit}.log"

    def slot(self, unit: str, index: int | str) -> str:
        """A link to the attempt's folder of an array's task."""
        return f"{self.slurm}/slots/{unit}-{index}"

    def begun(self, slug: str, attempt: int) -> str:
        """Written when the attempt starts."""
        return f"{self.slurm}/begun/{slug}.{attempt}"

    def ended(self, slug: str, attempt: int) -> str:
        """How the attempt ended."""
        return f"{self.slurm}/ended/{slug}.{attempt}"

    def secrets(self, slug: str) -> str:
        """Values of a job's secrets, as shell code."""
        return f"{self.slurm}/secrets/{slug}.sh"
