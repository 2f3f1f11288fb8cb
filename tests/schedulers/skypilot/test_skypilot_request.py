"""What SkyPilot is asked for; nobody is asked here."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.executors.launchers import Torchrun
from nemorun_discover.executors.packagers import GitArchivePackager
from nemorun_discover.executors.skypilot import SkypilotExecutor, SkypilotJobsExecutor
from nemorun_discover.schedulers.skypilot.scheduler import SkypilotJobsScheduler, SkypilotScheduler
from tests.schedulers.skypilot.place import Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def request_of(place, settings, **fields):
    return SkypilotScheduler({}).request(place.submission(settings, **fields))


def resources(place, **fields):
    return request_of(place, SkypilotExecutor(**fields))["task"].get("resources", {})


def test_a_cluster_goes_by_itself_unless_told_otherwise(place):
    request = request_of(place, SkypilotExecutor())

    assert (request["down"], request["idle_minutes_to_autostop"]) == (True, 10)


def test_a_named_cluster_is_used_and_without_a_name_each_executor_has_its_own(place):
    named = request_of(place, SkypilotExecutor(cluster_name="tester"))["cluster_name"]
    first = request_of(place, SkypilotExecutor(), name="a")["cluster_name"]
    second = request_of(place, SkypilotExecutor(), name="b")["cluster_name"]
    other = request_of(place, SkypilotExecutor(), executor="other")["cluster_name"]

    assert named == "tester"
    assert first == second
    assert first != other
    assert first.startswith("nemorun-x7k2-")


def test_each_attempt_has_a_name_of_its_own(place):
    submission = place.submission()
    scheduler = SkypilotScheduler({})
    names = [
        scheduler.request(one)["task"]["name"]
        for one in (submission, replace(submission, attempt=2), place.submission(name="b"))
    ]

    assert len(set(names)) == 3


def test_every_setting_of_the_resources_is_handed_on(place):
    found = resources(
        place,
        infra="aws/us-east-1",
        gpus="H100",
        gpus_per_node=8,
        cpus="4+",
        memory=16,
        instance_type="p5",
        use_spot=True,
        disk_size=100,
        disk_tier="best",
        network_tier="best",
        ports=["8080"],
        container_image="nvcr.io/x:1",
    )

    assert found == {
        "infra": "aws/us-east-1",
        "accelerators": "H100:8",
        "cpus": "4+",
        "memory": 16,
        "instance_type": "p5",
        "use_spot": True,
        "disk_size": 100,
        "disk_tier": "best",
        "network_tier": "best",
        "ports": ["8080"],
        "image_id": "docker:nvcr.io/x:1",
    }


@pytest.mark.parametrize(
    ("fields", "accelerators"),
    [
        ({"gpus": "A100"}, "A100:1"),
        ({"gpus": "A100:4"}, "A100:4"),
        ({"gpus": "A100:4", "gpus_per_node": 2}, "A100:2"),
        ({"gpus": "A100", "gpus_per_node": 0}, None),
    ],
    ids=["one", "in-the-name", "both", "none"],
)
def test_gpus_are_counted_for_each_node(place, fields, accelerators):
    assert resources(place, **fields).get("accelerators") == accelerators


def test_lists_are_choices_read_side_by_side(place):
    found = resources(
        place, cloud=["aws", "gcp"], region=["us-east-1", "us-west1"], gpus="A100", cpus=4
    )

    assert found == {
        "cpus": 4,
        "any_of": [
            {"cloud": "aws", "region": "us-east-1", "accelerators": "A100:1"},
            {"cloud": "gcp", "region": "us-west1", "accelerators": "A100:1"},
        ],
    }


@pytest.mark.parametrize(
    ("executor", "words"),
    [
        (SkypilotExecutor(infra="aws", region="us-east-1"), "infra already says where"),
        (SkypilotExecutor(gpus_per_node=2), "does not say of which type"),
        (SkypilotExecutor(cloud=["aws", "gcp"], region=["a", "b", "c"]), "read side by side"),
        (SkypilotExecutor(idle_minutes_to_autostop=None), "autodown = true needs to know when"),
        (
            SkypilotExecutor(packager=GitArchivePackager(symlink_from_remote_dir="/code")),
            "symlink_from_remote_dir names a directory",
        ),
    ],
    ids=["infra-and-region", "count-without-type", "uneven-lists", "autodown", "remote-dir"],
)
def test_settings_that_contradict_each_other_are_refused_with_the_executors_name(executor, words):
    with pytest.raises(ExecutorRefused, match=f"^sky: .*{words}") as refused:
        SkypilotScheduler({}).check("sky", executor)

    assert refused.value.hint


def test_a_managed_job_is_told_nothing_of_clusters(place):
    executor = SkypilotJobsExecutor(job_recovery="FAILOVER")

    request = SkypilotJobsScheduler({}).request(place.submission(executor))

    assert set(request) == {"call", "task"}
    assert request["task"]["resources"] == {"job_recovery": "FAILOVER"}


def test_mounts_and_overrides_are_handed_on_and_paths_begin_at_the_project(place):
    executor = SkypilotExecutor(
        file_mounts={"/data": "data", "/far": "s3://bucket", "/abs": "/srv/x"},
        storage_mounts={"/out": {"name": "mine", "mode": "MOUNT"}},
        cluster_config_overrides={"kubernetes": {"pod_config": {}}},
    )

    task = request_of(place, executor)["task"]

    assert task["file_mounts"] == {
        "/data": f"{place.project}/data",
        "/far": "s3://bucket",
        "/abs": "/srv/x",
        "/out": {"name": "mine", "mode": "MOUNT"},
    }
    assert task["config"] == {"kubernetes": {"pod_config": {}}}


def test_a_request_holds_no_secret(place):
    executor = SkypilotExecutor(secrets=["TOKEN"], env_vars={"API_KEY": "s3cret", "PLAIN": "x"})
    submission = replace(place.submission(executor), environment={"TOKEN": "s3cret"})

    request = SkypilotScheduler({}).request(submission)

    assert "s3cret" not in json.dumps(request)
    assert request["task"]["secrets"] == {"API_KEY": "***", "TOKEN": "***"}
    assert request["task"]["envs"]["PLAIN"] == "x"


def test_torchrun_meets_on_the_first_node(place):
    executor = SkypilotExecutor(nodes=2, gpus="A100", gpus_per_node=4, launcher=Torchrun())

    run = request_of(place, executor)["task"]["run"]

    assert "--nnodes=2 --nproc-per-node=4" in run
    assert '--node-rank="$nemorun_node"' in run
    assert '--rdzv-endpoint="$MASTER_ADDR":' in run
