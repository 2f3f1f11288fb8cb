"""A project on two real clusters: with others, or alone to break something."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.services.slurm import modern
from tests.slurm.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.services.slurm.cluster import Cluster
    from tests.services.slurm.clusters import Clusters


@pytest.fixture
def lab(clusters: Clusters, home: Path, tmp_path: Path) -> Iterator[Lab]:
    """On healthy clusters, with others."""
    lab = Lab(tmp_path / "pro ject's", clusters, home)
    yield lab
    lab.clean()


@pytest.fixture
def lone_lab(clusters_to_break: Clusters, home: Path, tmp_path: Path) -> Iterator[Lab]:
    """Alone on the clusters, which may be broken."""
    lab = Lab(tmp_path / "pro ject's", clusters_to_break, home)
    yield lab
    for cluster in clusters_to_break.both:
        cluster.faults.mend()
    lab.clean()
    lab.restore()


@pytest.fixture
def lab_c(cluster_c_to_break: Cluster, home: Path, tmp_path: Path) -> Iterator[Lab]:
    """Alone on the newer cluster, which has policies."""
    lab = Lab(tmp_path / "pro ject's", modern.Alone(cluster=cluster_c_to_break), home)
    yield lab
    cluster_c_to_break.faults.mend()
    lab.clean()
    lab.restore()


@pytest.fixture
def dice() -> random.Random:
    """Chance whose seed is printed, so that a failure can be repeated: TESTS_SEED."""
    seed = int(os.environ.get("TESTS_SEED") or random.SystemRandom().randrange(1 << 30))
    print(f"seed {seed}: TESTS_SEED={seed} repeats it")  # noqa: T201 - pytest shows it with a failure
    return random.Random(seed)
