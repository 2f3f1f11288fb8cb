"""Executors to JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.base import Executor
from nemorun_discover.executors.codec import executor_from_dict, executor_to_dict
from nemorun_discover.executors.docker import DockerExecutor
from nemorun_discover.executors.launchers import FaultTolerance, Torchrun
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.executors.packagers import (
    GitArchivePackager,
    HybridPackager,
    Packager,
    PatternPackager,
)
from nemorun_discover.executors.skypilot import SkypilotExecutor, SkypilotJobsExecutor
from nemorun_discover.executors.slurm import SlurmExecutor, SlurmJobDetails
from nemorun_discover.executors.torchx import TorchxExecutor
from nemorun_discover.executors.tunnels import SSHTunnel

HYBRID = HybridPackager(
    sub_packagers={
        "code": GitArchivePackager(subpath="src"),
        "data": PatternPackager(include_pattern=["a/**", "b"]),
    }
)
EXECUTORS = {
    "local": LocalExecutor(),
    "local-all": LocalExecutor(
        max_parallel=3, gpus=["0", "GPU-1"], env_vars={"A b": "é\n'\"$HOME;"}, timeout="30m"
    ),
    "docker": DockerExecutor(container_image="i", healthcheck={"test": ["CMD", "x"], "retries": 3}),
    "slurm": SlurmExecutor(
        tunnel=SSHTunnel(host="h", port=2222),
        packager=HYBRID,
        launcher=FaultTolerance(max_restarts=2),
        job_details=SlurmJobDetails(folder="/logs"),
        additional_parameters={"mail-type": "END", "nested": {"a": [1, None]}},
        exclusive=True,
    ),
    "skypilot": SkypilotExecutor(cloud=["aws", "gcp"], nodes=2, cpus="4+", launcher=Torchrun()),
    "skypilot-jobs": SkypilotJobsExecutor(launcher="torchrun"),
    "torchx": TorchxExecutor(scheduler="slurm", cfg={"time": "1:00"}, resource={"cpu": 1}),
}


@pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS)
def test_an_executor_survives_the_way_through_json(executor):
    table = json.loads(json.dumps(executor_to_dict(executor)))

    assert executor_from_dict(table) == executor


def test_nested_settings_are_tables_with_their_kind():
    table = executor_to_dict(EXECUTORS["slurm"])

    kinds = [table["kind"], table["tunnel"]["kind"], table["launcher"]["kind"]]
    kinds += [part["kind"] for part in table["packager"]["sub_packagers"].values()]
    assert kinds == ["slurm", "ssh", "ft", "git", "pattern"]


def test_a_path_is_written_as_text():
    executor = LocalExecutor(python=Path("/usr/bin/python3"))  # type: ignore[arg-type]

    assert executor_to_dict(executor)["python"] == "/usr/bin/python3"


def test_a_value_that_json_cannot_hold_is_named():
    executor = LocalExecutor(env_vars={"A": object()})  # type: ignore[dict-item]

    with pytest.raises(ConfigError, match=r"LocalExecutor\.env_vars\.A: object cannot"):
        executor_to_dict(executor)


def test_a_plain_executor_is_of_no_kind():
    with pytest.raises(ConfigError, match="Executor is no kind of executor"):
        executor_to_dict(Executor())


def test_a_nested_part_of_the_wrong_family_is_named():
    executor = SlurmExecutor(tunnel=Packager())  # type: ignore[arg-type]

    with pytest.raises(ConfigError, match=r"SlurmExecutor\.tunnel: Packager is no kind of tunnel"):
        executor_to_dict(executor)


def test_a_users_subclass_is_written_as_the_kind_it_derives_from():
    @dataclass(kw_only=True)
    class Mine(LocalExecutor):
        mine: int = 1

    table = executor_to_dict(Mine(max_parallel=2))

    assert executor_from_dict(table) == LocalExecutor(max_parallel=2)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "unknown kind of executor ''"),
        ({"kind": "locall"}, "unknown kind of executor 'locall'"),
        ({"kind": "local", "nodess": 1}, "executor local: unknown field 'nodess'"),
        ({"kind": "docker"}, "container_image"),
        ({"kind": "local", "packager": {"kind": "zip"}}, "unknown kind of packager 'zip'"),
    ],
    ids=["no-kind", "unknown-kind", "unknown-field", "missing-field", "nested"],
)
def test_a_table_that_is_no_executor_is_refused(table, message):
    with pytest.raises(ConfigError, match=message):
        executor_from_dict(table)
