"""Markers go into containers through every door, and Docker shows none of them."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from tests.schedulers.docker.lab import containers_of
from tests.services.docker import images

MARK = "MaRk3r"


@pytest.mark.parametrize("image", [images.PYTHON, images.SHELL], ids=["python", "shell"])
def test_docker_shows_no_marker(lab, engine, home, monkeypatch, image):
    """An image with Python has the worker take the secrets, one with a shell alone has the shell do it."""
    for name, value in {"KEY": "MaRk3r-key", "DB_PASSWORD": "MaRk3r-db", "TOKEN": "MaRk3r-'t`id`$HOME"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    lab.configure(
        """
        [tasks.script]
        command = ["sh", "-c", "echo ${#API_KEY} ${#URL} ${#TOKEN} ${#W_KEY} ${#NEMORUN_PARAM_TOKEN} ${#1} ${#3}; sleep 3", "x", "--auth=${param:token}"]
        env = { W_KEY = "MaRk3r-script" }
        params = { token = "MaRk3r-param" }
        """,
        box={
            "container_image": image,
            "env_vars": {"API_KEY": "${env:KEY}", "URL": "x://${env:DB_PASSWORD}@h"},
            "secrets": ["TOKEN"],
        },
    )

    process = lab.start("run", "-k", "script", "-e", "box", "--", "--api-key", "MaRk3r-'arg\"$(id)")
    with closing(engine.client()) as client:
        lab.until(lambda: [one for one in containers_of(client) if one.status == "running"])
        shown = json.dumps([one.attrs for one in containers_of(client)])
    out, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    assert MARK not in shown + out + err
    assert "10 15 18 13 12 19 17" in lab.logs()
    holders = [one for one in home.rglob("*") if one.is_file() and one.suffix != ".zip"]
    assert not [one for one in holders if MARK.encode() in one.read_bytes()]
