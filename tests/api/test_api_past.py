"""Experiments of the record: found, looked at, and launched again; and executors from a file."""

from __future__ import annotations

import json
import sys
import textwrap

import pytest

from nemorun_discover.api.named_executor import import_executor
from nemorun_discover.errors import UsageError
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.lifecycle.observe import observe

TASKS = """
import json
def work(n=0):
    return n
def told(value): print(json.dumps(value))
def launch(title, **options):
    with run.Experiment(title, clean_mode=True, **options) as e:
        e.add(run.Partial(work, 1))
        e.run()
    return e
"""


def test_experiments_are_found_by_id_and_title(desk):
    answer = desk.launch(
        TASKS
        + """
ids = [launch(title).id for title in ("lab", "other", "lab")]
found = run.Experiment.from_title("lab")
told([
    run.Experiment.catalog() == ids,
    run.Experiment.catalog("lab") == [ids[0], ids[2]],
    run.Experiment.catalog("la"),
    found.id == ids[2],
    run.Experiment.from_id(ids[1][-4:]).id == ids[1],
    run.Experiment.from_id("@last").id == ids[2],
    found.jobs,
    found.results()["work@local"].value,
    repr(found) == f"<Experiment 'lab': {ids[2]}, 1 jobs>",
])
"""
    )

    assert answer.json == [True, True, [], True, True, True, ["work@local"], 1, True]


def test_an_experiment_of_the_command_line_is_one_of_ours(desk):
    desk.write("import nemorun\n@nemorun.task\ndef f(x: int = 1): return x\n", "tasks.py")
    desk.cli("run", "tasks.py", "x=1,2")

    answer = desk.launch(
        "import json\ne = run.Experiment.from_id('@last')\n"
        "print(json.dumps({id: one.value for id, one in e.results().items()}))"
    )

    assert answer.json == {"f[x=1]@local": 1, "f[x=2]@local": 2}


def test_what_was_launched_cannot_be_added_to(desk):
    desk.launch(TASKS + "launch('lab')")

    answer = desk.launch(TASKS + "run.Experiment.from_title('lab').add(work)", code=1)

    assert f"{desk.home.ids()[0]} was launched already: nothing can be added" in answer.err


def test_looking_at_one_in_a_block_does_not_wait_for_it(desk):
    desk.launch(
        "import time\ndef f(): time.sleep(60)\ne = run.Experiment('lab')\ne.add(f)\ne.run()\n"
    )

    answer = desk.launch("with run.Experiment.from_title('lab') as e:\n    e.status()\n")

    assert "f@local" in answer.out


def test_a_reset_experiment_has_the_same_jobs_and_can_be_added_to(desk):
    answer = desk.launch(
        """
import json
def work(n=0, fail=False):
    assert not fail
    return n
def told(value): print(json.dumps(value))
e = run.Experiment("lab", clean_mode=True, raise_on_failure=False)
first = e.add(run.Partial(work, 1, fail=True))
e.add(run.Partial(work, (2, 3)), dependencies=[(first, "any")], name="second")
e.add([run.Partial(work, 4)], name="g", policy="all")
e.run()
e.wait()
for one in (e, run.Experiment.from_id(e.id)):
    again = one.reset()
    again.add(work, name="third", dependencies=["second"])
    again.run()
    results = again.wait()
    told([again.id != e.id, {id: [one.state, one.value] for id, one in results.items()}])
"""
    )

    expected = {
        "work@local": ["FAILED", None],
        "second@local": ["SUCCEEDED", [2, 3]],
        "g/work@local": ["SUCCEEDED", 4],
        "third@local": ["SUCCEEDED", 0],
        "g@local": ["SUCCEEDED", [4]],
    }
    assert [json.loads(line) for line in answer.out.splitlines()] == [[True, expected]] * 2
    records = [desk.home.read_record(one) for one in desk.home.ids()]
    assert {record.groups["g"] for record in records} == {"all"}
    assert all(record.jobs[1].conditions == {"work@local": "any"} for record in records)


def test_a_reset_takes_secrets_from_the_environment(desk):
    answer = desk.launch(
        """
import json, os
def f(): return os.environ["API_KEY"]
e = run.Experiment("lab", run.LocalExecutor(env_vars={"API_KEY": "one"}), clean_mode=True)
e.add(f)
e.run()
e.wait()
os.environ["API_KEY"] = "two"
again = run.Experiment.from_id(e.id).reset()
again.run()
print(json.dumps([e.results()["f@local"].value, again.wait()["f@local"].value]))
"""
    )

    assert answer.json == ["one", "two"]


def test_a_secret_that_is_not_set_is_missed_at_add(desk):
    answer = desk.launch(
        "def f(): pass\nrun.Experiment('lab').add(f, run.LocalExecutor(secrets=['WANDB_API_KEY']))",
        code=1,
    )

    assert "local: the secret WANDB_API_KEY is not set in this shell" in answer.err


@pytest.fixture
def executors(home):
    folder = home / ".run"
    folder.mkdir()
    (folder / "executors.py").write_text(
        "import nemorun as run\n"
        "def small(nodes=1): return run.LocalExecutor(env_vars={'N': str(nodes)})\n"
        "ready = run.LocalExecutor(max_parallel=3)\n"
    )
    return folder / "executors.py"


@pytest.mark.usefixtures("executors")
def test_an_executor_is_imported_by_its_name():
    assert import_executor("small") == LocalExecutor(env_vars={"N": "1"})
    assert import_executor("small", nodes=2) == LocalExecutor(env_vars={"N": "2"})
    assert import_executor("ready") == LocalExecutor(max_parallel=3)
    assert import_executor("small", call=False)(3) == LocalExecutor(env_vars={"N": "3"})


def test_the_file_can_be_another(tmp_path):
    (tmp_path / "mine.py").write_text("def x(): return 5\n")

    assert import_executor("x", tmp_path / "mine.py") == 5
    assert "mine" not in sys.modules


@pytest.mark.parametrize(
    ("call", "sentence", "hint"),
    [
        (lambda: import_executor("smal"), "defines no 'smal'", "did you mean small?"),
        (lambda: import_executor("ready", nodes=1), "is not called, and takes no arguments", None),
    ],
    ids=["unknown", "arguments"],
)
@pytest.mark.usefixtures("executors")
def test_what_cannot_be_imported_is_said(call, sentence, hint):
    with pytest.raises(UsageError) as caught:
        call()

    assert sentence in caught.value.message
    assert caught.value.hint == hint


def test_a_file_that_is_not_there_is_named(home):
    with pytest.raises(UsageError) as caught:
        import_executor("small")

    assert caught.value.message.startswith(f"{home}/.run/executors.py is not there")


def test_last_failed_runs_on_the_executors_that_a_script_made(desk):
    desk.launch(
        """
        executor = run.LocalExecutor(env_vars={"CODE": "7"})
        with run.Experiment("e", executor=executor, raise_on_failure=False) as exp:
            exp.add(run.Script(inline="exit $CODE"), name="job")
            exp.run()
    """
    )

    desk.cli("run", "--lf", code=1)

    (job,) = observe(desk.home, desk.home.find()).jobs
    assert job.exit_code == 7


def test_an_error_that_nobody_catches_says_what_to_do(desk):
    answer = desk.launch("run.Experiment.from_id('nowhere')", code=1)

    assert answer.err.splitlines()[-1] == "hint: start one with `nemorun run`"


RESET = """
    import pathlib

    packager = run.PatternPackager(include_pattern="*.txt")
    executor = run.LocalExecutor(packager=packager)
    text = pathlib.Path("data.txt")
    text.write_text("then")
    read = run.Script(inline="cat data.txt")
    exp = run.Experiment("e", executor=executor, clean_mode=True)
    exp.add(read, name="read")
    exp.run()
    exp.wait()
    text.write_text("now")
    def told(exp):
        exp.run()
        print(next(iter(exp.wait().values())).log.read_text())
"""


@pytest.mark.parametrize(
    ("reset", "text"),
    [
        ("told(exp.reset())", "then"),
        ("told(run.Experiment.from_id(exp.id).reset())", "then"),
        ("told(exp.reset(fresh_code=True))", "now"),
        ("again = exp.reset(); again.add(read, name='other'); told(again)", "now"),
    ],
    ids=["same process", "from the record", "fresh code", "a job was added"],
)
def test_a_reset_experiment_runs_the_code_of_then(desk, reset, text):
    desk.launch(textwrap.dedent(RESET) + reset + "\n")

    newest, first = desk.home.newest_first()
    log = next(desk.home.layout.experiment(newest).jobs.glob("read*/attempt-1/log"))
    assert log.read_text() == text
    assert desk.home.read_record(newest).rerun_of == first


def test_a_reset_whose_code_is_gone_says_so(desk):
    answer = desk.launch(
        textwrap.dedent(RESET)
        + "import shutil\n"
        + "from nemorun_discover.store.home import open_home\n"
        + "shutil.rmtree(open_home(__import__('os').environ).layout.packages / 'trees')\n"
        + "exp.reset().run()\n",
        code=1,
    )

    assert answer.err.endswith(
        "hint: reset(fresh_code=True) runs the project's code as it is now\n"
    )
    assert len(desk.home.ids()) == 1


def test_a_rerun_reads_words_by_the_annotations_of_the_function(desk):
    """Also where the recorded value would tell another type."""
    desk.launch(
        "def work(n: float = 1, names: list[str] = []):\n    return [n, names]\n"
        "with run.Experiment('lab', clean_mode=True) as e:\n"
        "    e.add(run.Partial(work, 1, []))\n    e.run()\n"
    )

    again = desk.cli("rerun", "n=2", "names=[a,b]", "--json")
    refused = desk.cli("rerun", "names=a", "--json", code=4)

    (job,) = json.loads(again.out.splitlines()[-1])["jobs"]
    assert (job["params"], job["result"]) == ({"n": 2.0, "names": ["a", "b"]}, [2.0, ["a", "b"]])
    assert "'a' is not a list[str]" in refused.err
