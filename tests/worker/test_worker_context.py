"""What a job knows of itself, and what everybody else is told who asks."""

from __future__ import annotations

import json

import pytest

import nemorun


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (nemorun.current, "nemorun.current() was called outside a job"),
        (lambda: nemorun.upstream("train"), "nemorun.upstream('train') was called outside a job"),
        (lambda: nemorun.upstreams("train"), "nemorun.upstream('train') was called outside a job"),
    ],
    ids=["current", "upstream", "upstreams"],
)
def test_outside_a_job_one_sentence_says_so(ask, sentence):
    with pytest.raises(nemorun.OutsideJob) as raised:
        ask()

    assert raised.value.message == sentence
    assert raised.value.hint == "it works in a task that `nemorun run` started"


def test_a_job_folder_that_is_gone_is_outside_a_job(tmp_path, monkeypatch):
    monkeypatch.setenv("NEMORUN_JOB_DIR", str(tmp_path / "deleted"))

    with pytest.raises(nemorun.OutsideJob):
        nemorun.current()


def test_a_job_knows_all_of_itself(bench):
    task = """
        import nemorun
        def f(lr):
            job = nemorun.current()
            assert job.output_dir.is_dir()
            return [job.experiment_id, job.job_id, job.task, job.executor, job.attempt, job.params,
                    job.job_dir, job.output_dir, repr(job)]
    """

    outcome = bench.run(task, params={"lr": 0.1}, attempt=3)

    assert outcome.result == [
        "20261122-0712-lab-x7k2",
        "f@local",
        "f",
        "local",
        3,
        {"lr": 0.1},
        str(bench.paths.root),
        str(bench.paths.outputs),
        "<CurrentJob f@local of 20261122-0712-lab-x7k2, attempt 3>",
    ], outcome.log


def upstream_job(bench, folder, job_id, result=None):
    root = (bench.paths.root.parent / folder).resolve()
    (root / "outputs").mkdir(parents=True)
    (root / "job.json").write_text(json.dumps({"id": job_id, "task": "train", "params": {"n": 1}}))
    if result is not None:
        (root / "result.json").write_text(json.dumps(result))
    return root


def test_an_upstream_job_shows_its_result_and_its_files(bench):
    root = upstream_job(bench, "train@local", "train@local", {"loss": 1})
    task = """
        import nemorun
        def f():
            up = nemorun.upstream("train")
            return [up.job_id, up.task, up.params, up.result, up.output_dir, repr(up)]
    """

    outcome = bench.run(task, upstream={"train": ["train@local"]})

    assert outcome.result == [
        "train@local",
        "train",
        {"n": 1},
        {"loss": 1},
        str(root / "outputs"),
        "<UpstreamJob train@local>",
    ], outcome.log


def test_an_upstream_job_that_returned_nothing_has_no_result(bench):
    upstream_job(bench, "train@local", "train@local")
    task = "import nemorun\ndef f():\n    return [nemorun.upstream('train').result]"

    assert bench.run(task, upstream={"train": ["train@local"]}).result == [None]


def test_an_upstream_job_of_an_earlier_experiment_is_found_there(bench):
    root = upstream_job(bench, "../../20251122-0712-old-aaaa/jobs/t", "train@local", 7)
    task = "import nemorun\ndef f():\n    up = nemorun.upstream('train')\n    return [up.result, up.output_dir]"
    places = ["../../20251122-0712-old-aaaa/jobs/t"]

    outcome = bench.run(task, upstream={"train": places})

    assert outcome.result == [7, str(root / "outputs")], outcome.log


def test_several_upstream_jobs_come_in_the_order_of_the_matrix(bench):
    upstream_job(bench, "b", "train[n=2]@local", 2)
    upstream_job(bench, "a", "train[n=1]@local", 1)
    task = "import nemorun\ndef f():\n    return [one.result for one in nemorun.upstreams('train')]"

    assert bench.run(task, upstream={"train": ["b", "a"]}).result == [2, 1]


def test_asking_for_one_of_several_names_the_way_out(bench):
    upstream_job(bench, "a", "a", 1)
    upstream_job(bench, "b", "b", 1)

    outcome = bench.run(
        "import nemorun\ndef f():\n    nemorun.upstream('train')", upstream={"train": ["a", "b"]}
    )

    assert outcome.error["type"] == "UsageError"
    assert outcome.error["message"] == "this job waited for 2 jobs of 'train'"


def test_asking_for_a_job_that_was_not_waited_for_says_so(bench):
    outcome = bench.run("import nemorun\ndef f():\n    nemorun.upstream('train')")

    assert outcome.error["message"] == "f@local waited for no job of 'train' in this experiment"


def test_an_upstream_job_that_was_deleted_is_named(bench):
    outcome = bench.run(
        "import nemorun\ndef f():\n    nemorun.upstream('train')", upstream={"train": ["gone"]}
    )

    assert outcome.error["type"] == "UsageError"
    assert outcome.error["message"] == (
        f"{bench.paths.root.parent / 'gone'}: the job this one waited for is not there any more"
    )


def test_a_child_process_of_a_job_is_inside_the_job_too(bench):
    task = """
        import subprocess, sys
        def f():
            program = "import nemorun; print(nemorun.current().job_id)"
            return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
    """

    assert bench.run(task).result == "f@local\n"
