"""Two real Slurm clusters: what the testbed promises to the tests that use it."""

from __future__ import annotations

import subprocess

import pytest

CLUSTERS = pytest.mark.parametrize("name", ["cluster_a", "cluster_b"])


def ssh(home, *words, check=True):
    command = ["ssh", "-F", str(home / ".ssh" / "config"), "-o", "BatchMode=yes", *words]
    return subprocess.run(command, capture_output=True, text=True, check=check)


@pytest.fixture
def ssh_home(clusters, tmp_path):
    clusters.give_ssh(tmp_path)
    return tmp_path


@CLUSTERS
def test_each_cluster_lets_its_user_in_at_its_own_login_node(ssh_home, name):
    answer = ssh(ssh_home, name, "hostname; whoami; squeue -h; python3 -c 'print(1)'").stdout

    assert answer.split() == [f"login-{name[-1]}", "nemorun-alice", "1"]
