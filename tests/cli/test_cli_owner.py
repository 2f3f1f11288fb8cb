"""Homes of other users, or that others can write to, are read only; the runtime is what its name says, or made again."""

from __future__ import annotations

import os
import zipfile

import pytest

from nemorun_discover.errors import StoreError
from nemorun_discover.model.state import State
from nemorun_discover.packaging.runtime import require_runtime, runtime_name
from tests.drivers import drivers_of

STRANGER = 54321
TASKS = """
    import os, nemorun

    @nemorun.task
    def train(n: int = 0):
        return n

    @nemorun.task
    def spoil(runtime: str):
        if nemorun.current().attempt == 1:
            os.truncate(runtime, 1000)
            os._exit(3)
        return "ran"
"""


@pytest.fixture
def root(home, write):
    write("tasks.py", TASKS)
    return home / ".run"


def tree_of(root):
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size, path.lstat().st_uid)
        for path in (root, *root.rglob("*"))
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who gives a home to another user")
def test_a_home_of_another_user_is_read_and_nothing_in_it_is_begun_or_changed(
    nemorun, shelf, told, root
):
    waiting = shelf.put(told("train@local", state=State.PLANNED))
    shelf.close()
    for path in (root, *root.rglob("*")):
        os.lchown(path, STRANGER, STRANGER)
    before = tree_of(root)

    read = [
        nemorun(*words)
        for words in (
            ("status", waiting),
            ("logs", waiting),
            ("results", waiting),
            ("show", waiting),
        )
    ]
    refused = [
        nemorun(*words)
        for words in (
            ("cancel", waiting), ("rerun", waiting), ("run", "-k", "train"), ("wait", waiting),
            ("pull", waiting), ("prune",),
        )
    ]  # fmt: skip

    assert [one.code for one in read] == [0] * 4, [one.err for one in read]
    said = f"{waiting} cannot be carried on: {root}: belongs to user {STRANGER}"
    assert said in read[0].err
    assert "PLANNED" in read[0].out
    assert [one.code for one in refused] == [4] * 6, [one.err for one in refused]
    assert all(
        f"belongs to user {STRANGER}, and commands of root only read there" in one.err
        for one in refused
    )
    assert tree_of(root) == before
    assert drivers_of(waiting) == []


@pytest.mark.parametrize("open_one", ["", "packages"], ids=["home", "packages"])
def test_a_planted_runtime_does_not_run(nemorun, root, tmp_path, open_one):
    assert nemorun("run", "-k", "train", "-q").code == 0
    runtime = root / "packages" / runtime_name()
    with zipfile.ZipFile(runtime, "w") as planted:
        planted.writestr("__main__.py", f"open({str(tmp_path / 'pwned')!r}, 'w')")
    root.chmod(0o755)
    (root / open_one).chmod(0o777)

    refused = nemorun("run", "-k", "train", "-q")
    looked = nemorun("doctor", "--json").json["checks"]
    (root / open_one).chmod(0o700)
    ran = nemorun("run", "-k", "train", "-q")

    assert refused.code == 4
    folder = root / open_one if open_one else root
    assert (
        f"{folder}: can be written by others (mode 777), and what lies there is not run"
        in refused.err
    )
    assert f"chmod go-w {folder}" in refused.err
    verdicts = {one["name"]: one["verdict"] for one in looked}
    assert (verdicts["home"], verdicts["runtime"]) == ("fail", "fail")
    assert ran.code == 0, ran.err
    assert not (tmp_path / "pwned").exists()


def test_a_group_of_the_users_own_may_write(nemorun, root):
    assert nemorun("run", "-k", "train", "-q").code == 0
    root.chmod(0o770)  # as with the umask 002 of systems that give each user a group

    assert nemorun("run", "-k", "train", "-q").code == 0


def test_a_runtime_that_is_damaged_while_an_experiment_runs_is_made_again(nemorun, root, write):
    write("nemorun.toml", '[profiles.twice]\nkind = "local"\nretries = 1\n')
    runtime = root / "packages" / runtime_name()

    answer = nemorun("run", "-k", "spoil", "-e", "twice", f"runtime={runtime}", "-q")

    (job,) = nemorun("status", "--json").json["jobs"]
    assert (job["state"], job["attempt"], job["result"]) == ("SUCCEEDED", 2, "ran"), answer.err
    assert zipfile.ZipFile(runtime).testzip() is None


def test_a_damaged_runtime_of_another_version_is_a_sentence(tmp_path):
    other = tmp_path / f"runtime-{'0' * 32}.zip"
    other.write_bytes(b"damaged")

    with pytest.raises(
        StoreError, match="is missing or damaged; another version of nemorun made it"
    ):
        require_runtime(other)
