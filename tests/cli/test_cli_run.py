"""`nemorun run`, as a user types it: selection, parameters, the matrix, and what is printed."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from nemorun_discover.store.home import open_home
from tests.drivers import drivers_in

TASKS = """
    import nemorun

    @nemorun.task(tags=["model"])
    def train(lr: float = 0.1, epochs: int = 1):
        nemorun.current().output_dir.joinpath("model").write_text(str(lr))
        print("training with", lr)
        return {"loss": lr * epochs}

    @nemorun.task(after=["train"])
    def evaluate(lr: float = 0.1):
        return nemorun.upstream("train").result["loss"] + 1

    @nemorun.task(tags=["broken"])
    def fails():
        helper()

    def helper():
        raise RuntimeError("boom")
"""


@pytest.fixture
def demo(project, write):
    write("nemorun.toml", "[project]\nname = 'demo'\n")
    write("tasks/train.py", TASKS)
    return project


def states(answer):
    return {job["id"]: job["state"] for job in answer.json["jobs"]}


def last_document(answer):
    return json.loads(answer.out.splitlines()[-1])


def test_one_task_runs_and_its_result_is_shown(demo, nemorun):
    answer = nemorun("run", "-k", "train")

    assert answer.code == 0
    assert "train@local" in answer.out
    assert "loss=0.1" in answer.out
    assert "nemorun logs" in answer.err


def test_a_sweep_of_two_parameters_is_their_product(demo, nemorun):
    answer = nemorun("run", "-k", "train", "lr=0.1,0.2", "epochs=1,3", "--json")

    document = last_document(answer)
    assert document["schema"] == "nemorun.status/1"
    assert {job["id"]: job["result"] for job in document["jobs"]} == {
        "train[lr=0.1,epochs=1]@local": {"loss": 0.1},
        "train[lr=0.1,epochs=3]@local": {"loss": pytest.approx(0.3)},
        "train[lr=0.2,epochs=1]@local": {"loss": 0.2},
        "train[lr=0.2,epochs=3]@local": {"loss": pytest.approx(0.6)},
    }


def test_every_line_of_run_json_is_an_object_with_its_schema(demo, nemorun):
    answer = nemorun("run", "-k", "train", "--json")

    schemas = [json.loads(line)["schema"] for line in answer.out.splitlines()]
    assert set(schemas[:-1]) == {"nemorun.event/1"}
    assert schemas[-1] == "nemorun.status/1"


def test_with_deps_adds_what_the_selected_task_comes_after(demo, nemorun):
    answer = nemorun("run", "-k", "evaluate", "--with-deps", "lr=0.5", "--json")

    results = {job["id"]: job["result"] for job in last_document(answer)["jobs"]}
    assert results == {"train[lr=0.5]@local": {"loss": 0.5}, "evaluate[lr=0.5]@local": 1.5}


def test_without_with_deps_a_note_says_what_is_missing(demo, nemorun):
    answer = nemorun("run", "-k", "evaluate", "--dry-run")

    assert (
        "note: evaluate comes after train, which is not selected: --with-deps adds it" in answer.err
    )


def test_a_failing_job_exits_1_and_shows_its_traceback_once(demo, nemorun):
    answer = nemorun("run", "-k", "fails")

    assert answer.code == 1
    assert answer.out.count("RuntimeError: boom") == 1
    assert "in helper" in answer.out
    assert "nemorun_discover" not in answer.out
    assert "/log" in answer.out


def test_the_node_id_of_a_job_selects_it_alone(demo, nemorun):
    answer = nemorun("run", "tasks/train.py::train[lr=0.2]", "lr=0.1,0.2", "--json")

    assert [job["id"] for job in last_document(answer)["jobs"]] == ["train[lr=0.2]@local"]


def test_an_exact_node_id_is_not_hindered_by_another_broken_file(demo, nemorun, write):
    write("tasks/broken.py", "import nemorun\n@nemorun.task\ndef f(:\n")

    by_name = nemorun("run", "-k", "train")
    by_id = nemorun("run", "tasks/train.py::train")
    anyhow = nemorun("run", "-k", "train", "--continue-on-collection-errors")

    assert (by_name.code, by_id.code, anyhow.code) == (4, 0, 0)
    assert "tasks/broken.py:3" in by_name.err


def test_tags_select(demo, nemorun):
    answer = nemorun("run", "-m", "model", "--dry-run", "--json")

    assert [job["id"] for job in answer.json["jobs"]] == ["train@local"]


def test_a_dry_run_writes_nothing_at_all(demo, nemorun, home):
    before = sorted(demo.rglob("*"))

    answer = nemorun("run", "-k", "train", "lr=0.1,0.2", "--dry-run")

    assert answer.code == 0
    assert "job train[lr=0.1]@local" in answer.out
    assert "argv " in answer.out
    assert not (home / ".run").exists()
    assert sorted(demo.rglob("*")) == before


def test_bare_run_lists_the_tasks_and_exits_4(demo, nemorun, home):
    answer = nemorun("run")

    assert answer.code == 4
    assert "tasks/train.py::train" in answer.out
    assert "what should run?" in answer.err
    assert not (home / ".run").exists()


def test_bare_run_runs_the_default_with_what_was_typed_over_it(demo, nemorun, write):
    write("nemorun.toml", '[project]\ndefault = { k = "train", set = ["lr=0.3", "epochs=2"] }\n')

    answer = nemorun("run", "lr=0.4", "--json")

    assert last_document(answer)["jobs"][0]["params"] == {"lr": 0.4, "epochs": 2}


def test_all_runs_everything(demo, nemorun):
    answer = nemorun("run", "--all", "--dry-run", "--json")

    assert [job["task"] for job in answer.json["jobs"]] == ["train", "evaluate", "fails"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["-k", "trian"], 5, "no task matches -k 'trian'; the nearest: train"),
        (["-k", "train", "lr=fast"], 4, "lr: 'fast' is not a float (task train)"),
        (["-k", "train", "rl=1"], 4, "rl"),
        (["-k", "train", "-e", "slrum"], 4, "unknown executor 'slrum'"),
        (["-k", "train", "-e", "slurm_*"], 5, "no executor matches -e 'slurm_*'"),
        (["-k", "train", "--set", "trian.lr=1"], 4, "trian"),
        (["tasks/nowhere.py"], 4, "tasks/nowhere.py"),
        (["-k", "train", "-x", "--maxfail", "3"], 4, "-x means --maxfail 1"),
        (["-k", "train", "--", "--verbose"], 4, "what follows -- goes to script tasks"),
        (["-k", "train", "-j", "0"], 4, "-j"),
        (["-k", "train and"], 4, "at column"),
        (["--lf"], 5, "has no experiment yet"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_run_is_said_in_one_sentence(  # noqa: PLR0917 - fixtures and a table
    demo, nemorun, home, arguments, code, sentence
):
    answer = nemorun("run", *arguments)

    assert answer.code == code
    assert sentence in answer.err
    assert "Traceback" not in answer.err
    assert not (home / ".run" / "experiments").exists()


def test_detach_returns_the_id_and_the_experiment_goes_on(demo, nemorun):
    answer = nemorun("run", "-k", "train", "-d")

    waited = nemorun("wait", answer.out.strip())
    assert (answer.code, waited.code) == (0, 0)


def test_max_fail_skips_what_has_not_started(demo, nemorun, write):
    write(
        "more.py",
        "import nemorun\n@nemorun.parametrize('i', range(4))\n@nemorun.task\ndef bad(i: int):\n    1/0\n",
    )

    answer = nemorun("run", "-k", "bad", "-x", "-j", "1", "--json")

    jobs = [job["state"] for job in last_document(answer)["jobs"]]
    assert jobs == ["FAILED", "SKIPPED", "SKIPPED", "SKIPPED"]


def test_last_failed_runs_what_failed_and_uses_what_succeeded(demo, nemorun, write):
    write(
        "flaky.py",
        """
        import nemorun, pathlib
        @nemorun.task
        def first():
            return 41
        @nemorun.task(after=["first"])
        def second():
            if not pathlib.Path("mended").exists():
                raise RuntimeError("not mended")
            return nemorun.upstream("first").result + 1
        """,
    )
    assert nemorun("run", "-k", "first or second").code == 1
    write("mended", "")

    again = nemorun("run", "--lf", "--json")

    assert {job["id"]: job["result"] for job in last_document(again)["jobs"]} == {
        "second@local": 42
    }
    assert nemorun("run", "--lf").code == 5


def test_an_edge_between_executors_is_waited_for(project, nemorun, write):
    write(
        "nemorun.toml",
        """
        [profiles.other]
        kind = "local"
        [profiles.third]
        kind = "local"
        """,
    )
    write(
        "t.py",
        """
        import nemorun, os, pathlib, time
        @nemorun.task(executors=["local"], retries=1)
        def prep(seed: int = 1):
            time.sleep(0.3)
            if nemorun.current().attempt == 1:
                raise RuntimeError("once more")
            return [seed, "prepared"]
        @nemorun.task(after=["prep"], executors=["other"])
        def use(seed: int = 1):
            if not os.path.exists("mended"):
                raise RuntimeError("not mended")
            return nemorun.upstream("prep").result
        @nemorun.task(after=["prep"], executors=["third"])
        def report():
            return sorted(one.result for one in nemorun.upstreams("prep"))
        """,
    )

    plan = nemorun("run", "-k", "use", "--with-deps", "--dry-run")
    first = last_document(nemorun("run", "--all", "seed=1,2", "-j", "2", "--json"))
    write("mended", "")
    again = last_document(nemorun("run", "--lf", "--json"))
    write("t.py", (project / "t.py").read_text().replace('["local"]', '["local", "other"]'))
    unclear = nemorun("run", "-k", "prep or report")
    write("t.py", (project / "t.py").read_text().replace('after=["prep"]', 'after=["prep@local"]'))
    clear = nemorun("run", "-k", "prep or report", "--dry-run")

    assert "  after prep: prep@local" in plan.out.splitlines()
    assert {job["id"]: (job["state"], job["result"]) for job in first["jobs"]} == {
        "prep[seed=1]@local": ("SUCCEEDED", [1, "prepared"]),
        "prep[seed=2]@local": ("SUCCEEDED", [2, "prepared"]),
        "use[seed=1]@other": ("FAILED", None),
        "use[seed=2]@other": ("FAILED", None),
        "report@third": ("SUCCEEDED", [[1, "prepared"], [2, "prepared"]]),
    }
    assert {job["id"]: job["result"] for job in again["jobs"]} == {
        "use[seed=1]@other": [1, "prepared"],
        "use[seed=2]@other": [2, "prepared"],
    }
    assert (unclear.code, unclear.err.splitlines()) == (
        4,
        [
            "error: report@third comes after prep, and may mean prep@local and prep@other",
            'hint: say which, after=["prep@local"], or run both tasks on one executor',
        ],
    )
    assert clear.out.split("job report@third")[1].splitlines()[1] == "  after prep: prep@local"


def test_rerun_failed_repeats_parameters_and_names_its_origin(demo, nemorun, write):
    write(
        "gate.py",
        "import nemorun, os\n@nemorun.task\ndef gate(n: int = 0):\n    assert os.path.exists('open'), n\n    return n\n",
    )
    first = last_document(nemorun("run", "-k", "gate", "n=1,2", "--json"))["experiment"]["id"]
    write("open", "")

    answer = nemorun("rerun", first, "--failed", "--json")

    assert [job["params"] for job in last_document(answer)["jobs"]] == [{"n": 1}, {"n": 2}]
    again = last_document(answer)["experiment"]["id"]
    assert nemorun("show", again, "--json").json["experiment"]["rerun_of"] == first
    assert nemorun("rerun", again, "--failed").code == 5


def test_script_tasks_get_their_parameters_and_what_follows_the_dashes(demo, nemorun, write):
    write(
        "nemorun.toml",
        """
        [tasks.hello]
        command = ["sh", "-c", 'echo "$0 $1 n=$NEMORUN_PARAM_N"', "${param:n}"]
        params = { n = 1 }
        """,
    )

    answer = nemorun("run", "-k", "hello", "n=5", "--", "two words")

    assert answer.code == 0
    assert nemorun("logs").out == "5 two words n=5\n"


def test_ctrl_c_cancels_the_jobs_of_this_machine_and_exits_2(demo, nemorun, write):
    write("slow.py", "import nemorun, time\n@nemorun.task\ndef slow():\n    time.sleep(600)\n")
    process = nemorun.start("run", "-k", "slow")
    wait_until(lambda: states(nemorun("status", "--json")) == {"slow@local": "RUNNING"}, nemorun)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 2
    assert b"cancelling 1 job on this machine" in err
    assert b"CANCELLED" in out


def test_the_driver_loads_while_the_command_still_reads(demo, nemorun):
    os.mkfifo(demo / "arguments")
    process = nemorun.start("run", "-k", "train", "@arguments")
    home = os.environ["NEMORUN_HOME"]

    wait_until(lambda: len(drivers_in(home)) == 1, nemorun)
    (demo / "arguments").write_text("nosuch=1\n")

    assert process.wait(30) == 4
    process.communicate()
    wait_until(lambda: not drivers_in(home), nemorun)
    assert not (Path(home) / "experiments").exists()


def test_killing_the_command_loses_nothing(demo, nemorun, write):
    write(
        "slow.py",
        "import nemorun, os, time\n@nemorun.task\ndef slow():\n    while not os.path.exists('go'): time.sleep(0.02)\n    return 'done'\n",
    )
    process = nemorun.start("run", "-k", "slow")
    wait_until(lambda: states(nemorun("status", "--json")) == {"slow@local": "RUNNING"}, nemorun)

    process.kill()
    process.communicate()
    write("go", "")

    assert nemorun("wait").code == 0
    assert nemorun("status", "--json").json["jobs"][0]["result"] == "done"


def wait_until(is_so, nemorun):
    deadline = time.monotonic() + 30
    while True:
        try:
            if is_so():
                return
        except (KeyError, json.JSONDecodeError):
            pass  # there is no experiment yet
        assert time.monotonic() < deadline, nemorun("status").out
        time.sleep(0.1)


def test_two_factories_of_one_name_are_each_seen_by_the_tasks_below_them(demo, nemorun, write):
    body = "import nemorun\ndef here() -> nemorun.LocalExecutor:\n    return nemorun.LocalExecutor(env_vars={'WHERE': %r})\n"
    task = "import nemorun, os\n@nemorun.task\ndef %s():\n    return os.environ['WHERE']\n"
    write("executors.py", body % "root")
    write("vision/executors.py", body % "vision")
    write("a.py", task % "outer")
    write("vision/b.py", task % "inner")

    answer = nemorun("run", "-k", "outer or inner", "-e", "here", "--json")

    assert {job["id"]: job["result"] for job in last_document(answer)["jobs"]} == {
        "outer@here": "root",
        "inner@vision/here": "vision",
    }


def test_a_task_runs_on_several_executors_as_one_experiment(demo, nemorun, write):
    write(
        "nemorun.toml",
        "[profiles.one]\nkind='local'\nenv_vars={A='1'}\n[profiles.two]\nextends='one'\nenv_vars={A='2'}\n",
    )
    write("env.py", "import nemorun, os\n@nemorun.task\ndef env():\n    return os.environ['A']\n")

    answer = nemorun("run", "-k", "env", "-e", "one", "-e", "two", "--json")

    assert {job["id"]: job["result"] for job in last_document(answer)["jobs"]} == {
        "env@one": "1",
        "env@two": "2",
    }


def test_a_secret_by_name_must_be_set_and_reaches_the_job(demo, nemorun, write):
    write("nemorun.toml", "[profiles.local]\nkind='local'\nsecrets=['MY_TOKEN']\n")
    write(
        "env.py",
        "import nemorun, os\n@nemorun.task\ndef env():\n    return len(os.environ['MY_TOKEN'])\n",
    )

    without = nemorun("run", "-k", "env")
    with_it = nemorun("run", "-k", "env", "--json", MY_TOKEN="abcde")

    assert without.code == 4
    assert "MY_TOKEN" in without.err
    assert last_document(with_it)["jobs"][0]["result"] == 5


def test_two_runs_in_the_same_moment_are_two_experiments(demo, nemorun):
    processes = [nemorun.start("run", "-k", "train", "--json") for _ in range(4)]

    answers = [process.communicate(timeout=60)[0] for process in processes]

    ids = {json.loads(out.splitlines()[-1])["experiment"]["id"] for out in answers}
    assert len(ids) == 4


def test_a_home_that_is_a_file_is_named_and_nothing_is_started(demo, nemorun, tmp_path):
    (tmp_path / "file").write_text("")

    answer = nemorun("run", "-k", "train", NEMORUN_HOME=str(tmp_path / "file"))

    assert answer.code == 4
    assert str(tmp_path / "file") in answer.err
    assert "NEMORUN_HOME" in answer.err


HOSTILE = [
    "two words",
    "it's",
    '"quoted',
    "a;b",
    "$HOME",
    "`id`",
    "line\nbreak",
    "é🙂",
    "--help",
    "*",
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_a_value_arrives_byte_for_byte(project, nemorun, write, value):
    write("echo.py", "import nemorun\n@nemorun.task\ndef echo(text: str):\n    return text\n")

    answer = nemorun("run", "-k", "echo", f"text={value}", "--json")

    if answer.code == 4:  # refused: then in a sentence, and nothing ran
        assert "text" in answer.err
        return
    assert last_document(answer)["jobs"][0]["result"] == value


def test_the_record_holds_where_the_experiment_comes_from(demo, nemorun, write):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(demo)]
    (demo / ".git").rmdir()
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        assert os.spawnvp(os.P_WAIT, "git", [*git, *command]) == 0
    write("tasks/train.py", TASKS + "\n    # changed\n")
    write("new.txt", "")

    nemorun("run", "-k", "train", "-o", "profiles.local.env_vars.API_KEY=hush")
    record = nemorun("show", "--json")

    assert record.code == 0
    shown = record.out
    assert '"dirty": true' in shown
    assert "# changed" in shown
    assert "new.txt" in shown
    assert "hush" not in shown
    assert "nemorun" in record.json["experiment"]["argv"][0]


def test_the_log_of_a_job_is_where_the_status_says(demo, nemorun):
    nemorun("run", "-k", "train", "lr=0.25")

    job = nemorun("status", "--json").json["jobs"][0]

    assert Path(job["log"]).read_text() == "training with 0.25\n"
    assert (Path(job["outputs"]) / "model").read_text() == "0.25"


def test_an_executor_that_cannot_start_a_job_exits_6_and_says_why(demo, nemorun):
    answer = nemorun("run", "-k", "train", "-o", "profiles.local.python=/nowhere/python")

    assert answer.code == 6
    assert "/nowhere/python" in answer.out
    assert "Traceback" not in answer.out + answer.err


def test_an_experiment_is_called_after_its_tasks_upstream_first(demo, nemorun):
    answer = nemorun("run", "-k", "train or evaluate", "lr=0.1", "--json")

    assert last_document(answer)["experiment"]["title"] == "train-evaluate"


def test_python_in_a_script_task_is_the_interpreter_of_the_tasks(demo, nemorun, write):
    write(
        "nemorun.toml",
        """
        [tasks.which]
        command = ["python", "-c", "import sys; print(sys.prefix)"]
        """,
    )

    answer = nemorun("run", "-k", "which", PATH="/usr/bin:/bin")

    assert answer.code == 0
    assert nemorun("logs").out == f"{sys.prefix}\n"


def test_a_switched_off_plugin_is_written_down(nemorun, write):
    write("tasks.py", "import nemorun\n\n@nemorun.task\ndef hello():\n    pass\n")

    nemorun("run", "--all", "-p", "no:teller")

    home = open_home(os.environ)
    assert home.read_record(home.find()).without_plugins == ("teller",)
