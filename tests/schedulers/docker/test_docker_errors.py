"""What a user reads when the engine, or the machine, cannot do what the profile asks for."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import time
import warnings
from typing import TYPE_CHECKING

import pytest

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.executors.docker import DockerExecutor
from nemorun_discover.schedulers.docker.scheduler import DockerScheduler
from tests.services.docker import images

if TYPE_CHECKING:
    from pathlib import Path

OFFLINE = ("--bridge=none", "--iptables=false")
PATIENCE_S = 5.0
PATIENT_S = 20.0  # the whole command, on a machine that does other things too


@pytest.fixture(autouse=True)
def swept():
    """Collects what docker-py leaves open where it is refused, lest another test be told of it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def hello(lab):
    """A lab with one task; called with the profile's fields, it runs it."""
    lab.write("@nemorun.task\ndef hello():\n    return 1\n")

    def run(**fields):
        lab.configure(box={"container_image": images.PYTHON, **fields})
        return lab.nemorun("run", "-k", "hello", "-e", "box")

    return run


def refused(**fields):
    with pytest.raises(ExecutorRefused) as caught:
        DockerScheduler(dict(os.environ)).check("box", DockerExecutor(**fields))
    return f"{caught.value.message}; {caught.value.hint}"


def test_no_engine(hello, monkeypatch, home):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/none.sock")

    answer = hello()

    assert (answer.code, answer.out) == (6, "")
    assert f"box: no Docker engine answers at unix://{home}/none.sock" in answer.err
    assert "start it, or set DOCKER_HOST" in answer.err
    assert answer.took_s < PATIENT_S


def test_an_engine_that_takes_connections_and_does_not_answer(monkeypatch, tmp_path):
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "s"))
        deaf.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
        began = time.monotonic()

        sentence = refused(container_image="x")

    assert "takes connections and does not answer" in sentence
    assert time.monotonic() - began < PATIENCE_S + 10


def test_a_socket_that_is_not_for_us(monkeypatch, tmp_path, permissions_hold):
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(tmp_path / "s"))
        closed.listen()
        (tmp_path / "s").chmod(0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")

        sentence = refused(container_image="x")

    assert f"box: you may not use the Docker engine at unix://{tmp_path}/s" in sentence
    assert "group docker" in sentence


def test_an_image_that_is_not_to_be_pulled_is_missing(engine):
    sentence = refused(container_image="nemorun-test/pyton:3.9", pull="never")

    assert 'box: the image nemorun-test/pyton:3.9 is not here, and pull = "never"' in sentence
    assert f"there is {images.PYTHON}" in sentence


def test_an_image_that_cannot_be_pulled(hello):
    answer = hello(container_image="127.0.0.1:9/nemorun-test/python:3.8")

    assert answer.code == 6
    assert "127.0.0.1:9/nemorun-test/python:3.8 is not here and cannot be pulled" in answer.out
    assert answer.took_s < PATIENT_S


def test_no_such_runtime(engine):
    sentence = refused(container_image=images.PYTHON, runtime="nvidia")

    assert 'box: the engine has no runtime "nvidia"; it has ' in sentence
    assert "NVIDIA container toolkit" in sentence


def test_gpus_that_the_engine_cannot_give(hello):
    answer = hello(num_gpus=-1)

    assert answer.code == 6
    assert "box: num_gpus = -1, but the engine cannot give GPUs to containers" in answer.out
    assert answer.took_s < PATIENT_S


def test_a_volume_whose_path_is_missing(hello):
    answer = hello(volumes=["./not-there:/data"])

    assert answer.code == 6
    assert "/lab/not-there is not there" in answer.out


def test_a_volume_that_is_none(hello):
    answer = hello(volumes=["data"])

    assert answer.code == 4
    assert "volumes: 'data' is no mount" in answer.err


def test_a_port_that_is_taken(hello, engine):
    if not engine.has_bridge:
        pytest.skip("no bridge without iptables")
    client = engine.client()
    other = client.containers.run(
        images.SHELL, ["sleep", "60"], detach=True, ports={"9099/tcp": 18099}
    )

    answer = hello(additional_kwargs={"ports": {"80/tcp": 18099}})

    other.remove(force=True)
    client.close()
    assert answer.code == 6
    assert "box: port 18099 is taken on this machine" in answer.out


def test_what_is_for_nemorun_to_say(hello):
    answer = hello(additional_kwargs={"name": "mine"})

    assert answer.code == 4
    assert "box: additional_kwargs.name is for nemorun to say" in answer.err


def test_what_docker_py_does_not_know(hello):
    answer = hello(additional_kwargs={"memory": "1g"})

    assert answer.code == 4
    assert "additional_kwargs.memory: docker-py's containers.run has no such argument" in answer.err


def test_what_docker_py_cannot_make_anything_of(hello):
    answer = hello(shm_size="much")

    assert answer.code == 6
    assert "box: docker-py refuses: " in answer.out


def test_a_job_that_was_refused_is_taken_up_again(hello, lab):
    hello(volumes=["./not-there:/data"])
    (lab.root / "not-there").mkdir()

    answer = lab.nemorun("rerun", "@last", "--failed")

    assert answer.code == 0, answer.out + answer.err


def test_an_engine_without_space(own_engine, lab, tmp_path):
    place = tmp_path / "full"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(place)], check=True)
    try:
        engine = own_engine(f"--data-root={place}", *OFFLINE, only=images.SHELL)
        fill(place)
        lab.configure(
            '[tasks.hello]\ncommand = ["true"]\n',
            box={"container_image": images.SHELL, "network": "host"},
        )
        answer = lab.nemorun("run", "-k", "hello", "-e", "box")
        engine.remove()
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)

    assert answer.code == 6
    assert "box: the engine has no space left" in answer.out


def fill(place: Path):
    with (place / "filler").open("wb") as file:
        try:
            while True:
                file.write(b"x" * 65536)
                file.flush()
        except OSError:
            return
