"""The runtime in the home's packages: put there once, whole, whoever comes first."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import pytest

from nemorun_discover.packaging.runtime import MODULES, install_runtime, runtime_name


def test_the_runtime_is_put_there_once(tmp_path):
    path = install_runtime(tmp_path)
    os.utime(path, (0, 0))
    before = path.stat().st_ino

    again = install_runtime(tmp_path)

    assert again == path == tmp_path / runtime_name()
    assert path.stat().st_ino == before
    assert path.stat().st_mtime > 0  # `nemorun prune` sees that it was wanted just now
    assert list(tmp_path.iterdir()) == [path]


def test_the_runtime_holds_every_module_with_its_bytecode(tmp_path):
    with zipfile.ZipFile(install_runtime(tmp_path)) as archive:
        names = set(archive.namelist())

    faces = {"__main__.py", "nemorun.py", "nemorun_discover.py"}
    assert names == faces | {f"lib/{name}{c}" for name in MODULES for c in ("", "c")}


def test_processes_that_put_it_there_at_once_do_not_disturb_each_other(tmp_path):
    program = (
        "import sys; from pathlib import Path;"
        "from nemorun_discover.packaging.runtime import install_runtime;"
        "sys.stdin.read(); install_runtime(Path(sys.argv[1]))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE)
        for _ in range(4)
    ]

    for process in processes:
        process.stdin.close()
    codes = [process.wait(60) for process in processes]

    assert codes == [0] * 4
    assert [one.name for one in tmp_path.iterdir()] == [runtime_name()]
    with zipfile.ZipFile(tmp_path / runtime_name()) as archive:
        assert archive.testzip() is None


def test_where_it_cannot_be_written_nothing_is_left(tmp_path, permissions_hold):
    tmp_path.chmod(0o500)

    with pytest.raises(PermissionError):
        install_runtime(tmp_path)

    assert list(tmp_path.iterdir()) == []
