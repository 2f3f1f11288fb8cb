"""What jobs ran that run the project's own files: an edit between plan and start is said, recorded, and no proof."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

TASKS = """
    import pathlib, time
    import nemorun
    import helper

    @nemorun.task
    def sweep(seed: int, wait: str = ""):
        if wait:
            pathlib.Path(f"{wait}{seed}").touch()
        while wait and seed == 1 and not pathlib.Path(wait).exists():
            time.sleep(0.02)
        return helper.VALUE

    @nemorun.task
    def edits(seed: int):
        if seed == 1:
            pathlib.Path("helper.py").write_text("VALUE = 'by a job'")
            pathlib.Path("ignored.py").write_text("x = 2")
            pathlib.Path("out.json").write_text("{}")
        return helper.VALUE
"""
STARTED = "{} ran files that had changed since the plan: {}"
MEANWHILE = "files changed while {} ran, so that nobody can tell which it ran: {}"


def git(root, *arguments):
    command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", *arguments]
    subprocess.run(command, cwd=root, check=True)


@pytest.fixture
def files(project, write):
    (project / ".git").rmdir()
    write("tasks.py", TASKS)
    write("helper.py", "VALUE = 'planned'")
    write("ignored.py", "x = 1")
    write(".gitignore", "ignored.py\nout.json\n__pycache__/")
    return project


@pytest.fixture
def repository(files):
    git(files, "init", "--quiet")
    git(files, "add", ".")
    git(files, "commit", "--quiet", "--message=x")
    return files


def findings(answer, area="code"):
    return [
        (one["holds"], one["message"]) for one in answer.json["findings"] if one["area"] == area
    ]


def test_jobs_that_ran_what_a_job_before_them_wrote_are_named_and_prove_nothing(
    nemorun, repository
):
    ran = nemorun("run", "-k", "edits", "seed=1,2,3", "-j", "1")
    git(repository, "checkout", "--quiet", ".")
    results = [one["result"] for one in nemorun("results", "--json").json["results"]]
    shown, show = nemorun("show"), nemorun("show", "--json").json
    status, check = nemorun("status"), nemorun("reproduce", "--check", "--json")

    changed = "helper.py changed, ignored.py changed"
    told = (
        f"the project's files have changed since the jobs were planned: {changed}; "
        "edits[seed=2]@local and what starts later run them as they are now"
    )
    assert results == ["planned", "by a job", "by a job"]
    assert f"note: {told}" in ran.err
    assert status.err.count(told) == ran.err.count(told) == 1
    later = STARTED.format("edits[seed=2]@local, edits[seed=3]@local", changed)
    meanwhile = MEANWHILE.format("edits[seed=1]@local", changed)
    assert ", clean when the jobs were planned" in shown.out
    assert later in shown.out
    (code,) = show["jobs"][1]["attempts"][0]["code"]
    assert (code["when"], code["files"]) == (
        "start",
        {"helper.py": "changed", "ignored.py": "changed"},
    )
    assert show["experiment"]["live_code"]["digest"] != code["digest"]
    # git knows nothing of the ignored file, which is not as it was.
    assert (check.code, check.json["proven"]) == (1, False)
    assert [message for holds, message in findings(check) if holds is None] == [meanwhile, later]
    assert (False, "the code differs from what the jobs were planned with: ignored.py changed") in (
        findings(check)
    )

    (repository / "ignored.py").write_text("x = 1")
    again = nemorun("reproduce", "--check", "--json")
    text = nemorun("reproduce", "--check").out
    nemorun("run", "-k", "sweep", "seed=1", "-q")
    differ = nemorun("diff", "@last", show["experiment"]["id"], "--json").json

    assert again.code == 0
    assert {holds for holds, _ in findings(again)} == {True, None}
    assert "nothing is found to differ; some of it cannot be proven" in text
    assert differ["code"]["differences"] == []  # no job of both is the same


def test_an_edit_before_a_later_job_starts_is_found_without_git_too(nemorun, files, tmp_path):
    word = tmp_path / "go"
    nemorun("run", "-d", "-k", "sweep", "seed=1,2", f"wait={word}", "-j", "1")
    while not Path(f"{word}1").exists():  # the first job has read its files
        time.sleep(0.02)
    (files / "helper.py").write_text("VALUE = 'edited!'")
    (files / "added.py").write_text("")
    word.write_text("")
    nemorun("wait")
    first = nemorun("status", "--json").json
    again = nemorun("rerun")
    differ = nemorun("diff", first["experiment"]["id"], "@last", "--json").json
    (files / "added.py").unlink()
    (files / "helper.py").write_text("VALUE = 'planned'")
    check = nemorun("reproduce", "--check", "--json", first["experiment"]["id"])

    assert [one["result"] for one in first["jobs"]][1] == "edited!"
    assert f"have changed since {first['experiment']['id']}: added.py added, helper.py" in again.err
    assert check.code == 0
    ids = [one["id"] for one in first["jobs"]]
    changed = "added.py added, helper.py changed"
    assert (None, MEANWHILE.format(ids[0], changed)) in findings(check)
    assert (None, STARTED.format(ids[1], changed)) in findings(check)
    (same,) = [message for holds, message in findings(check) if holds]
    assert same.startswith("the code is the same, ")
    assert differ["code"]["files"] == [
        {"path": "added.py", "how": "added"},
        {"path": "helper.py", "how": "changed"},
    ]
    # The second job of both ran the same.
    assert differ["code"]["differences"] == ["in the first, " + MEANWHILE.format(ids[0], changed)]
