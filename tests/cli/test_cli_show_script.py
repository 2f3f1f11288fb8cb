"""`nemorun show --script`: the exact request that was sent."""

from __future__ import annotations

import json
import subprocess

from nemorun_discover.lifecycle.shell import as_shell


def test_a_local_job_is_a_command_that_a_shell_runs(nemorun, workshop, tmp_path):
    experiment = workshop.launch(hello="echo hi")

    answer = nemorun("show", experiment, "--script", "hello")

    assert answer.code == 0, answer.err
    assert answer.lines[0] == f"cd {workshop.root}"
    assert f"export NEMORUN_EXPERIMENT_ID={experiment}" in answer.lines
    checked = subprocess.run(["sh", "-n"], input=answer.out, text=True, check=False)
    assert checked.returncode == 0


def test_as_json_it_is_what_was_sent(nemorun, workshop):
    experiment = workshop.launch(hello="echo hi")
    path = workshop.home.layout.experiment(experiment).job("hello@local").request

    assert nemorun("show", "--script", "hello@local", "--json").json == json.loads(path.read_text())


def test_a_name_that_means_two_jobs_is_refused_with_both(nemorun, workshop):
    workshop.launch(one="true", two="true")

    answer = nemorun("show", "--script", "*")

    assert answer.code == 4
    assert "means 2 jobs of" in answer.err
    assert "one@local, two@local" in answer.err


def test_script_and_diff_exclude_each_other(nemorun, workshop):
    workshop.launch(one="true")

    answer = nemorun("show", "--script", "one", "--diff")

    assert answer.code == 4
    assert "--diff and --script exclude each other" in answer.err


def test_a_request_that_is_gone_is_one_sentence(nemorun, shelf, told):
    shelf.put(told("train@local"))

    answer = nemorun("show", "--script", "train")

    assert answer.code == 4
    assert answer.err.endswith("request.json: is not there any more\n")


def test_a_request_that_is_damaged_is_another_sentence(nemorun, shelf, told):
    experiment = shelf.put(told("train@local"))
    path = shelf.home.layout.experiment(experiment).job("train@local").request
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("5")

    answer = nemorun("show", "--script", "train")

    assert answer.code == 4
    assert "request.json" in answer.err
    assert "damaged" in answer.err


def test_words_are_quoted_and_secrets_are_asked_for():
    request = {
        "argv": ["python", "a b", "it's"],
        "cwd": "/a b",
        "env": {"TOKEN": "***", "B": "$HOME", "A": "1"},
        "nodes": 2,
    }

    assert as_shell(request) == (
        "# nodes: 2\n"
        "cd '/a b'\n"
        "export A=1\n"
        "export B='$HOME'\n"
        ': "${TOKEN:?set it}"; export TOKEN\n'
        "python 'a b' 'it'\"'\"'s'\n"
    )


def test_a_long_command_is_broken_between_words():
    lines = as_shell({"argv": ["word" * 10] * 5}).splitlines()

    assert [line.endswith(" \\") for line in lines] == [True, True, False]
    assert max(map(len, lines)) <= 110


def test_a_script_is_printed_as_it_is():
    assert as_shell({"script": "#!/bin/bash\nsrun x\n", "argv": ["sbatch"]}) == (
        "#!/bin/bash\nsrun x\n"
    )
