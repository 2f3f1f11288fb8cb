"""From jobs to what is sent for them: batch scripts in the order they are submitted in, and the jobs' files."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING

from nemorun_discover.documents import JobOrders, read_object
from nemorun_discover.errors import StoreError
from nemorun_discover.model.job import Condition
from nemorun_discover.model.record import GroupPolicy
from nemorun_discover.schedulers.environment import sys_path_of
from nemorun_discover.schedulers.slurm.environment import env_text, secrets_text
from nemorun_discover.schedulers.slurm.order import Prepared, Sheet
from nemorun_discover.schedulers.slurm.payload import Member, text_members
from nemorun_discover.schedulers.slurm.plot import Bundle
from nemorun_discover.schedulers.slurm.script import batch_script, jobs_text
from nemorun_discover.schedulers.slurm.shape import launch_document
from nemorun_discover.schedulers.slurm.units import Form, Unit, native_id, units_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.paths import ClusterPaths
    from nemorun_discover.schedulers.slurm.tracker import Tracked

# Of Slurm where a cluster does not say: an array has at most so many tasks (slurm.conf(5), MaxArraySize).
USUAL_MAX_ARRAY = 1001
_DEPENDENCY = {
    Condition.OK: "afterok",
    Condition.ANY: "afterany",
    Condition.NOTOK: "afternotok",
}


def bundle_of(
    jobs: Sequence[Tracked],
    paths: ClusterPaths,
    *,
    max_array: int | None,
    known: Mapping[str, str],
    planned: Mapping[str, str] = MappingProxyType({}),
) -> Bundle:
    """Jobs of one experiment, ready to be sent to one cluster.

    Args:
        jobs: In the order of the record: whatever one waits for comes before it.
        paths: Where they will lie.
        max_array: The cluster's MaxArraySize; None for the usual one.
        known: Native ids of the jobs that are there already, by job.
        planned: By attempt, the unit that it was planned in before.

    Raises:
        ConfigError: Settings that no batch script can hold.
        StoreError: A job's folder on this machine has lost its job.json.
    """
    by_id = {job.submission.job.id: job for job in jobs}
    units = units_of(
        [job.submission for job in jobs],
        max_array_size=USUAL_MAX_ARRAY if max_array is None else max_array,
        planned=planned,
    )
    ids = dict(known) | _places(units)
    for unit in units:
        for one in unit.submissions:
            by_id[one.job.id].key = unit.key
    return Bundle(
        prepared=Prepared(
            sheets=tuple(
                Sheet(
                    unit=one.name,
                    key=one.key,
                    depends=dependency_of(one, ids),
                    is_unwanted=all(by_id[sub.job.id].is_unwanted for sub in one.submissions),
                )
                for one in units
            ),
            members=tuple(_members(units, paths)),
        ),
        jobs={one.name: [by_id[sub.job.id] for sub in one.submissions] for one in units},
        units={one.name: one for one in units},
    )


def _places(units: Sequence[Unit]) -> dict[str, str]:
    """By job, its native id, where `{3}` stands for what sbatch will say of the fourth script."""
    return {
        one.job.id: native_id(unit, f"{{{number}}}", index)
        for number, unit in enumerate(units)
        for index, one in enumerate(unit.submissions)
    }


def dependency_of(unit: Unit, ids: Mapping[str, str]) -> str:
    """Sbatch's `--dependency` for what the unit waits for; empty for nothing.

    A job that is not there any more has ended, as it had to: the driver looked before it let this one go.
    """
    by_type: dict[str, list[str]] = {}
    for one in unit.submissions:
        for upstream, condition in one.waits_for.items():
            if upstream in ids:
                # Slurm waits for a whole heterogeneous job, by the id of its first component.
                by_type.setdefault(_DEPENDENCY[condition], []).append(
                    ids[upstream].partition("+")[0]
                )
    return ",".join(":".join([kind, *dict.fromkeys(on)]) for kind, on in by_type.items())


def script_of(unit: Unit, paths: ClusterPaths) -> str:
    """The batch script of a unit, with the policy of its group."""
    return batch_script(unit, paths, policy=unit.first.policy or GroupPolicy.ALL)


def _members(units: Sequence[Unit], paths: ClusterPaths) -> Iterator[Member]:
    for unit in units:
        texts = {f"experiment/slurm/{unit.name}.sh": script_of(unit, paths)}
        if len(unit.submissions) > 1:
            texts[f"experiment/slurm/{unit.name}.jobs"] = jobs_text(unit)
        yield from text_members(texts)
        for index, one in enumerate(unit.submissions):
            yield from _job_members(one, paths)
            if unit.form is Form.ARRAY:
                yield Member(
                    name=f"experiment/slurm/slots/{unit.name}-{index}",
                    target=f"../../jobs/{one.job.slug}/attempt-{one.attempt}",
                )
            if one.environment:
                name = f"experiment/slurm/secrets/{one.job.slug}.sh"
                yield from text_members({name: secrets_text(one.environment)})


def _job_members(submission: Submission, paths: ClusterPaths) -> Iterator[Member]:
    folder = f"experiment/jobs/{submission.job.slug}"
    job = read_object(submission.paths.job, JobOrders)
    if job is None:
        raise StoreError(f"{submission.paths.job}: is not there any more")
    yield Member(name=f"{folder}/outputs", is_folder=True, mode=0o700)
    yield Member(name=f"{folder}/attempt-{submission.attempt}", is_folder=True, mode=0o700)
    if submission.linked:
        yield Member(name=f"{folder}/code", target=submission.linked)
    # The job's directory as this nemorun has it: an experiment may have been begun by an earlier one.
    place = {
        "root": str(submission.root),
        "sys_path": sys_path_of(submission),
        "relocated": dict(submission.relocated),
    }
    document = json.dumps(job | place | launch_document(submission), indent=2)
    yield from text_members(
        {f"{folder}/job.json": document, f"{folder}/env.sh": env_text(submission, paths)}
    )
    script = submission.job.script
    if script is not None and script.inline is not None:
        yield from text_members({f"{folder}/script": script.inline}, mode=0o700)
