"""Images of other users, without Python, without a shell; and secrets in each."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.drivers import drivers_of
from tests.schedulers.docker.lab import PATIENCE_S, Lab, containers_of
from tests.services.delay import DelayProxy
from tests.services.docker import images

SECRET = "s3cret;`id`'$HOME"


def test_a_user_of_the_image_reads_the_code_and_writes_outputs_that_are_the_callers(lab):
    lab.write(
        """
        import getpass, os
        from pathlib import Path

        @nemorun.task
        def first():
            import of_nina
            folder = nemorun.current().output_dir / "deep"
            folder.mkdir(mode=0o700)
            (folder / "file").write_text("of " + getpass.getuser())
            (folder / "file").chmod(0o600)
            Path("/nemorun/code/left").write_text("x") if os.access("/nemorun/code", os.W_OK) else None
            return [os.getuid(), sorted(os.getgroups()), os.environ["HOME"], of_nina.NAME]

        @nemorun.task(after=["first"])
        def second():
            return [(nemorun.upstream("first").output_dir / "deep" / "file").read_text(), os.getuid()]
        """
    )
    lab.configure(box={"container_image": images.NINA})

    lab.run("-k", "first or second", "-e", "box")

    jobs = {job["task"]: job for job in lab.jobs().values()}
    assert jobs["first"]["result"] == [images.NINA_ID, [1234, 4321], "/home/nina", "nina"]
    owners = {
        path.lstat().st_uid for path in [Path(jobs["first"]["outputs"]), *below(jobs["first"])]
    }
    assert owners == {os.getuid()}
    assert jobs["second"]["state"] == "FAILED" or jobs["second"]["result"][0] == "of nina"


def below(job):
    return list(Path(job["outputs"]).parent.rglob("*"))


@pytest.mark.parametrize("user", ["nina", "1234", "1234:4321", "5555"])
def test_the_user_of_the_profile_runs_the_task(lab, user):
    lab.write(
        "import os\n@nemorun.task\ndef who():\n"
        "    (nemorun.current().output_dir / 'x').write_text('x')\n"
        "    return [os.getuid(), os.getgid()]\n"
    )
    lab.configure(box={"container_image": images.PYTHON, "user": user})

    lab.run("-k", "who", "-e", "box")

    wanted = {
        "nina": [1234, 1234],
        "1234": [1234, 1234],
        "1234:4321": [1234, 4321],
        "5555": [5555, 0],
    }
    assert lab.job()["result"] == wanted[user]


def test_a_user_that_the_image_does_not_have_is_named(lab):
    lab.write("@nemorun.task\ndef hello():\n    return 1\n")
    lab.configure(box={"container_image": images.PYTHON, "user": "nobody-here"})

    answer = lab.nemorun("run", "-k", "hello", "-e", "box")

    assert answer.code == 1
    assert "the task cannot run as user nobody-here" in lab.logs()


def test_a_worker_that_may_not_become_another_user_is_that_user_from_the_start(lab):
    lab.write("import os\n@nemorun.task\ndef who():\n    return os.getuid()\n")
    more = {"cap_drop": ["ALL"]}
    lab.configure(box={"container_image": images.NINA, "additional_kwargs": more})

    lab.run("-k", "who", "-e", "box")

    assert lab.job()["result"] == images.NINA_ID


@pytest.mark.parametrize("image", [images.PYTHON, images.NINA, images.SHELL], ids=str)
def test_a_secret_reaches_the_job_and_nothing_else(lab, engine, monkeypatch, image):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    out = '"$NEMORUN_OUTPUT_DIR"'
    script = (
        f'printf %s "$MY_TOKEN" | wc -c > {out}/length; while [ ! -e {out}/go ]; do sleep 0.1; done'
    )
    lab.configure(
        f"[tasks.look]\ncommand = ['sh', '-c', '''{script}''']\n",
        box={"container_image": image, "secrets": ["MY_TOKEN"]},
    )
    lab.nemorun("run", "-k", "look", "-e", "box", "--detach")
    lab.until(lambda: lab.job()["state"] == "RUNNING" and (outputs(lab) / "length").exists())
    client = engine.client()

    seen = json.dumps(client.api.inspect_container(lab.job()["native_id"]))
    client.close()
    found = holding(SECRET, Path(os.environ["NEMORUN_HOME"]))
    (outputs(lab) / "go").touch()

    assert lab.nemorun("wait").code == 0
    assert int((outputs(lab) / "length").read_text()) == len(SECRET)
    assert "s3cret" not in seen
    assert found == []


def outputs(lab):
    return Path(lab.job()["outputs"])


def holding(text, folder):
    return [
        path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()
    ]


def test_a_script_runs_in_an_image_without_python(lab):
    lab.configure(
        '[tasks.talk]\ncommand = ["sh", "-c", "echo hello $NEMORUN_PARAM_N; echo oops >&2; exit 3"]\n'
        "params = { n = 1 }\n",
        box={"container_image": images.SHELL},
    )

    answer = lab.nemorun("run", "-k", "talk", "-e", "box")

    assert answer.code == 1
    assert (lab.job()["reason"], lab.job()["exit_code"]) == ("EXIT_CODE", 3)
    assert (lab.folder(lab.job()) / "attempt-1" / "log").read_text() == "hello 1\noops\n"


def test_a_script_in_an_image_without_python_is_ended_in_time(lab):
    lab.configure(
        '[tasks.sleep]\ncommand = ["sleep", "600"]\n',
        box={"container_image": images.SHELL, "timeout": 1, "grace_s": 1},
    )

    lab.nemorun("run", "-k", "sleep", "-e", "box")

    assert (lab.job()["state"], lab.job()["reason"]) == ("FAILED", "TIMEOUT")


def test_a_script_in_an_image_without_python_can_be_cancelled(lab):
    lab.configure(
        '[tasks.sleep]\ncommand = ["sh", "-c", "echo asleep; sleep 600"]\n',
        box={"container_image": images.SHELL, "grace_s": 1},
    )
    lab.nemorun("run", "-k", "sleep", "-e", "box", "--detach")
    lab.until(lambda: "asleep" in lab.logs())

    lab.nemorun("cancel")

    assert lab.job()["state"] == "CANCELLED"


def test_a_program_runs_in_an_image_that_has_nothing_else(lab):
    lab.configure(
        '[tasks.read]\ncommand = ["cat", "/nemorun/job.json"]\n',
        box={"container_image": images.BARE},
    )

    lab.run("-k", "read", "-e", "box")

    log = lab.folder(lab.job()) / "attempt-1" / "log"
    assert json.loads(log.read_text())["id"] == "read@box"


def test_what_such_a_program_said_is_in_the_log_before_its_end_is_known(lab):
    """What knows of the end may remove the container, and nobody else has what it said."""
    lab.configure(
        '[tasks.read]\ncommand = ["cat", "/nemorun/job.json"]\n',
        box={"container_image": images.BARE},
    )
    running = lab.start("run", "-k", "read", "-e", "box")
    attempts = Path(os.environ["NEMORUN_HOME"], "experiments")

    lab.until(lambda: list(attempts.glob("2*/jobs/read@box/attempt-1/container.json")))
    (known,) = attempts.glob("2*/jobs/read@box/attempt-1/container.json")
    deadline = time.monotonic() + PATIENCE_S
    while "state" not in json.loads(known.read_text()):  # without a pause: it is about a moment
        assert time.monotonic() < deadline
    log = (known.parent / "log").read_text()

    assert json.loads(log)["id"] == "read@box"
    running.communicate(timeout=60)
    assert (running.returncode, (known.parent / "log").read_text()) == (0, log)


def test_a_look_reads_only_what_such_a_program_has_said_since_the_last_one(
    lab, tmp_path, engine, monkeypatch
):
    pipe = tmp_path / "data" / "pipe"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    lab.configure(
        '[tasks.read]\ncommand = ["cat", "/data/pipe"]\n',
        box={"container_image": images.BARE, "volumes": [f"{pipe.parent}:/data"]},
    )
    much = b"".join(b"%07d %s\n" % (n, b"x" * 90) for n in range(50_000))
    long = (
        b"y" * 40_000
    )  # three entries of the engine's, the last of which it keeps until the line ends

    with DelayProxy(engine.base / "docker.sock") as proxy:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{proxy.port}")
        lab.nemorun("run", "-k", "read", "-e", "box", "--detach")
        lab.until(lambda: lab.job()["state"] == "RUNNING")
        log = lab.folder(lab.job()) / "attempt-1" / "log"
        with os.fdopen(os.open(pipe, os.O_RDWR), "wb", buffering=0) as end:
            end.write(much)
            lab.until(lambda: log.stat().st_size == len(much))
            time.sleep(3)  # until what may still come out of order is not asked for any more
            before = proxy.passed["down"]
            time.sleep(2)  # ten looks
            end.write(b"one\n")
            lab.until(lambda: log.stat().st_size == len(much) + 4)
            after = proxy.passed["down"]
            end.write(long)
            lab.until(lambda: log.stat().st_size == len(much) + 4 + 32_768)
            os.kill(next(iter(drivers_of(log.parents[3].name))), signal.SIGKILL)
            end.write(b"\nlast")
        lab.nemorun("wait", "--timeout", "90")
        experiments = log.parents[4]
        with closing(engine.client()) as client:  # the driver removes it through the proxy
            lab.until(lambda: not containers_of(client, f"nemorun.home={experiments}"))

    assert log.read_bytes() == much + b"one\n" + long + b"\nlast"
    assert after - before < len(much) / 4


def test_an_engine_that_keeps_no_logs_tells_how_the_program_ended(own_engine, tmp_path):
    own_engine("--log-driver=none", only=images.BARE)
    lab = Lab(tmp_path)
    lab.configure(
        '[tasks.read]\ncommand = ["cat", "/nemorun/job.json"]\n',
        box={"container_image": images.BARE},
    )

    lab.run("-k", "read", "-e", "box")

    assert (lab.folder(lab.job()) / "attempt-1" / "log").read_text() == ""


def test_a_function_in_an_image_without_python_is_refused(lab):
    lab.write("@nemorun.task\ndef hello():\n    return 1\n")
    lab.configure(box={"container_image": images.SHELL})

    answer = lab.nemorun("run", "-k", "hello", "-e", "box")

    assert answer.code == 6
    assert f"box: the image {images.SHELL} has no python3; name the image's own" in answer.out


def test_what_the_job_can_read_is_still_the_callers_alone(lab):
    lab.write("@nemorun.task\ndef hello():\n    return 1\n")
    lab.configure(box={"container_image": images.NINA})

    lab.run("-k", "hello", "-e", "box")

    experiment = lab.folder(lab.job()).parents[1]
    assert stat.S_IMODE(experiment.stat().st_mode) == 0o700


def test_files_of_a_root_container_belong_to_the_caller_who_is_not_root(engine):
    """A child of ours becomes another user and drives the scheduler itself: root's home is closed to it."""
    program = Path(__file__).with_name("as_another_user.py")

    with tempfile.TemporaryDirectory(prefix="nemorun-user-") as folder:
        command = [sys.executable, str(program), folder, engine.host]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert done.stdout.splitlines() == ["SUCCEEDED", "{1500}"], done.stdout + done.stderr


def test_nothing_compiled_is_left_in_the_project(lab):
    lab.write("def helped():\n    return 3\n", "helping.py")
    lab.write("import helping\n@nemorun.task\ndef count():\n    return helping.helped()\n")
    lab.configure(box={"container_image": images.PYTHON, "packager": "none"})

    lab.run("-k", "count", "-e", "box")

    assert lab.job()["result"] == 3
    assert not list(lab.root.rglob("__pycache__"))
