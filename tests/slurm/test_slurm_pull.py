"""`nemorun pull`: outputs come from real clusters, each byte once, whatever they are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nemorun_discover.schedulers.slurm.listing import parse_entry

LEAVE = """
    import os, nemorun

    @nemorun.task
    def leave(n: int = 0):
        out = os.fsencode(nemorun.current().output_dir)
        open(out + b"/a b\\nc", "w").write(f"first {n}")
        os.mkdir(out + b"/d\\xff")
        open(out + b"/d\\xff/\\xfe", "w").write("second")
        open(out + b"/empty", "w")
        os.symlink("../a b\\nc", out + b"/d\\xff/link")
        os.chmod(out + b"/a b\\nc", 0o640)

    @nemorun.task
    def large(mb: int = 12):
        with open(nemorun.current().output_dir / "model.bin", "wb") as file:
            file.write(os.urandom(mb << 20))

    @nemorun.task
    def closed():
        folder = nemorun.current().output_dir / "private"
        folder.mkdir()
        (folder / "file").touch()
        folder.chmod(0)

    @nemorun.task
    def nothing():
        pass

    @nemorun.task
    def tell():
        return "x" * 3_000_000
"""


@pytest.fixture
def left(lab):
    """Runs tasks that leave outputs on cluster A; the experiment."""
    lab.write("tasks.py", LEAVE)

    def run(*args: str) -> str:
        experiment = lab.launch("-e", "slurm_a", *args)
        lab.until_over(experiment)
        return experiment

    return run


def outputs(lab, experiment: str) -> list[Path]:
    return [Path(job["outputs"]) for job in lab.jobs(experiment).values()]


def contents(folder: Path) -> dict[bytes, bytes]:
    """By path, as bytes, what is in its files."""
    return {
        os.fsencode(one.relative_to(folder)): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file()
    }


def test_outputs_come_as_they_are_on_both_clusters_and_only_once(lab):
    lab.write("tasks.py", LEAVE)
    experiment = lab.launch("-k", "leave", "-e", "slurm_*", "n=1,2")
    lab.until_over(experiment)

    first = lab("pull", "--json")
    second = lab("pull")

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert [one["trouble"] for one in first.json["jobs"]] == [None] * 4
    for folder in outputs(lab, experiment):
        number = folder.parent.name.split("=")[1][0].encode()
        assert contents(folder) == {
            b"a b\nc": b"first " + number,
            b"d\xff/\xfe": b"second",
            b"d\xff/link": b"first " + number,
            b"empty": b"",
        }
        assert (folder / os.fsdecode(b"d\xff") / "link").readlink() == Path("../a b\nc")
        assert (folder / "a b\nc").stat().st_mode & 0o777 == 0o640
        assert not folder.with_name("outputs.part").exists()
    assert "all is here already (16 files)" in second.err


def test_only_what_has_changed_there_comes_again(lab, left):
    experiment = left("-k", "leave", "n=1")
    (folder,) = outputs(lab, experiment)
    lab("pull")
    kept = (folder / "empty").stat().st_ino
    there = lab.folder(lab.clusters.a, experiment) / "jobs" / folder.parent.name / "outputs"
    (there / "a b\nc").write_text("changed")

    answer = lab("pull", "--json")

    assert [(one["files"], one["bytes"]) for one in answer.json["jobs"]] == [(1, 7)]
    assert (folder / "a b\nc").read_text() == "changed"
    assert (folder / "empty").stat().st_ino == kept


def test_a_connection_that_breaks_in_a_file_goes_on_where_it_was(lab):
    lab.write("tasks.py", LEAVE)
    size = 12 << 20
    with lab.through(lab.clusters.a, "slurm_a") as proxy:
        experiment = lab.launch("-k", "large", "-e", "slurm_a")
        lab.until_over(experiment)
        before = proxy.passed["down"]
        proxy.limits["down"] = before + size // 2
        process = lab.start("pull")
        lab.wait_for(lambda: proxy.passed["down"] > before + size // 2)
        proxy.limits["down"] = None
        _, err = process.communicate(timeout=120)
        passed = proxy.passed["down"] - before
    (folder,) = outputs(lab, experiment)
    there = lab.folder(lab.clusters.a, experiment) / "jobs" / folder.parent.name / "outputs"

    assert process.returncode == 0, err
    assert (folder / "model.bin").read_bytes() == (there / "model.bin").read_bytes()
    assert passed < size * 1.3


def test_a_cluster_out_of_reach_is_one_sentence_and_the_others_come(lab):
    lab.write("tasks.py", LEAVE)
    with lab.through(lab.clusters.a, "slurm_a"):
        experiment = lab.launch("-k", "leave", "-e", "slurm_*", "n=1")
        lab.until_over(experiment)

    answer = lab("pull")

    assert answer.code == 6
    assert "nothing listens there" in answer.err
    assert "@slurm_b" in answer.out
    assert "@slurm_a" not in answer.out


def test_a_result_too_large_to_be_told_comes_with_pull(lab, left):
    left("-k", "tell")
    before = lab("results", "--json").json["results"][0]["result"]
    hint = lab("results").err

    assert lab("pull").code == 0

    assert before is None
    assert "a result that was too large to be told comes with `nemorun pull`" in hint
    assert len(lab("results", "--json").json["results"][0]["result"]) == 3_000_000


def test_a_glob_picks_files_and_into_names_another_folder(lab, left, tmp_path):
    experiment = left("-k", "leave or large", "mb=1", "n=1")
    place = tmp_path / "here"

    answer = lab("pull", "--glob", "*.bin", "--into", str(place))
    none = lab("pull", "--glob", "*.txt")

    assert answer.code == 0
    assert [one.name for one in lab.files(place)] == ["model.bin"]
    assert (none.code, "matches --glob '*.txt'" in none.err) == (5, True)
    assert not any(one.exists() and contents(one) for one in outputs(lab, experiment))


def test_a_folder_that_cannot_be_looked_into_is_named(lab, left):
    left("-k", "closed")

    answer = lab("pull")

    assert answer.code == 6
    assert "'private' could not be read there" in answer.err


def test_jobs_that_left_nothing_are_one_sentence(lab, left):
    left("-k", "nothing")
    lab("pull")

    answer = lab("pull")

    assert (answer.code, answer.out) == (0, "")
    assert len(answer.err.splitlines()) == 1


@pytest.mark.parametrize(
    "line",
    [
        "f 644 1 1.0 e/jobs/s/outputs/../../x",
        "f 644 1 1.0 e/jobs/s/outputs//etc/passwd",
        "f 644 1 1.0 e/jobs/s/attempt-1/log",
        "p 644 1 1.0 e/jobs/s/outputs/pipe",
        "f 644",
    ],
    ids=["leads out", "absolute", "another folder", "a pipe", "cut off"],
)
def test_what_is_no_output_is_passed_over(line):
    assert parse_entry(line.encode(), b"") is None
