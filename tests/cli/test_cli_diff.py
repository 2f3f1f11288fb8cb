"""`nemorun diff`: what differs between two experiments."""

from __future__ import annotations

import subprocess

import pytest

from nemorun_discover.model.record import GitState, Interpreter

A = "20261122-0712-train-aaaa"
B = "20261122-0713-train-bbbb"
CLEAN = GitState(commit="c" * 40, branch="main", dirty=False)


def put(shelf, *jobs, **fields):
    python = Interpreter(version="3.11.7", executable="/bin/python", installed={"numpy": "2.0"})
    return shelf.put(*jobs, **({"git": CLEAN, "interpreter": python} | fields))


def test_experiments_that_are_alike_do_not_differ(nemorun, shelf, told):
    for one in (A, B):
        put(shelf, told("train@local", params={"lr": 0.1}, result={"acc": 0.5}), id=one)

    answer = nemorun("diff", "aaaa", "@last")

    assert answer.code == 0
    assert answer.lines == [
        f"- {A}",
        f"+ {B}",
        "",
        "no difference: code, jobs, parameters, config, environment, results",
    ]


def test_parameters_and_results_differ_by_job_with_the_difference_of_numbers(nemorun, shelf, told):
    put(shelf, told("train[lr=0.1]@local", params={"lr": 0.1}, result={"acc": 0.5}), id=A)
    put(
        shelf,
        told("train[lr=0.2]@local", params={"lr": 0.2, "n": 1}, result={"acc": 0.75, "by": "me"}),
        id=B,
    )

    answer = nemorun("diff", A, B)

    assert answer.code == 1
    assert answer.lines[3:13] == [
        "parameters",
        "  train[lr=0.1]@local, train[lr=0.2]@local",
        "    lr  0.1 → 0.2  (+0.1)",
        "    n   - → 1",
        "",
        "results",
        "  train[lr=0.1]@local, train[lr=0.2]@local",
        "    result.acc  0.5 → 0.75  (+0.25)",
        "    result.by   - → me",
        "",
    ]


def test_states_differ_with_exit_codes(nemorun, shelf, told):
    put(shelf, told("train@local", exit_code=0), id=A)
    put(shelf, told("train@local", state="FAILED", exit_code=3, reason="EXIT_CODE"), id=B)

    results = nemorun("diff", A, B, "--json").json["results"]

    assert [(one["name"], one["before"], one["after"]) for one in results] == [
        ("state", "SUCCEEDED", "FAILED"),
        ("reason", None, "EXIT_CODE"),
        ("exit_code", 0, 3),
    ]


def test_jobs_without_a_counterpart_are_named(nemorun, shelf, told):
    put(shelf, told("train@local"), told("old@local"), id=A)
    put(shelf, told("train@local"), told("new@local"), id=B)

    answer = nemorun("diff", A, B)

    assert answer.lines[3:6] == [
        "jobs",
        "  only in the first: old@local",
        "  only in the second: new@local",
    ]


def test_executors_and_limits_differ_field_by_field(nemorun, shelf, told):
    first = {"local": {"kind": "local", "timeout": "1h", "env_vars": {"A": "1"}}}
    second = {"local": {"kind": "local", "timeout": "2h", "env_vars": {"B": "1"}}}
    put(shelf, told("train@local"), id=A, executors=first, max_jobs=2)
    put(shelf, told("train@local"), id=B, executors=second)

    config = nemorun("diff", A, B, "--json").json["config"]

    found = {(one["place"], one["name"]): (one.get("before"), one.get("after")) for one in config}
    assert found == {
        ("experiment", "max_jobs"): (2, None),
        ("executor local", "timeout"): ("1h", "2h"),
        ("executor local", "env_vars.A"): ("1", None),
        ("executor local", "env_vars.B"): (None, "1"),
    }


def test_the_one_executor_of_each_is_compared_whatever_its_name(nemorun, shelf, told):
    put(shelf, told("train@local"), id=A, executors={"local": {"kind": "local", "retries": 0}})
    put(shelf, told("train@big"), id=B, executors={"big": {"kind": "local", "retries": 2}})

    document = nemorun("diff", A, B, "--json").json

    assert document["jobs"] == {"only_first": [], "only_second": []}
    assert [(one["place"], one["name"]) for one in document["config"]] == [
        ("executor local, big", "retries")
    ]


def test_a_secret_is_compared_by_name_and_shown_as_a_mask(nemorun, shelf, told):
    hidden = {"local": {"kind": "local", "env_vars": {"API_KEY": {"$secret": "API_KEY"}}}}
    put(shelf, told("train@local"), id=A, executors=hidden)
    put(shelf, told("train@local"), id=B)

    assert "env_vars.API_KEY  *** → -" in nemorun("diff", A, B).out


def test_the_environment_differs_by_version_and_distribution(nemorun, shelf, told):
    other = Interpreter(
        version="3.12.1", executable="/bin/python", installed={"numpy": "2.1", "torch": "2.9"}
    )
    put(shelf, told("train@local"), id=A)
    put(
        shelf,
        told("train@local"),
        id=B,
        interpreter=other,
        versions={"nemorun": "0.1.0", "python": "3.12.1"},
    )

    answer = nemorun("diff", A, B)

    assert answer.lines[3:9] == [
        "environment",
        "  machine",
        "    python  3.11.7 → 3.12.1",
        "  installed",
        "    numpy  2.0 → 2.1",
        "    torch  - → 2.9",
    ]


def test_what_no_record_tells_is_said_and_is_no_difference(nemorun, shelf, told):
    git = GitState(commit="c" * 40, branch="main", dirty=True, untracked=("notes.txt",))
    for one in (A, B):
        put(shelf, told("train@local"), id=one, git=git, interpreter=None)

    answer = nemorun("diff", A, B)

    assert answer.code == 0
    unknown = [line for line in answer.lines if line.startswith("not known: ")]
    assert "untracked files are not recorded (notes.txt)" in unknown[0]
    assert unknown[1:] == [
        f"not known: {one} does not say what was installed: an older nemorun wrote it"
        for one in (A, B)
    ]


def section(path, line):
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-x\n+{line}\n"


def test_without_packages_the_recorded_changes_differ_by_file(nemorun, shelf, told):
    def git(*sections, untracked=()):
        return GitState(
            commit="c" * 40,
            branch="main",
            dirty=True,
            diff="".join(sections),
            untracked=untracked,
        )

    before = git(section("a.py", "1"), section("b c.py", "1"), untracked=("old",))
    after = git(section("a.py", "1"), section("b c.py", "2"), untracked=("new",))
    put(shelf, told("train@local"), id=A, git=before)
    put(shelf, told("train@local"), id=B, git=after)

    files = nemorun("diff", A, B, "--json").json["code"]["files"]

    assert files == [
        {"path": "b c.py", "how": "changed"},
        {"path": "new", "how": "added"},
        {"path": "old", "how": "removed"},
    ]


def git(root, *arguments):
    command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", *arguments]
    answer = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return answer.stdout.strip()


@pytest.fixture
def repository(project, write):
    (project / ".git").rmdir()
    write("tasks.py", "import nemorun\n\n@nemorun.task\ndef train():\n    return 1\n")
    write(
        "nemorun.toml",
        '[profiles.packed]\nkind = "local"\npackager = "git"\n',
    )
    (project / "data.bin").write_bytes(b"\0\1")
    git(project, "init", "--quiet")
    return project


def commit(root):
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=x")
    return git(root, "rev-parse", "HEAD")


def test_commits_are_compared_by_the_repository(nemorun, shelf, told, repository, write):
    states = []
    for text in ("one\n", "two\n"):
        write("a.py", text)
        states.append(GitState(commit=commit(repository), branch="main", dirty=False))
    put(shelf, told("train@local"), id=A, git=states[0])
    put(shelf, told("train@local"), id=B, git=states[1])

    code = nemorun("diff", A, B, "--json").json["code"]
    lines = nemorun("diff", A, B, "--code").out

    short = [one.commit[:12] for one in states]
    assert code["files"] == [{"path": "a.py", "how": "changed"}]
    assert code["differences"] == [f"commit {short[0]} then {short[1]}"]
    assert "-one\n+two\n" in lines


def test_packages_differ_file_by_file(nemorun, repository, write):
    nemorun("run", "--all", "-e", "packed", "-q")
    write("tasks.py", "import nemorun\n\n@nemorun.task\ndef train():\n    return 2\n")
    write("new file.txt", "new")
    (repository / "data.bin").write_bytes(b"\0\2")
    nemorun("run", "--all", "-e", "packed", "-q")
    first, second = _ids(nemorun)

    answer = nemorun("diff", first, second)
    lines = nemorun("diff", first, second, "--code")

    assert answer.code == 1
    assert answer.lines[3:7] == [
        "code",
        "  changed  data.bin",
        "  added    new file.txt",
        "  changed  tasks.py",
    ]
    assert lines.code == 1
    assert lines.out == (
        "Binary files a/data.bin and b/data.bin differ\n"
        "--- /dev/null\n+++ b/new file.txt\n@@ -0,0 +1 @@\n+new\n\\ No newline at end of file\n"
        "--- a/tasks.py\n+++ b/tasks.py\n@@ -2,4 +2,4 @@\n \n @nemorun.task\n def train():\n"
        "-    return 1\n+    return 2\n"
    )


def test_the_same_package_twice_is_no_difference(nemorun, repository):
    nemorun("run", "--all", "-e", "packed", "-q")
    nemorun("run", "--all", "-e", "packed", "-q")

    answer = nemorun("diff", *_ids(nemorun), "--code")

    assert (answer.code, answer.out) == (0, "")


def test_a_package_that_is_gone_is_a_difference_that_cannot_be_told(
    nemorun, repository, write, home
):
    nemorun("run", "--all", "-e", "packed", "-q")
    write("tasks.py", "import nemorun\n\n@nemorun.task\ndef train():\n    return 2\n")
    nemorun("run", "--all", "-e", "packed", "-q")
    for tree in (home / ".run" / "packages" / "trees").iterdir():
        tree.unlink()

    answer = nemorun("diff", *_ids(nemorun))

    assert answer.code == 1
    assert "any more" in answer.out


def _ids(nemorun):
    rows = nemorun("experiments", "--json").json["experiments"]
    return [row["id"] for row in reversed(rows)]


@pytest.mark.parametrize("columns", [40, 60, 120], ids=str)
def test_long_values_stand_under_each_other_on_a_narrow_terminal(nemorun, shelf, told, columns):
    put(shelf, told("train@local", params={"data": "x" * 30}), id=A)
    put(shelf, told("train@local", params={"data": "y" * 30}), id=B)

    answer = nemorun.on_terminal("diff", A, B, "--color=no", columns=columns)

    assert max(map(len, answer.lines)) <= columns
    assert "x" * 30 in answer.out
    assert (f"data  {'x' * 30} → {'y' * 30}" in answer.out) is (columns == 120)
