"""Markers go in through every door, and come out nowhere but in the jobs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.secrets import Known, masked_argv, masked_settings
from nemorun_discover.store.home import open_home

MARK = "MaRk3r"
TASKS = """
    import os, time
    import nemorun

    @nemorun.task
    def train(token: str = "", dsn: str = "", cfg: dict = {}, keys: list = []):
        while not os.path.exists(os.environ["GO"]):
            time.sleep(0.02)
        seen = [token, dsn, cfg.get("db", {}).get("password", ""), *keys]
        seen += [os.environ[name] for name in ("API_KEY", "URL", "HF_TOKEN", "LIT_TOKEN")]
        assert all("MaRk3r" in one for one in seen), [len(one) for one in seen]
        assert not [name for name in os.environ if name.startswith("NEMORUN_SECRET_")]
        return len(seen)
"""
EXECUTORS = """
    import os
    import nemorun

    def made(size: str = "s", token: str = ""):
        variables = {"API_KEY": token, "URL": f"x://{os.environ['DB_PASSWORD']}@h"}
        variables |= {"LIT_TOKEN": "MaRk3r-in-code", "GO": os.environ["GO"]}
        return nemorun.LocalExecutor(env_vars=variables, secrets=["HF_TOKEN"])
"""
CONFIG = """
    [profiles.plain]
    kind = "local"
    env_vars = { API_KEY = "MaRk3r-in-toml", URL = "postgres://u:${env:P}@h", GO = "${env:GO}", LIT_TOKEN = "${env:DB_PASSWORD}" }
    secrets = ["HF_TOKEN"]

    [profiles.called]
    factory = "made"
    token = "${env:OTHER}"

    [tasks.script]
    command = ["sh", "-c", "case $WANDB_API_KEY$NEMORUN_PARAM_TOKEN$DSN$2 in M?Rk3r*M?Rk3r*M?Rk3r*M?Rk3r*) ;; *) exit 5;; esac", "x"]
    env = { WANDB_API_KEY = "MaRk3r-task-env", DSN = "http://${env:OTHER}:1/${env:P}" }
    params = { token = "MaRk3r-param", link = "x://${env:OTHER}" }
"""
SECRETS = {
    "DB_PASSWORD": "MaRk3r-db",
    "OTHER": "MaRk3r-other",
    "P": f"{MARK}",
    "HF_TOKEN": "MaRk3r-hf",
}
SCRIPT = """
    import os, sys
    import nemorun as run
    from nemorun import Plugin

    class Teller(Plugin):
        def __init__(self, api_key):
            self.api_key = api_key
        def on_finish(self, experiment_id, experiment):
            open(os.environ["TOLD"], "w").write(str(len(self.api_key)))

    def work(token, options):
        assert token.startswith("MaRk3r") and options["auth"]["secret"].startswith("MaRk3r")
        return 1

    if __name__ == "__main__":
        with run.Experiment("api", executor=run.LocalExecutor(env_vars={"A_KEY": "MaRk3r-api"})) as exp:
            exp.add(run.Partial(work, token="MaRk3r-partial", options={"auth": {"secret": "MaRk3r-nested"}}), plugins=[Teller("MaRk3r-plugin")])
            exp.add(run.Script(inline='test "${#T_TOKEN}" = 13', env={"T_TOKEN": "MaRk3r-script", "U": "x://MaRk3r-db"}), name="script")
            exp.run(detach=True)
"""


def holders(folder: Path) -> list[str]:
    """The files below a folder with the marker in their content or in their name."""
    found = []
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() and path.suffix != ".zip" else b""
        if MARK.encode() in content or MARK in path.name:
            found.append(str(path.relative_to(folder)))
    return found


def command_lines() -> list[str]:
    """Of all processes, those with the marker."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if MARK in text:
            found.append(text)
    return found


@pytest.fixture
def doors(project, write, tmp_path, monkeypatch):
    for name, text in (("tasks.py", TASKS), ("executors.py", EXECUTORS), ("nemorun.toml", CONFIG)):
        write(name, text)
    for command in (
        ["init", "-q"],
        ["add", "tasks.py", "executors.py"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
        ["add", "nemorun.toml"],  # not committed: it is in the diff of every record
    ):
        subprocess.run(["git", *command], cwd=project, check=True)
    for name, value in {
        **SECRETS,
        "GO": str(tmp_path / "go"),
        "TOLD": str(tmp_path / "told"),
    }.items():
        monkeypatch.setenv(name, value)
    return project


GIVEN = ("token=MaRk3r-a,MaRk3r-b", "dsn=x://MaRk3r-db", 'cfg={"db": {"password": "MaRk3r-c"}}', 'keys=["MaRk3r-d"]')  # fmt: skip
READING = (
    ["status"], ["status", "--json"], ["show"], ["show", "--json"], ["show", "--diff"], ["results"],
    ["results", "--csv"], ["results", "--json"], ["logs"], ["experiments"], ["experiments", "--json"],
    ["list"], ["list", "--json"], ["list", "jobs", "token=MaRk3r-a"], ["list", "jobs", "--json", "token=MaRk3r-a"],
    ["list", "executors", "--json"], ["config", "--show-origin"], ["config", "--json"], ["doctor"], ["doctor", "-e", "plain"],
    ["run", "--all", "-e", "plain", "--dry-run", *GIVEN], ["run", "--all", "-e", "called", "--dry-run", "--json", *GIVEN],
)  # fmt: skip
SELDOM = (
    ["reproduce", "@last", "--check"], ["pull"], ["cancel", "--json"], ["prune", "--older-than", "0s", "--dry-run", "--json"],
    ["status", "-v"], ["logs", "--json"], ["rerun", "--dry-run"],
)  # fmt: skip


def test_no_marker_comes_out(doors, nemorun, tmp_path):
    home = open_home(os.environ).layout.root
    said = []

    def call(*words):
        answer = nemorun(*words)
        said.append((words, answer.out + answer.err))
        return answer

    started = [
        call("run", "-d", "-k", "train", "-e", where, *GIVEN) for where in ("plain", "called")
    ]
    call("run", "-d", "-k", "script", "-e", "plain", "--", "--api-key", "MaRk3r-arg")
    assert [one.code for one in started] == [0, 0], said
    assert command_lines() == []
    (tmp_path / "go").touch()
    first, second = (one.out.split()[-1] for one in started)
    for words in READING:
        call(*words)
    for experiment in (first, second, "@last"):
        assert call("wait", experiment).code == 0, said
    call("diff", first, second)
    call("diff", first, second, "--json")
    (job, *_) = [one["id"] for one in call("status", first, "--json").json["jobs"]]
    for words in (["show", first, "--script", job], ["diff", first, second, "--code"], *SELDOM):
        call(*words)
    assert call("eject", first, job, str(tmp_path / "ejected")).code == 0
    # The value of the profile's key is in no environment, nor is that of the parameter.
    refused = call("rerun", first)
    assert (refused.code, "the value of " in refused.err) == (4, True)
    os.environ["API_KEY"] = "MaRk3r-given-again"
    asked = call("rerun", first)
    assert asked.code == 4
    assert "the value of its parameter token is a secret, and is not written down" in asked.err
    again = call("rerun", first, "-d", "token=MaRk3r-e", "cfg={}", 'keys=["MaRk3r-f"]')
    assert again.code == 0 or "parameter" in again.err, again.err

    assert [
        (words, line) for words, text in said for line in text.splitlines() if MARK in line
    ] == []
    assert holders(home) == []
    assert holders(tmp_path / "ejected") == ["code/executors.py", "code/tasks.py"]


AGAIN = """
    [profiles.plain]
    kind = "local"
    env_vars = { URL = "x://${env:WHERE}/${env:SHORT}" }

    [tasks.script]
    command = ["sh", "-c", "test ${#URL} = 19; exit $((3 + $?))"]
"""


def test_what_a_configuration_takes_from_the_environment_is_hidden_when_it_is_read_again(
    project, write, nemorun, monkeypatch
):
    """`--lf`, `rerun -e`, `rerun -o` and `reproduce --check`; the names of the variables promise nothing."""
    write("nemorun.toml", AGAIN)
    monkeypatch.setenv("WHERE", "MaRk3r-where")
    monkeypatch.setenv("SHORT", "M3")
    option = "profiles.plain.env_vars.URL='x://${env:WHERE}/${env:SHORT}'"

    first = nemorun("run", "-k", "script", "-e", "plain")
    check = nemorun("reproduce", "--check", "--json")
    again = [
        nemorun("run", "--lf"),
        nemorun("rerun", "-e", "plain"),
        nemorun("rerun", "-o", option, "-o", "profiles.plain.env_vars.OTHER=${env:SHORT}"),
    ]
    shown = [nemorun("show", "--json"), nemorun("status", "-v"), nemorun("show")]

    assert [one.code for one in (first, *again)] == [1] * 4, [one.err for one in again]
    ends = [
        one["jobs"][0]["exit_code"]
        for one in (nemorun("status", x, "--json").json for x in ids(nemorun))
    ]
    assert ends == [3] * 4  # each has had the values
    findings = [one for one in check.json["findings"] if one["area"] == "config"]
    assert [one["message"] for one in findings if one["holds"]] == [
        "plain: the executor is the same"
    ]
    assert not any(one["holds"] is False for one in findings)
    said = "".join(one.out + one.err for one in (first, check, *again, *shown))
    assert MARK not in said
    assert "/M3" not in said
    home = open_home(os.environ).layout.root
    assert holders(home) == []
    assert not [one for one in home.rglob("*.json") if b"/M3" in one.read_bytes()]
    assert not [one for one in home.rglob("*.json") if b'"M3"' in one.read_bytes()]


def ids(nemorun):
    return [one["id"] for one in nemorun("experiments", "--json").json["experiments"]]


def test_no_marker_of_a_script_comes_out(doors, write, tmp_path):
    write("launch.py", SCRIPT)
    (tmp_path / "go").touch()

    done = subprocess.run(
        [sys.executable, "launch.py"], cwd=doors, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    home = open_home(os.environ)
    deadline = time.monotonic() + 60
    while not (tmp_path / "told").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    status = observe(home, home.find(None))
    assert {str(job.state) for job in status.jobs} == {"SUCCEEDED"}, status
    assert (tmp_path / "told").read_text() == str(len("MaRk3r-plugin"))
    assert MARK not in done.stdout + done.stderr
    assert holders(home.layout.root) == []


def test_masking_reads_each_word_once():
    """A megabyte would take 10 hours as it was: 16 KB took 9 seconds, and the time grew with the square."""
    for word in ("a" * 1_000_000, "a-" * 500_000, "a" * 500_000 + " " * 500_000, "A=" * 500_000):
        assert masked_argv([word]) == (word,)
        assert masked_settings(word) == word
        assert Known({"A": "s3cr3t-x"}).masked(word) == word
