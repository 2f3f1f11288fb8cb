"""What one experiment has to do with one cluster: data, and the two steps that only its jobs know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from nemorun_discover.schedulers.slurm.mirror import Mirrored
    from nemorun_discover.schedulers.slurm.order import ClusterFacts, Prepared
    from nemorun_discover.schedulers.slurm.tracker import Tracked
    from nemorun_discover.schedulers.slurm.units import Unit


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """Jobs made ready for a cluster.

    Attributes:
        prepared: Scripts and files.
        jobs: By unit, its jobs: an array's tasks from index 0 on, or a group's members.
        units: The units by name.
    """

    prepared: Prepared
    jobs: Mapping[str, Sequence[Tracked]]
    units: Mapping[str, Unit]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """Where a link works.

    Attributes:
        experiment_id: Whose jobs these are.
        experiments: `HomeLayout.experiments`.
        packages: `HomeLayout.packages`.
        base: The tunnel's job_dir as it was given.
        runtime: Name of the runtime.
        batch: Name and text of the batch library.
        prepare: Makes scripts and files of jobs, for this cluster; it is given the native ids of all jobs that
            have one, by job.
        arrive: Writes down that a unit's jobs have ids: the unit, its jobs, and what sbatch said.
        follow: Writes down the attempt and the native id that a job has now, when the cluster has changed them.
        keep: Keeps what the cluster told of itself.
        log_of: The log of a job's attempt, and its place here.
    """

    experiment_id: str
    experiments: Path
    packages: Path
    base: str
    runtime: str
    batch: tuple[str, str]
    prepare: Callable[[Sequence[Tracked], ClusterFacts, Mapping[str, str]], Bundle]
    arrive: Callable[[Unit, Sequence[Tracked], str], None]
    follow: Callable[[Tracked], None]
    keep: Callable[[ClusterFacts], None]
    log_of: Callable[[Tracked], Mirrored]
