"""Jobs in containers: the srun line is really parsed and run, by a plugin with Pyxis's options."""

from __future__ import annotations

import json

from nemorun_discover.executors.slurm import SlurmExecutor
from tests.schedulers.slurm.place import submission, unit


def executor(place, image="python", **fields):
    return SlurmExecutor(container_image=str(place.cluster.image(image)), **fields)


def test_a_task_runs_in_the_container_with_its_code_and_its_folder(place):
    place.code(
        "tasks.py",
        """
        import pathlib

        import nemorun

        def f():
            (nemorun.current().output_dir / "made.txt").write_text("here")
            return {
                "image": pathlib.Path("/etc/os-release").read_text().splitlines()[1],
                "cwd": pathlib.Path.cwd().name,
            }
        """,
    )
    job = submission(function=True, executor=executor(place))

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0, place.log(job)
    folder = place.see(place.paths.job(job.job.slug))
    found = json.loads((folder / "result.json").read_text())
    assert found == {"image": "ID=nemorun-python", "cwd": "code"}
    assert (folder / "outputs" / "made.txt").read_text() == "here"


def test_mounts_with_every_sign_arrive(place):
    data = f"{place.base}/da ta $HOME; it's"
    place.write(f"{data}/file", b"content")
    place.own()
    job = submission(
        command=("bash", "-c", "cat /data/file; ls /mine"),
        executor=executor(place, container_mounts=[f"{data}:/data:ro", "/$nemo_run:/mine"]),
    )

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0, place.log(job)
    assert "content" in place.log(job)
    assert "job.json" in place.log(job)


def test_the_jobs_variables_win_over_the_images(place):
    names = ("FROM_IMAGE", "TOKEN", "ASKED")
    job = submission(
        command=("bash", "-c", " ".join(f'echo "{one}=${one}";' for one in names)),
        executor=executor(
            place, env_vars={"FROM_IMAGE": "mine"}, secrets=["TOKEN"], container_env=["ASKED"],
            setup_lines="export ASKED=set",
        ),
        environment={"TOKEN": "s3cr3t"},
    )  # fmt: skip

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 0, place.log(job)
    assert "FROM_IMAGE=mine\nTOKEN=s3cr3t\nASKED=set\n" in place.log(job)


def test_an_image_that_is_not_there_is_a_failed_start_with_the_plugins_words(place):
    job = submission(executor=SlurmExecutor(container_image="/nosuch.sqsh"))

    place.submit(unit(job))

    ended = place.ended(job)
    assert ended["reason"] == "START_FAILED"
    assert "pyxis" in place.log(job)
    assert "/nosuch.sqsh" in place.log(job)


def test_an_image_without_python_is_a_failed_start(place):
    job = submission(executor=executor(place, "busybox"))

    place.submit(unit(job))

    ended = place.ended(job)
    assert ended["reason"] == "START_FAILED"
    assert "python3" in place.log(job)


def test_the_exit_code_comes_out_of_the_container(place):
    job = submission(command=("bash", "-c", "exit 9"), executor=executor(place))

    place.submit(unit(job))

    assert place.ended(job)["exit_code"] == 9


def test_an_image_with_every_sign_in_its_name_is_no_shell_code(place):
    job = submission(executor=SlurmExecutor(container_image="x; touch pwn $HOME `touch pwn`"))

    place.submit(unit(job))

    assert place.ended(job)["reason"] == "START_FAILED"
    assert "x; touch pwn $HOME `touch pwn`" in place.log(job)
    assert list(place.outside.rglob("pwn")) == []


def test_members_of_a_group_have_containers_of_their_own(place):
    text = "grep ^ID= /etc/os-release"
    settings = {"wait_time_for_group_job": 0}
    inside = submission(
        "inside",
        executor(place, **settings),
        command=("bash", "-c", text),
        group="pair",
        called="slurm_image",
    )
    outside = submission(
        "outside", SlurmExecutor(**settings), command=("bash", "-c", text), group="pair"
    )

    place.submit(unit(outside, inside))

    assert place.ended(inside)["exit_code"] == place.ended(outside)["exit_code"] == 0
    assert "ID=nemorun-python" in place.log(inside)
    assert "ID=nemorun-python" not in place.log(outside)
