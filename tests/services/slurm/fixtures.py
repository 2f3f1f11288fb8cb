"""The Slurm clusters for tests: `clusters` to use with others, `clusters_to_break` to have alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.services.slurm.cluster import Cluster
    from tests.services.slurm.clusters import Clusters


@pytest.fixture(scope="session")
def running_clusters() -> Iterator[Clusters]:
    """Both clusters, the same ones for every worker of pytest-xdist."""
    if os.geteuid() != 0:
        pytest.skip("the Slurm clusters need root")
    from tests.services.slurm.install import install  # noqa: PLC0415
    from tests.services.slurm.sharing import borrowed  # noqa: PLC0415

    install()
    with borrowed() as clusters:
        yield clusters


@pytest.fixture
def clusters(running_clusters: Clusters) -> Iterator[Clusters]:
    """Both clusters, healthy; jobs of other tests may be on them."""
    from tests.services.slurm.sharing import in_use  # noqa: PLC0415

    with in_use(running_clusters.base, alone=False):
        yield running_clusters


@pytest.fixture(scope="session")
def running_cluster_c() -> Iterator[Cluster]:
    """cluster_c, the same one for every worker of pytest-xdist."""
    if os.geteuid() != 0:
        pytest.skip("the Slurm clusters need root")
    from tests.services.slurm import modern  # noqa: PLC0415
    from tests.services.slurm.install import install  # noqa: PLC0415
    from tests.services.users import shared  # noqa: PLC0415

    install()
    with shared(modern.default_base(), modern.start, lambda base, _: modern.stop(base)) as cluster:
        yield cluster


@pytest.fixture
def cluster_c(running_cluster_c: Cluster) -> Iterator[Cluster]:
    """The newer cluster with policies, healthy; jobs of other tests may be on it."""
    from tests.services.slurm.sharing import in_use  # noqa: PLC0415

    with in_use(running_cluster_c.site.base, alone=False):
        yield running_cluster_c


@pytest.fixture
def cluster_c_to_break(running_cluster_c: Cluster) -> Iterator[Cluster]:
    """The newer cluster, for this test alone; what it stopped is started again, its jobs are cancelled."""
    from tests.services.slurm.sharing import in_use  # noqa: PLC0415

    with in_use(running_cluster_c.site.base, alone=True):
        try:
            yield running_cluster_c
        finally:
            running_cluster_c.mend()


@pytest.fixture
def clusters_to_break(running_clusters: Clusters) -> Iterator[Clusters]:
    """Both clusters, for this test alone; what it stopped is started again, its jobs are cancelled."""
    from tests.services.slurm.sharing import in_use  # noqa: PLC0415

    with in_use(running_clusters.base, alone=True):
        try:
            yield running_clusters
        finally:
            for cluster in running_clusters.both:
                cluster.mend()
