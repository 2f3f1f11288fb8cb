"""Ask a cluster whether it could run a profile's jobs: one login, and two questions at most."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.model.check import Check, Verdict
from nemorun_discover.model.job import Job
from nemorun_discover.model.layout import ExperimentLayout
from nemorun_discover.model.record import Project
from nemorun_discover.model.task import Script
from nemorun_discover.packaging.runtime import runtime_name
from nemorun_discover.schedulers.checking import failed
from nemorun_discover.schedulers.protocol import Submission
from nemorun_discover.schedulers.slurm.findings import (
    clock_finding,
    folder_findings,
    node_findings,
    parse_told,
    slurm_findings,
)
from nemorun_discover.schedulers.slurm.looking import script_text
from nemorun_discover.schedulers.slurm.paths import ClusterPaths
from nemorun_discover.schedulers.slurm.script import batch_script
from nemorun_discover.schedulers.slurm.units import units_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.executors.slurm import SlurmExecutor
    from nemorun_discover.transport.tunnel import Tunnel

_PATIENCE_S = 60.0
_EXPERIMENT = "doctor"
_STOPS_A_JOB = {"no-sbatch", "no-controller", "no-partition", "no-job_dir", "refused"}


def check_cluster(
    tunnel: Tunnel, base: str, name: str, executor: SlurmExecutor, *, may_run: bool
) -> Iterator[Check]:
    """What there is to say of a cluster; a login that fails is all there is to say.

    Args:
        tunnel: To the cluster; not connected yet.
        base: The tunnel's job_dir as it was given.
        name: What the profile is called.
        executor: The profile's settings.
        may_run: A very small job may be run on a node.
    """
    began = time.monotonic()
    try:
        tunnel.connect()
    except ExecutorRefused as error:
        yield failed("login", error)
        return
    took = time.monotonic() - began
    yield Check(name="login", verdict=Verdict.OK, message=f"{tunnel.name}, in {took:.1f} s")
    try:
        yield from _ask(tunnel, base, name, executor, may_run=may_run)
    except ExecutorRefused as error:
        yield failed("cluster", error)
    finally:
        tunnel.close()


def _ask(
    tunnel: Tunnel, base: str, name: str, executor: SlurmExecutor, *, may_run: bool
) -> Iterator[Check]:
    script = script_text(
        "examine.sh",
        base=base,
        partitions=" ".join((executor.partition or "").split(",")),
        account=executor.account or "",
        wants_container="yes" if executor.container_image else "no",
        batch=_script(base, name, executor),
        linked=executor.packager.symlink_from_remote_dir or "",
    )
    now = time.time()
    told = parse_told(tunnel.run(script, timeout_s=_PATIENCE_S).output.decode(errors="replace"))
    yield from clock_finding(told, now)
    yield from slurm_findings(executor, told)
    yield from folder_findings(told)
    if may_run and not _STOPS_A_JOB & told.keys():
        probe = script_text(
            "probe.sh",
            base=base,
            python=executor.python or "python3",
            options="\n".join(_options(executor)),
        )
        answer = tunnel.run(probe, timeout_s=_PATIENCE_S)
        yield from node_findings(executor, parse_told(answer.output.decode(errors="replace")))


def _script(base: str, name: str, executor: SlurmExecutor) -> str:
    """The batch script of a job of this profile, as `nemorun run` writes it: what sbatch is asked about."""
    job = Job(
        id=f"doctor@{name}",
        slug=f"doctor@{name}",
        task="doctor",
        file="nemorun.toml",
        executor=name,
        script=Script(command=("true",)),
    )
    submission = Submission(
        experiment_id=_EXPERIMENT,
        job=job,
        attempt=1,
        paths=ExperimentLayout(Path(_EXPERIMENT)).job(job.slug),
        executor=executor,
        project=Project(root="/", name="doctor"),
        runtime=Path(runtime_name()),
        root=Path(),
    )
    (unit,) = units_of([submission], max_array_size=0)
    return batch_script(unit, ClusterPaths(base=base, experiment_id=_EXPERIMENT))


def _options(executor: SlurmExecutor) -> Iterator[str]:
    """Of srun, so that the job comes to the nodes that the profile's jobs come to."""
    named = {
        "partition": executor.partition,
        "account": executor.account,
        "qos": executor.qos,
        "constraint": executor.constraint,
    }
    for name, value in named.items():
        if value is not None:
            yield f"--{name}={value}"
