"""A folder on a real cluster in which batch jobs run."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from nemorun_discover.schedulers.slurm.paths import ClusterPaths
from tests.schedulers.slurm.place import EXPERIMENT, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.services.slurm.clusters import Clusters


def place_on(cluster: object) -> Place:
    name = f"ru n's {uuid.uuid4().hex[:8]}"  # a path with all that a path may have
    base = f"/home/{cluster.user.name}/{name}"
    outside = cluster.outside(base)
    outside.mkdir(mode=0o700)
    paths = ClusterPaths(base=base, experiment_id=EXPERIMENT)
    return Place(cluster=cluster, base=base, outside=outside, paths=paths)


@pytest.fixture
def place(clusters: Clusters) -> Iterator[Place]:
    """On the cluster of three nodes."""
    place = place_on(clusters.b)
    yield place
    place.clean()


@pytest.fixture
def place_to_break(clusters_to_break: Clusters) -> Iterator[Place]:
    """The same, alone: its nodes may be switched off."""
    place = place_on(clusters_to_break.b)
    yield place
    place.clean()
