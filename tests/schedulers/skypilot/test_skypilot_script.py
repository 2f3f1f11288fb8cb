"""The shell text for a node, really run by bash on this machine, and what comes back in the log."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from nemorun_discover.executors.skypilot import SkypilotExecutor
from nemorun_discover.schedulers.skypilot.ending import tell_what_stayed, what_stayed
from nemorun_discover.schedulers.skypilot.follow import (
    exit_code_of,
    keep_evidence,
    left_behind,
)
from nemorun_discover.schedulers.skypilot.frames import JobStream
from nemorun_discover.schedulers.skypilot.names import job_name
from nemorun_discover.schedulers.skypilot.request import workdir_of
from nemorun_discover.schedulers.skypilot.run import Run
from nemorun_discover.schedulers.skypilot.scheduler import SkypilotScheduler
from nemorun_discover.schedulers.skypilot.script import job_place
from nemorun_discover.schedulers.skypilot.task import task_of
from nemorun_discover.schedulers.skypilot.workdir import fill_workdir
from tests.schedulers.skypilot.place import Place


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "it's here"
    folder.mkdir()
    return Place(folder)


def run_on_node(submission, rank: int = 0, nodes: int = 1) -> subprocess.CompletedProcess[bytes]:
    """As SkyPilot does: bash, in the folder that it has sent, with its variables."""
    workdir = workdir_of(submission)
    fill_workdir(submission, workdir)
    task = task_of(submission, str(workdir))
    told = {
        "SKYPILOT_NODE_RANK": str(rank),
        "SKYPILOT_NUM_NODES": str(nodes),
        "SKYPILOT_NODE_IPS": "127.0.0.1\n127.0.0.2",
    }
    env = {**os.environ, **task["envs"], **task.get("secrets", {}), **told}
    return subprocess.run(
        ["bash", "-c", task["run"]], cwd=workdir, env=env, capture_output=True, check=False
    )


def stream_of(submission, *outputs: tuple[int, bytes], nodes: int = 1) -> tuple[JobStream, bytes]:
    """What SkyPilot makes of the output of nodes, taken apart."""
    stream = JobStream(job_name(submission), nodes=nodes)
    log = b""
    for rank, output in outputs:
        who = f"head, rank={rank}, " if nodes > 1 else "a, "
        for line in output.splitlines(keepends=True):
            log += stream.feed(f"\x1b[36m({who}pid=12)\x1b[0m ".encode() + line)
    return stream, log + stream.finish()


def test_a_job_leaves_its_exit_its_log_and_its_files(place):
    submission = place.submission(
        script='echo "in $PWD"; echo w > "$NEMORUN_OUTPUT_DIR/it\'s"; printf end; exit 7'
    )

    done = run_on_node(submission)

    stream, log = stream_of(submission, (0, done.stdout))
    ended = keep_evidence(Run(submission=submission), stream)
    assert done.returncode == 7
    assert (ended["exit_code"], ended["reason"], exit_code_of(stream)) == (7, "EXIT_CODE", 7)
    where = workdir_of(submission) / job_place(submission) / "code"
    assert log.decode() == f"in {where}\nend\n"
    assert (submission.paths.outputs / "it's").read_text() == "w\n"


def test_a_job_that_a_signal_ended_has_no_exit_code_and_its_shell_has_one(place):
    submission = place.submission(script="kill -SEGV $$")

    done = run_on_node(submission)

    stream, _ = stream_of(submission, (0, done.stdout))
    ended = keep_evidence(Run(submission=submission), stream)
    assert (ended["signal"], ended["exit_code"]) == ("SIGSEGV", None)
    assert done.returncode == 1


def test_an_attempt_that_is_started_twice_on_a_node_runs_once(place):
    submission = place.submission(script='echo x >> "$NEMORUN_OUTPUT_DIR/starts"')

    first, second = run_on_node(submission), run_on_node(submission)

    stream, _ = stream_of(submission, (0, second.stdout))
    keep_evidence(Run(submission=submission), stream)
    assert (first.returncode, second.returncode) == (0, 0)
    assert (submission.paths.outputs / "starts").read_text() == "x\n"


def test_nodes_that_share_a_disk_do_not_disturb_each_other(place):
    script = 'echo "$RANK/$WORLD_SIZE $MASTER_ADDR" > "$NEMORUN_OUTPUT_DIR/of-$NEMORUN_NODE_RANK"'
    submission = place.submission(SkypilotExecutor(nodes=2), script=script)

    outputs = [(rank, run_on_node(submission, rank, 2).stdout) for rank in (0, 1)]

    stream, _ = stream_of(submission, *outputs, nodes=2)
    assert keep_evidence(Run(submission=submission), stream)["exit_code"] == 0
    told = [(submission.paths.outputs / f"of-{rank}").read_text() for rank in (0, 1)]
    assert told == ["0/2 127.0.0.1\n", "1/2 127.0.0.1\n"]


def test_with_several_nodes_the_one_that_failed_tells_how_it_ended(place):
    submission = place.submission(
        SkypilotExecutor(nodes=2), script='exit "$((NEMORUN_NODE_RANK * 9))"'
    )

    outputs = [(rank, run_on_node(submission, rank, 2).stdout) for rank in (0, 1)]

    stream, _ = stream_of(submission, *outputs, nodes=2)
    assert keep_evidence(Run(submission=submission), stream)["exit_code"] == 9


def test_one_node_of_two_does_not_make_a_success(place):
    submission = place.submission(SkypilotExecutor(nodes=2))

    stream, _ = stream_of(submission, (0, run_on_node(submission, 0, 2).stdout), nodes=2)

    assert keep_evidence(Run(submission=submission), stream) is None


def test_outputs_that_are_too_large_for_a_log_are_counted_and_stay(place):
    submission = place.submission(
        script='head -c 34000000 /dev/urandom > "$NEMORUN_OUTPUT_DIR/large"'
    )

    stream, _ = stream_of(submission, (0, run_on_node(submission).stdout))

    run = Run(submission=submission)
    before = what_stayed(submission.paths)
    tell_what_stayed(run, stream)

    assert left_behind(stream) > 34_000_000
    assert keep_evidence(run, stream)["exit_code"] == 0
    assert (before, what_stayed(submission.paths)) == (0, left_behind(stream))
    refusal = SkypilotScheduler({}).refuses_outputs(submission)
    assert refusal.startswith("34 MB of them stayed on the cluster")


def test_upstream_jobs_are_sent_along(place):
    upstream = place.submission(name="up")
    upstream.paths.result.write_text('{"lr": 1}')
    (upstream.paths.outputs / "model").write_text("weights")
    submission = place.submission(
        script='cat ../../up@sky/outputs/model "$NEMORUN_JOB_DIR"/../up@sky/result.json'
    )
    told = json.loads(submission.paths.job.read_text())
    submission.paths.job.write_text(json.dumps({**told, "upstream": {"up": ["up@sky"]}}))

    fill_workdir(submission, workdir_of(submission))
    log = stream_of(submission, (0, run_on_node(submission).stdout))[1]

    assert log == b'weights{"lr": 1}\n'
    left = [one.name for one in workdir_of(submission).rglob("*") if one.is_file()]
    assert not [one for one in left if one.rpartition(".")[2].isdigit()]


def test_files_from_a_job_stay_in_its_folder(place):
    submission = place.submission(
        script='ln -s /etc/passwd "$NEMORUN_OUTPUT_DIR/link"; echo x > "$NEMORUN_OUTPUT_DIR/file"'
    )

    stream, _ = stream_of(submission, (0, run_on_node(submission).stdout))
    keep_evidence(Run(submission=submission), stream)

    assert not Path(submission.paths.outputs / "link").is_symlink()
    assert (submission.paths.outputs / "file").read_text() == "x\n"
