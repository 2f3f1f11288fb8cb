"""Jobs in containers, through the real command."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.schedulers.docker.lab import Lab, containers_of
from tests.services.docker import images

REPOSITORY = Path(__file__).parents[3]


def test_a_sweep_gives_the_same_results_on_this_machine_and_in_containers(tmp_path, engine):
    lab = Lab(tmp_path)
    shutil.copytree(REPOSITORY / "example_project", tmp_path / "example_project")
    lab.configure(
        """
        [project]
        paths = ["example_project"]
        pythonpath = ["example_project"]
        """,
        docker={"container_image": images.PYTHON, "max_parallel": 2},
    )

    words = ["learning_rate=0.02,0.1", "hidden=4", "epochs=1"]
    lab.run("-k", "train or evaluate", *words, "-e", "local", "-e", "docker")

    jobs = lab.jobs()
    results = {
        executor: {
            id_.rpartition("@")[0]: job["result"]
            for id_, job in jobs.items()
            if job["executor"] == executor
        }
        for executor in ("local", "docker")
    }
    assert len(jobs) == 8
    assert len(results["docker"]) == 4
    assert results["local"].keys() == results["docker"].keys()
    for job, result in results["local"].items():
        assert without_times(result) == without_times(results["docker"][job])


def without_times(result):
    return {name: value for name, value in result.items() if name != "seconds"}


def test_a_task_finds_its_code_its_parameters_and_the_jobs_it_waited_for(lab):
    lab.write(
        """
        from pathlib import Path
        import os, sys

        @nemorun.task
        def first(word: str):
            (nemorun.current().output_dir / "word").write_text(word)
            return {"word": word, "python": list(sys.version_info[:2]), "cwd": os.getcwd()}

        @nemorun.task(after=["first"])
        def second(word: str):
            upstream = nemorun.upstream("first")
            return [upstream.result["word"], (upstream.output_dir / "word").read_text()]
        """
    )
    lab.configure(box={"container_image": images.PYTHON})

    lab.run("-k", "first or second", "word=two words; $HOME", "-e", "box")

    jobs = {job["task"]: job for job in lab.jobs().values()}
    assert jobs["first"]["result"] == {
        "word": "two words; $HOME",
        "python": [3, 9],
        "cwd": "/nemorun/code",
    }
    assert jobs["second"]["result"] == ["two words; $HOME"] * 2


def test_arguments_and_variables_arrive_byte_for_byte(lab):
    words = ["two words", '{"a": 1}', "$HOME", "a;b", "é\n", "'", "${x}", "`id`"]
    lab.write("")
    (lab.root / "say.py").write_text(
        "import json, os, sys\nprint(json.dumps([sys.argv[1:], os.environ['WORD']]))\n"
    )
    lab.configure(
        '[tasks.say]\nscript = "say.py"\n',
        box={"container_image": images.PYTHON, "env_vars": {"WORD": "a b'\"$HOME;`id`é"}},
    )

    lab.run("-k", "say", "-e", "box", "--", *words)

    printed = json.loads(lab.nemorun("logs").out.partition("| ")[2] or lab.logs())
    assert printed == [words, "a b'\"$HOME;`id`é"]


def test_the_log_is_whole_from_the_first_byte(lab):
    lab.write(
        """
        import os, subprocess, sys

        @nemorun.task
        def talk():
            for number in range(20000):
                print(number)
            sys.stderr.write("to stderr\\n")
            subprocess.run(["echo", "of a child"], check=True)
            os.write(1, b"without an end")
        """
    )
    lab.configure(box={"container_image": images.PYTHON})

    lab.run("-k", "talk", "-e", "box")

    wanted = [*map(str, range(20000)), "to stderr", "of a child", "without an end"]
    log = lab.folder(lab.job()) / "attempt-1" / "log"
    assert log.read_text().splitlines() == wanted


def test_a_failure_says_its_code_and_its_traceback(lab):
    lab.write("@nemorun.task\ndef fail():\n    raise ValueError('of the task')\n")
    lab.configure(box={"container_image": images.PYTHON})

    answer = lab.nemorun("run", "-k", "fail", "-e", "box")

    assert answer.code == 1
    assert "ValueError: of the task" in answer.out
    assert (lab.job()["state"], lab.job()["exit_code"]) == ("FAILED", 1)


def test_an_attempt_that_failed_is_tried_again_in_a_new_container(lab):
    lab.write(
        """
        import os

        @nemorun.task
        def second_time():
            print(os.uname().nodename)
            assert os.environ["NEMORUN_ATTEMPT"] == "2"
        """
    )
    lab.configure(box={"container_image": images.PYTHON, "retries": 1})

    lab.run("-k", "second_time", "-e", "box")

    job = lab.job()
    logs = [(lab.folder(job) / f"attempt-{number}" / "log").read_text() for number in (1, 2)]
    assert job["attempt"] == 2
    assert "AssertionError" in logs[0]
    assert logs[0].splitlines()[0] != logs[1].splitlines()[0]


def test_a_job_whose_time_is_over_ends_as_timed_out(lab):
    lab.write("import time\n@nemorun.task\ndef sleep():\n    time.sleep(600)\n")
    lab.configure(box={"container_image": images.PYTHON, "timeout": 1, "grace_s": 1})

    answer = lab.nemorun("run", "-k", "sleep", "-e", "box")

    assert answer.code == 1
    assert (lab.job()["state"], lab.job()["reason"]) == ("FAILED", "TIMEOUT")


def test_memory_that_runs_out_is_named(lab):
    lab.write("@nemorun.task\ndef eat():\n    return len(bytearray(300_000_000))\n")
    lab.configure(box={"container_image": images.PYTHON, "mem": "60m"})

    answer = lab.nemorun("run", "-k", "eat", "-e", "box")

    assert answer.code == 1
    assert (lab.job()["state"], lab.job()["reason"]) == ("FAILED", "OUT_OF_MEMORY")


def test_no_more_containers_run_at_once_than_the_profile_says(lab):
    lab.write(
        """
        import time

        @nemorun.task
        def work(n: int):
            began = time.time()
            time.sleep(0.5)
            return [began, time.time()]
        """
    )
    lab.configure(box={"container_image": images.PYTHON, "max_parallel": 2})

    lab.run("-k", "work", "n=1,2,3,4,5", "-e", "box")

    moments = sorted(
        (at, change)
        for job in lab.jobs().values()
        for at, change in zip(job["result"], (1, -1), strict=True)
    )
    running = [sum(change for _, change in moments[: index + 1]) for index in range(len(moments))]
    assert max(running) <= 2


def test_a_job_of_several_processes_has_their_ranks(lab):
    lab.write(
        """
        import os

        @nemorun.task
        def rank():
            told = {name: os.environ[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
            (nemorun.current().output_dir / told["RANK"]).write_text(str(sorted(told.items())))
        """
    )
    lab.configure(box={"container_image": images.PYTHON, "ntasks_per_node": 2})

    lab.run("-k", "rank", "-e", "box")

    assert sorted(one.name for one in Path(lab.job()["outputs"]).iterdir()) == ["0", "1"]


def test_volumes_are_mounted_as_they_are_written(lab, home):
    (home / "of home").mkdir()
    (home / "of home" / "a").write_text("from home")
    (lab.root / "data").mkdir()
    (lab.root / "data" / "b").write_text("from the project")
    (lab.root / ".gitignore").write_text("data\n")
    lab.write(
        """
        from pathlib import Path

        @nemorun.task
        def read():
            Path("/kept/c").write_text("kept")
            try:
                Path("/data/new").write_text("x")
            except OSError as error:
                return [Path("/home-of-mine/a").read_text(), Path("/data/b").read_text(), error.strerror]
        """
    )
    lab.configure(
        box={
            "container_image": images.PYTHON,
            "volumes": ["~/of home:/home-of-mine", "./data:/data:ro", "/$nemo_run/kept:/kept"],
        }
    )

    lab.run("-k", "read", "-e", "box")

    assert lab.job()["result"] == ["from home", "from the project", "Read-only file system"]
    assert (lab.folder(lab.job()) / "kept" / "c").read_text() == "kept"


def test_settings_of_the_container_reach_the_engine(lab, engine):
    lab.write(
        """
        import os, resource, shutil

        @nemorun.task
        def look():
            return {
                "shm": shutil.disk_usage("/dev/shm").total,
                "files": list(resource.getrlimit(resource.RLIMIT_NOFILE)),
                "host": os.uname().nodename,
                "marker": os.environ["MARKER"],
            }
        """
    )
    lab.configure(
        box={
            "container_image": images.PYTHON,
            "shm_size": "32m",
            "ulimits": ["nofile=100:200"],
            "ipc_mode": "private",
            "cpus": 1.5,
            "mem": "512m",
            "healthcheck": {"test": ["CMD", "true"], "interval": 1_000_000_000},
            "additional_kwargs": {"hostname": "chosen", "environment": {"MARKER": "there"}},
        }
    )

    lab.run("-k", "look", "-e", "box")

    assert lab.job()["result"] == {
        "shm": 32 * 1024 * 1024,
        "files": [100, 200],
        "host": "chosen",
        "marker": "there",
    }


def test_no_container_is_left_and_its_last_word_is_kept(lab, engine):
    lab.write("@nemorun.task\ndef hello():\n    return 1\n")
    lab.configure(box={"container_image": images.PYTHON})

    lab.run("-k", "hello", "-e", "box")

    job = lab.job()
    client = engine.client()
    lab.until(lambda: job["native_id"] not in [one.name for one in containers_of(client)])
    client.close()
    kept = json.loads((lab.folder(job) / "attempt-1" / "container.json").read_text())
    assert kept["name"] == job["native_id"]
    assert kept["image"].startswith("sha256:")
    assert kept["state"]["ExitCode"] == 0


def test_a_job_that_is_cancelled_ends_with_its_container(lab, engine):
    lab.write(
        "import time\n@nemorun.task\ndef sleep():\n    print('asleep')\n    time.sleep(600)\n"
    )
    lab.configure(box={"container_image": images.PYTHON, "grace_s": 1})
    lab.nemorun("run", "-k", "sleep", "-e", "box", "--detach")
    lab.until(lambda: "asleep" in lab.logs())

    lab.nemorun("cancel")
    lab.nemorun("wait")

    assert lab.job()["state"] == "CANCELLED"


def test_logs_of_a_job_that_runs_can_be_followed(lab):
    lab.write(
        """
        import time

        @nemorun.task
        def talk():
            for number in range(30):
                print(number, flush=True)
                time.sleep(0.05)
        """
    )
    lab.configure(box={"container_image": images.PYTHON})
    lab.nemorun("run", "-k", "talk", "-e", "box", "--detach")

    followed = lab.nemorun("logs", "-f").out

    assert [line.split()[-1] for line in followed.splitlines()] == [str(n) for n in range(30)]


def test_the_torchx_command_knows_the_job(lab):
    lab.write("@nemorun.task\ndef hello():\n    print('from a container')\n")
    lab.configure(box={"container_image": images.PYTHON})
    lab.run("-k", "hello", "-e", "box")
    torchx = Path(__import__("sys").executable).with_name("torchx")

    log = subprocess.run(
        [str(torchx), "log", lab.job()["handle"]], capture_output=True, text=True, check=False
    )

    assert "from a container" in log.stdout + log.stderr


@pytest.mark.parametrize("launcher", ["torchrun"])
def test_a_launcher_that_the_image_lacks_is_named(lab, launcher):
    lab.write("@nemorun.task\ndef hello():\n    return 1\n")
    lab.configure(box={"container_image": images.PYTHON, "launcher": launcher})

    answer = lab.nemorun("run", "-k", "hello", "-e", "box")

    assert answer.code == 1
    assert 'launcher = "torchrun" needs torch' in lab.logs()
