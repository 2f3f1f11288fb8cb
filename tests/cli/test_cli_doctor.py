"""`nemorun doctor`."""

from __future__ import annotations

import os
import sys

import pytest

from nemorun_discover.cli.checks import Verdict, check_git, check_home, check_space
from nemorun_discover.cli.rival import check_command

OURS = "#!/usr/bin/python\nfrom nemorun_discover.cli.main import main\nmain()\n"
THEIRS = "#!/usr/bin/python\nfrom nemo_run.__main__ import app\napp()\n"
OTHER = "#!/bin/sh\necho something else\n"


@pytest.fixture
def path_with(tmp_path):
    """A PATH whose folders, in turn, hold a `nemorun` with this content."""

    def build(*scripts):
        folders = [tmp_path / f"bin{n}" for n in range(len(scripts))]
        for folder, text in zip(folders, scripts, strict=True):
            folder.mkdir()
            (folder / "nemorun").write_text(text)
            (folder / "nemorun").chmod(0o755)
        return {"PATH": os.pathsep.join(map(str, folders))}

    return build


def verdicts(answer):
    return {check["name"]: check["verdict"] for check in answer.json["checks"]}


def test_a_healthy_project_passes(nemorun, write, path_with):
    write("nemorun.toml", "[profiles.small]\nkind = 'local'\n")

    answer = nemorun("doctor", "--json", PATH=path_with(OURS)["PATH"] + ":/usr/bin:/bin")

    assert answer.code == 0
    assert answer.json["schema"] == "nemorun.doctor/1"
    assert list(answer.json["checks"][0]) == ["name", "verdict", "message", "remedy"]
    assert {"fail", "warn"}.isdisjoint(verdicts(answer).values())


def test_every_profile_that_is_wrong_is_named_with_its_remedy(nemorun, write):
    write(
        "nemorun.toml",
        "[profiles.one]\nkind = 'local'\nmax_paralel = 2\n[profiles.two]\nkind = 'nosuch'\n",
    )

    answer = nemorun("doctor")

    assert answer.code == 1
    assert "✗ fail  profiles  nemorun.toml: [profiles.one] max_paralel" in answer.out
    assert "max_parallel?" in answer.out
    assert "[profiles.two] kind" in answer.out


def test_a_configuration_that_cannot_be_read_fails(nemorun, write):
    write("nemorun.toml", "[project\n")

    answer = nemorun("doctor", "--json")

    assert answer.code == 1
    assert verdicts(answer)["config"] == "fail"


def test_a_task_file_that_cannot_be_read_is_a_warning(nemorun, write):
    write("nemorun.toml", "")
    write("tasks.py", "import nemorun\n@nemorun.task\ndef broken(:\n")

    answer = nemorun("doctor")

    assert "! warn  tasks" in answer.out
    assert "tasks.py:3" in answer.out


def test_a_home_that_cannot_be_written_fails(nemorun, tmp_path):
    (tmp_path / "file").write_text("")

    answer = nemorun("doctor", "--json", NEMORUN_HOME=str(tmp_path / "file" / "home"))

    assert answer.code == 1
    assert verdicts(answer)["home"] == "fail"


def test_a_home_that_others_can_read_is_a_warning(tmp_path):
    tmp_path.chmod(0o755)

    check = check_home(tmp_path)

    assert check.verdict is Verdict.WARN
    assert check.remedy == f"chmod 700 {tmp_path}"


def test_a_home_that_is_not_there_yet_is_fine_and_not_made(tmp_path):
    check = check_home(tmp_path / "new")

    assert check.verdict is Verdict.OK
    assert list(tmp_path.iterdir()) == []


def test_free_space_is_said(tmp_path):
    assert "GiB free for" in check_space(tmp_path / "new").message


def test_a_missing_git_is_a_warning(tmp_path):
    assert check_git({"PATH": str(tmp_path)}).verdict is Verdict.WARN


@pytest.mark.parametrize(
    ("scripts", "verdict", "said"),
    [
        ((), Verdict.WARN, "there is no `nemorun` on PATH"),
        ((OURS,), Verdict.OK, "`nemorun` is "),
        ((THEIRS,), Verdict.FAIL, "is NVIDIA's NeMo-Run"),
        ((THEIRS, OURS), Verdict.FAIL, "the first `nemorun` on PATH, is NVIDIA's NeMo-Run"),
        ((OURS, THEIRS), Verdict.WARN, "further down PATH"),
        ((OTHER, OURS), Verdict.WARN, "is not of this package"),
    ],
    ids=["none", "ours", "theirs", "theirs before ours", "ours before theirs", "another"],
)
def test_the_command_on_path_is_told_apart(path_with, scripts, verdict, said):
    check = check_command(path_with(*scripts))

    assert check.verdict is verdict
    assert said in check.message


def test_the_remedy_for_their_command_is_the_order_of_path(path_with, tmp_path):
    check = check_command(path_with(THEIRS, OURS))

    assert check.remedy == f"put {tmp_path / 'bin1'} before {tmp_path / 'bin0'} on PATH"


def test_their_distribution_in_our_environment_is_a_warning(nemorun, tmp_path):
    info = tmp_path / "site" / "nemo_run-0.11.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nemo_run\nVersion: 0.11.1\n")
    paths = os.pathsep.join([nemorun.environment()["PYTHONPATH"], str(tmp_path / "site")])

    answer = nemorun("doctor", "--json", PYTHONPATH=paths)

    found = next(check for check in answer.json["checks"] if check["name"] == "nemo_run")
    assert found["verdict"] == "warn"
    assert "NeMo-Run 0.11.1 is installed in this environment" in found["message"]
    assert f"{sys.executable} -m pip install --force-reinstall --no-deps" in found["remedy"]
