"""Jobs of TorchX that see no file of this machine: they are sent what they need, and send home what they leave.

TorchX's local scheduler stands in for those that run images; it is told to pretend (`shares_files = false`).
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from nemorun_discover.schedulers.torchx.parcel import UNPACK, VARIABLE
from tests.cli.conftest import Cli
from tests.schedulers.test_torchx_run import jobs_of

TASKS = """
import os, sys, pathlib
import nemorun

@nemorun.task
def number(n: int = 2):
    print("counting", flush=True)
    print("out of the box")
    return {"n": n, "dir": os.environ["NEMORUN_JOB_DIR"], "cwd": os.getcwd(), "env": os.environ.get("PLAIN")}

@nemorun.task(after=["number"])
def double():
    return 2 * nemorun.upstream("number").result["n"]

@nemorun.task
def seven():
    sys.stdout.write("no end of line")
    raise SystemExit(7)

@nemorun.task
def raises():
    raise ValueError("a broken pot")

@nemorun.task
def large():
    for line in range(20000):
        print(f"line {line}")
    return "x" * 50000
"""
CONFIG = """
[profiles.box]
kind = "torchx"
scheduler = "local_cwd"
shares_files = false
python = "PYTHON"
env_vars = { PLAIN = "a,b $HOME ${app_id} $$ $(X)" }

[profiles.box.packager]
kind = "pattern"
include_pattern = "*.py"
"""


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "pro ject's"
    root.mkdir()
    (root / ".git").mkdir()
    (root / "tasks.py").write_text(TASKS)
    (root / "nemorun.toml").write_text(CONFIG.replace("PYTHON", sys.executable))
    return root


@pytest.fixture
def nemorun(project):
    return Cli(project)


def test_a_job_without_our_files_has_its_code_its_upstream_and_its_result(nemorun, project, home):
    answer = nemorun("run", "-k", "number or double", "-e", "box", "--json")

    jobs = jobs_of(answer)
    assert answer.code == 0, answer.err
    result = jobs["number"]["result"]
    assert jobs["double"]["result"] == 4
    assert result["dir"].startswith("/tmp/nemorun-")
    assert result["cwd"] == f"{result['dir']}/code"
    assert result["env"] == "a,b $HOME ${app_id} $$ $(X)"


def test_to_ask_for_outputs_is_refused_before_anything_starts(nemorun, project, home):
    (project / "tasks.py").write_text(TASKS.replace('after=["number"]', 'inputs=["number"]'))
    config = (project / "nemorun.toml").read_text() + '\n[tasks.number]\nexecutors = "local"\n'

    inside = nemorun("run", "-k", "number or double", "-e", "box")
    (project / "nemorun.toml").write_text(config)
    into = nemorun("run", "-k", "number or double", "-o", 'project.default_executor="box"')
    (project / "tasks.py").write_text(TASKS)
    result_alone = nemorun(
        "run", "-k", "number or double", "-o", 'project.default_executor="box"', "--json"
    )

    assert [inside.code, into.code] == [6, 6]
    assert (
        "double@box cannot get the outputs of number@local: jobs of box see no files of this machine, and are "
        "sent results alone" in into.err
    )
    assert jobs_of(result_alone)["double"]["result"] == 4


def test_its_log_is_here_each_line_once_and_nothing_else(nemorun):
    jobs = jobs_of(nemorun("run", "-k", "number or large", "-e", "box", "--json"))

    assert Path(jobs["number"]["log"]).read_text() == "counting\nout of the box\n"
    lines = Path(jobs["large"]["log"]).read_text().splitlines()
    assert lines == [f"line {number}" for number in range(20000)]
    assert jobs["large"]["result"] == "x" * 50000


def test_it_fails_with_its_own_code_and_its_own_traceback(nemorun):
    answer = nemorun("run", "-k", "seven or raises", "-e", "box", "--json")
    shown = nemorun("status")

    jobs = jobs_of(answer)
    assert (jobs["seven"]["exit_code"], jobs["seven"]["reason"]) == (7, "EXIT_CODE")
    assert jobs["raises"]["exit_code"] == 1
    assert Path(jobs["seven"]["log"]).read_text() == "no end of line\n"
    error = Path(jobs["raises"]["log"]).with_name("error.json")
    assert json.loads(error.read_text())["message"] == "a broken pot"
    assert "a broken pot" in Path(jobs["raises"]["log"]).read_text()
    assert "seven" in shown.out


def test_what_is_too_large_to_be_sent_is_refused_with_a_way_out(nemorun, project):
    (project / "large.py").write_bytes(b"# " + os.urandom(900_000).hex().encode())

    answer = nemorun("run", "-k", "number", "-e", "box")

    assert answer.code == 6
    assert "is sent no more than 1 MB; put the code into the image" in answer.out + answer.err


def test_a_secret_is_not_told_where_others_read_it(nemorun, project, monkeypatch):
    monkeypatch.setenv("TOKEN", "x")
    config = (project / "nemorun.toml").read_text()
    (project / "nemorun.toml").write_text(
        config.replace("env_vars", 'secrets = ["TOKEN"]\nenv_vars')
    )

    answer = nemorun("run", "-k", "number", "-e", "box")

    assert answer.code == 6
    assert "box: secrets: local_cwd would show the value of TOKEN to others" in answer.err


@pytest.mark.parametrize("there", ["nothing", "folder", "link", "file", "folder of another user"])
def test_it_is_unpacked_into_no_folder_that_another_user_has_made(tmp_path, there):
    """The folder's name can be guessed, and /tmp is shared."""
    box, own = tmp_path / "box", tmp_path / "own"
    own.mkdir()
    if there == "link":
        box.symlink_to(own)
    elif there == "file":
        box.touch()
    elif there != "nothing":
        box.mkdir()
    if there == "folder of another user":
        if os.geteuid() != 0:
            pytest.skip("needs root, who gives a folder to another user")
        os.chown(box, 54321, 54321)
    runtime, parcel = BytesIO(), BytesIO()
    with zipfile.ZipFile(runtime, "w") as file:
        file.writestr("__main__.py", "print('it runs')")
    with tarfile.open(fileobj=parcel, mode="w") as tar:
        one = tarfile.TarInfo("runtime.zip")
        one.size = len(runtime.getvalue())
        tar.addfile(one, BytesIO(runtime.getvalue()))

    done = subprocess.run(
        [sys.executable, "-c", UNPACK, str(box)],
        env={**os.environ, f"{VARIABLE}0": base64.b64encode(parcel.getvalue()).decode()},
        capture_output=True,
        text=True,
        check=False,
    )

    if there in ("nothing", "folder"):
        assert (done.returncode, done.stdout) == (0, "it runs\n"), done.stderr
    else:
        assert (done.returncode, done.stderr) == (1, f"{box} is not ours\n")
        assert not list(own.iterdir())
