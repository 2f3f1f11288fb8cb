"""`nemorun prune` and `nemorun doctor` with an engine."""

from __future__ import annotations

import json
import os

import pytest

from tests.schedulers.docker.lab import containers_of
from tests.schedulers.docker.test_docker_crashes import begin, kill_driver
from tests.services.docker import images


@pytest.fixture
def client(engine):
    client = engine.client()
    yield client
    client.close()


def test_what_a_killed_driver_left_is_removed_when_its_record_is_complete(lab, client):
    outputs = begin(lab)
    name = lab.job()["native_id"]
    kept = {"nemorun.home": str(lab.folder(lab.job()).parents[2]), "nemorun.experiment": "another"}
    stranger = client.containers.create(images.SHELL, "true", labels=kept)
    own = {**kept, "nemorun.experiment": lab.folder(lab.job()).parents[1].name}
    network = client.networks.create("nemorun-test-left", labels=own)
    while_it_runs = json.loads(lab.nemorun("prune", "--json").out)["in_engine"]
    (outputs / "go").touch()
    lab.nemorun("wait")
    left = client.containers.create(images.SHELL, "true", name=f"{name}-left", labels=own)

    dry = json.loads(lab.nemorun("prune", "--json", "--dry-run").out)["in_engine"]
    lab.nemorun("prune")

    there = [one.id for one in containers_of(client)]
    networks = [one.name for one in client.networks.list()]
    stranger.remove(force=True)
    assert while_it_runs == []
    assert {(one["kind"], one["name"]) for one in dry} == {
        ("container", f"{name}-left"),
        ("network", network.name),
    }
    assert left.id not in there
    assert stranger.id in there
    assert network.name not in networks


def test_an_engine_that_is_away_is_a_note(lab, monkeypatch, home):
    lab.write("@nemorun.task\ndef hello():\n    return 1\n")
    lab.configure(box={"container_image": images.PYTHON})
    lab.run("-k", "hello", "-e", "box")
    before = os.environ["DOCKER_HOST"]
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/none.sock")

    answer = lab.nemorun("prune")

    monkeypatch.setenv("DOCKER_HOST", before)
    assert answer.code == 0
    assert (
        "containers that were left are not removed: Docker: no Docker engine answers" in answer.err
    )


def test_doctor_asks_the_engine_of_a_project_that_uses_one(lab, engine, monkeypatch, home):
    lab.write("")
    lab.configure(box={"container_image": images.PYTHON})

    well = lab.nemorun("doctor").out
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/none.sock")
    ill = lab.nemorun("doctor").out
    monkeypatch.setenv("DOCKER_HOST", engine.host)

    assert "docker" in well
    assert f"answers at {engine.host}" in well
    assert f"no Docker engine answers at unix://{home}/none.sock" in ill


def test_a_driver_that_is_killed_leaves_no_more_than_prune_removes(lab, client):
    outputs = begin(lab)
    kill_driver(lab)
    (outputs / "go").touch()
    lab.nemorun("wait")

    lab.nemorun("prune")

    home = str(lab.folder(lab.job()).parents[2])
    assert containers_of(client, f"nemorun.home={home}") == []
