"""Our git runs no program that a repository's own configuration names."""

from __future__ import annotations

import os
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from nemorun_discover.executors.packagers import GitArchivePackager
from nemorun_discover.lifecycle.provenance import changed_between, diff_between, git_state
from nemorun_discover.packaging.git import GitFailed, ask
from nemorun_discover.packaging.packager import list_package


def git(root, *arguments, **env):
    command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org"]
    command += ["-c", "protocol.file.allow=always"]
    return subprocess.run(
        [*command, *arguments],
        cwd=root,
        stdin=subprocess.DEVNULL,
        timeout=60,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def marks(tmp_path):
    """Every program of the poisoned configuration leaves a file here."""
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


def program(folder, marks, name, then="exec cat"):
    path = folder / name
    path.write_text(f"#!/bin/sh\ntouch '{marks}/{name}'\n{then}\n")
    path.chmod(0o755)
    return path


def poison(root, tmp_path, marks):
    """A `.git/config` as a stranger hands it over with a directory."""
    folder = tmp_path / "programs"
    folder.mkdir(exist_ok=True)

    def run(name):
        return str(program(folder, marks, name))

    inside = Path(git(root, "rev-parse", "--absolute-git-dir").stdout.strip())
    hooks = folder / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "post-checkout", "pre-auto-gc", "reference-transaction"):
        program(hooks, marks, hook)
        program(inside / "hooks", marks, hook)
    settings = {
        "core.fsmonitor": run("fsmonitor"),
        "core.hooksPath": str(hooks),
        "core.pager": run("pager"),
        "core.sshCommand": run("ssh"),
        "core.askPass": run("askpass"),
        "credential.helper": f"!{run('credential')}",
        "diff.external": run("external"),
        "diff.evil.command": run("driver"),
        "diff.evil.textconv": run("textconv"),
        "filter.evil.clean": run("clean"),
        "filter.evil.smudge": run("smudge"),
        "filter.evil.required": "true",
        "filter.a=b.process": run("process"),
        "alias.status": f"!{run('alias')}",
        "alias.diff": f"!{run('alias')}",
    }
    for name, value in settings.items():
        assert git(root, "config", name, value).returncode == 0
    (inside / "info").mkdir(exist_ok=True)
    (inside / "info" / "attributes").write_text("*.py filter=evil diff=evil\n*.txt filter=a=b\n")


def commit(root, **files):
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=x")
    return git(root, "rev-parse", "HEAD").stdout.strip()


@pytest.fixture
def repository(tmp_path, marks):
    library, root = tmp_path / "library", tmp_path / "project"
    for one in (library, root):
        git(tmp_path, "init", "--quiet", "--initial-branch=main", str(one))
    commit(library, lib_py="one\n")
    first = commit(root, a_py="one\n", b_txt="one\n")
    git(root, "submodule", "--quiet", "add", str(library), "lib")
    second = commit(root, a_py="two\n")
    poison(root, tmp_path, marks)
    poison(root / "lib", tmp_path, marks)
    for file in (root / "a.py", root / "b.txt", root / "lib" / "lib.py"):
        file.write_text("three\n")
    return root, first, second


def test_nothing_that_a_repository_names_is_run(repository, marks, tmp_path, monkeypatch):
    root, first, second = repository
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(program(tmp_path, marks, "variable")))

    state = git_state(root)
    between = changed_between(root, first, second), diff_between(root, first, second)
    for ref in (None, "HEAD"):
        list_package(GitArchivePackager(ref=ref, check_untracked_files=True), root, cache_dir=None)
    with pytest.raises(Exception, match=r"uncommitted changes in a\.py, b\.txt, lib"):
        list_package(GitArchivePackager(check_uncommitted_changes=True), root, cache_dir=None)

    assert sorted(path.name for path in marks.iterdir()) == []
    assert {"+three", "-two"} <= set(state.diff.splitlines())
    assert "-dirty\n" in state.diff
    assert between[0] == {"a.py": "changed", ".gitmodules": "added", "lib": "added"}
    assert "-one\n+two\n" in between[1]
    # The scene is one in which git does run them.
    git(root, "status")
    git(root, "diff")
    assert {"fsmonitor", "clean", "driver"} <= {path.name for path in marks.iterdir()}


def test_a_partial_clone_does_not_fetch(repository, marks, tmp_path):
    root, _, second = repository
    blob = git(root, "rev-parse", f"{second}:a.py").stdout.strip()
    for name, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": f"ext::{program(tmp_path, marks, 'remote', then='exit 1')}",
        "remote.origin.promisor": "true",
        "protocol.ext.allow": "always",
    }.items():
        git(root, "config", name, value)
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(GitFailed):
        ask(str(root), "cat-file", "blob", blob)

    assert [path.name for path in marks.iterdir()] == []
    git(root, "cat-file", "blob", blob)
    assert [path.name for path in marks.iterdir()] == ["remote"]


def test_the_users_own_filter_is_used_where_the_repository_names_it_too(
    tmp_path, marks, monkeypatch
):
    root, own = tmp_path / "project", tmp_path / "own"
    own.write_text('[filter "up"]\n\tclean = tr a-z A-Z\n[filter "lfs"]\n\tclean = cat\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(root))
    (root / ".gitattributes").write_text("*.py filter=up\n")
    commit(root, a_py="one\n")
    git(root, "config", "filter.up.clean", str(program(tmp_path, marks, "clean")))
    os.utime(root / "a.py", (1, 1))

    state = git_state(root)

    assert (state.dirty, asdict(state)["diff"]) == (False, "")
    assert not list(marks.iterdir())
