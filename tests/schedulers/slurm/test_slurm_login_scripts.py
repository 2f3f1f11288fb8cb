"""What the scripts for login nodes leave alone there, run without a cluster."""

from __future__ import annotations

import subprocess
from importlib.resources import files

import pytest

SCRIPTS = {
    one.name: one.read_text("utf-8")
    for one in files("nemorun_discover.schedulers.slurm").iterdir()
    if one.name.endswith(".sh") and "TMPDIR" in one.read_text("utf-8")
}
# What can be guessed is the process's number; `exec` keeps it.
PLANT = 'ln -s "$precious" "$TMPDIR/nemorun-$$.err"; exec sh -s'


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_link_that_another_user_has_put_into_tmp_is_not_written_through(tmp_path, name):
    precious, shared, base = tmp_path / "precious", tmp_path / "tmp", tmp_path / "base"
    shared.mkdir()
    precious.write_text("as it was")
    given = {"base": base, "exp": "e", "mark": ".m", "slugs": "", "near": "", "digests": ""}
    given |= {"runtime": "r", "batch": "b", "max_array": "1", "linked": "", "precious": precious}

    done = subprocess.run(
        ["sh", "-c", PLANT],
        input=SCRIPTS[name],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "TMPDIR": str(shared),
            **{key: str(value) for key, value in given.items()},
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (base / "experiments" / "e").is_dir(), done  # it has come so far
    assert precious.read_text() == "as it was"
    (link,) = shared.iterdir()  # and nothing of its own is left
    assert link.is_symlink()


def test_the_scripts_that_need_a_file_in_tmp_are_known():
    assert set(SCRIPTS) == {"inputs.sh", "submit.sh"}
