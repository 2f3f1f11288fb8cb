"""What a cluster would be sent, as `--dry-run` shows it: the batch scripts. Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.schedulers.slurm.bundling import USUAL_MAX_ARRAY, script_of
from nemorun_discover.schedulers.slurm.clusters import (
    base_of,
    by_cluster,
    home_of,
    name_of,
    tunnel_of,
)
from nemorun_discover.schedulers.slurm.memory import recall
from nemorun_discover.schedulers.slurm.paths import ClusterPaths
from nemorun_discover.schedulers.slurm.units import units_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.units import Unit


def requests_of(submissions: Sequence[Submission]) -> Mapping[str, Mapping[str, object]]:
    """By job, its batch script; jobs of one array, and members of one group, have one together."""
    requests: dict[str, Mapping[str, object]] = {}
    for alike in by_cluster(submissions):
        first = alike[0]
        known = recall(home_of(first) / "clusters" / name_of(tunnel_of(first)))
        base = known.base if known else base_of(tunnel_of(first), home_of(first))
        paths = ClusterPaths(base=base, experiment_id=first.experiment_id)
        max_array = known.max_array if known else None
        for unit in units_of(
            alike, max_array_size=USUAL_MAX_ARRAY if max_array is None else max_array
        ):
            script = script_of(unit, paths)
            for index, one in enumerate(unit.submissions):
                requests[one.job.id] = _request(unit, index, script)
    return requests


def _request(unit: Unit, index: int, script: str) -> Mapping[str, object]:
    is_alone = len(unit.submissions) == 1
    place = {} if is_alone else {"unit": unit.name, "index": index, "of": len(unit.submissions)}
    tunnel = tunnel_of(unit.first)
    return {"host": getattr(tunnel, "host", "this machine"), **place, "script": script}
