"""The code that jobs without a package run: which files count, and what of them is found to have changed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from nemorun_discover.packaging.disk import is_settled
from nemorun_discover.packaging.live import changes, live_code_from, read_code


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "pro ject"
    write(
        root,
        {
            "train.py": "a = 1",
            "pkg/model.py": "b = 1",
            "pkg/conf/base.yaml": "lr: 1",
            "data-set/many.py": "no name that can be imported",
            "pkg/weights.bin": "data",
            ".venv/x.py": "",
            "env/pyvenv.cfg": "",
            "env/lib/y.py": "",
            "scripts-of-mine/run.sh": "echo",
            "home/packages/z.py": "",
        },
    )
    return root


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def read(root, **given):
    given = {"cache_dir": root.parent / "cache", "leave_out": [root / "home"]} | given
    return read_code(root, [root], **given)


def settle(code, root):
    """Wait until every time in the file system can be believed, as it is when a job starts later."""
    newest = max(one.lstat().st_ctime_ns for one in [root, *root.rglob("*")])
    while not is_settled(newest):
        os.sched_yield()
    return code.look()


def test_sources_and_settings_count_and_neither_data_nor_environments(root):
    code = read(root, more=["scripts-of-mine/run.sh"])

    assert [*code.entries] == [
        *("pkg/conf/base.yaml", "pkg/model.py", "scripts-of-mine/run.sh", "train.py")
    ]
    assert read(root, more=["scripts-of-mine/run.sh"]).digest == code.digest


def test_what_git_tracks_counts_whatever_its_name_and_what_it_ignores_by_its_name(root):
    write(root, {".gitignore": "pkg/model.py\n", "docs/page.md": "x", "untracked.txt": "x"})
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    subprocess.run(["git", "add", ".gitignore", "docs", "data-set"], cwd=root, check=True)

    entries = read(root).entries

    assert {".gitignore", "docs/page.md", "data-set/many.py", "pkg/model.py"} <= set(entries)
    assert "untracked.txt" not in entries


@pytest.mark.parametrize("is_young", [True, False], ids=["at once", "later"])
def test_every_kind_of_edit_is_found_and_what_jobs_write_is_none(root, is_young):
    then = read(root)
    then = then if is_young else settle(then, root)
    model, times = root / "pkg" / "model.py", (root / "pkg" / "model.py").stat()
    model.write_text("b = 2")  # as long as before, and with the time of before
    os.utime(model, ns=(times.st_atime_ns, times.st_mtime_ns))
    (root / "train.py").touch()
    (root / "pkg/conf/base.yaml").unlink()
    write(root, {"new.py": "", "sub/deep/newer.py": "", "out.yaml": "", "pkg/result.json": ""})
    write(root, {"pkg/__pycache__/model.pyc": "", "home/packages/later.py": ""})

    now = then.look()

    assert changes(then, now) == {
        "new.py": "added",
        "pkg/conf/base.yaml": "removed",
        "pkg/model.py": "changed",
        "sub/deep/newer.py": "added",
    }
    write(root, {"pkg/model.py": "b = 1", "pkg/conf/base.yaml": "lr: 1"})
    (root / "new.py").unlink()
    assert changes(then, now.look()) == {"sub/deep/newer.py": "added"}


def test_nothing_is_read_and_nothing_is_made_where_nothing_has_changed(root):
    then = settle(read(root), root)
    once = then.look()
    (root / "pkg" / "model.py").chmod(0o700)

    assert once is then
    assert changes(then, then.look()) == {"pkg/model.py": "changed"}


def test_a_link_is_what_it_leads_to(root, tmp_path):
    write(tmp_path, {"elsewhere/a.py": "1", "library/__init__.py": "", "library/b.py": "1"})
    (root / "linked.py").symlink_to(tmp_path / "elsewhere" / "a.py")
    (root / "library").symlink_to(tmp_path / "library")
    (root / "loop").symlink_to(root)
    (root / "dangling.py").symlink_to("nowhere")
    (root / "circle.py").symlink_to("circle.py")
    (root / "circle").symlink_to("circle")
    settle(read(root), tmp_path)
    then = read(root, cache_dir=tmp_path / "another cache")
    assert read(root, cache_dir=tmp_path / "another cache").entries == then.entries

    write(tmp_path, {"elsewhere/a.py": "2", "library/b.py": "2"})

    assert changes(then, then.look()) == {"library/b.py": "changed", "linked.py": "changed"}


def test_it_is_the_same_after_it_was_written_down(root):
    then = read(root)
    again = live_code_from(json.loads(json.dumps(then.document())))

    assert (again.digest, again.entries) == (then.digest, then.entries)
    (root / "train.py").write_text("a = 3")
    assert changes(then, again.look()) == {"train.py": "changed"}
    for damaged in ({}, {"schema": "nemorun.code/9"}, {**then.document(), "files": 3}):
        with pytest.raises(ValueError, match=r"nemorun\.code|not the code"):
            live_code_from(damaged)


def test_directories_of_editable_installations_are_told_apart(root, tmp_path):
    write(tmp_path, {"lib/src/lib.py": "1"})
    code = read(root, installed=[Path(tmp_path / "lib/src")])

    assert [*code.of_installed().entries] == ["../lib/src/lib.py"]
    assert "train.py" in code.own().entries
    assert code.own().digest == read(root).digest


def test_a_file_that_nobody_may_read_counts_without_its_content(root, permissions_hold):
    (root / "train.py").chmod(0)

    assert "train.py" in read(root).entries
