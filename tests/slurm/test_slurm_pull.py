"""`nemorun pull`: what jobs left on two clusters comes here, once."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.delay import DelayProxy

if TYPE_CHECKING:
    from tests.slurm.lab import Lab

LARGE = 8 << 20
LEAVES = """
    import os, nemorun

    @nemorun.task
    def leaves(size: int = 1000):
        out = nemorun.current().output_dir
        (out / "sub dir").mkdir()
        (out / "sub dir" / "it's; $HOME \\n.txt").write_text("odd")
        (out / os.fsdecode(b"caf\\xe9")).write_text("bytes")
        (out / "model.pt").write_bytes(os.urandom(size))
        (out / "run.sh").write_text("true")
        (out / "run.sh").chmod(0o755)
        (out / "latest").symlink_to("model.pt")
        return {"text": "x" * 3_000_000}
"""


def ran(lab: Lab, *words: str) -> str:
    lab.write("tasks.py", LEAVES)
    experiment = lab.launch("-k", "leaves", *words)
    assert {job["state"] for job in lab.until_over(experiment).values()} == {"SUCCEEDED"}
    return experiment


def outputs(lab: Lab, experiment: str) -> list[Path]:
    return [Path(job["outputs"]) for job in lab.jobs(experiment).values()]


def sizes(folder: Path) -> dict[bytes, int]:
    found = [one for one in folder.rglob("*") if one.is_file() and not one.is_symlink()]
    return {os.fsencode(one.relative_to(folder)): one.stat().st_size for one in found}


def lifts_the_limit(proxy: DelayProxy) -> None:
    until = time.monotonic() + 60
    while proxy.passed["down"] < LARGE // 2 and time.monotonic() < until:
        time.sleep(0.01)
    proxy.limits["down"] = None


def test_outputs_of_two_clusters_come_as_they_are_and_only_once(lab):
    experiment = ran(lab, "-e", "slurm_*")

    first, again = lab("pull", experiment), lab("pull", experiment)

    assert (first.code, again.code) == (0, 0)
    assert "all is here already" in again.err
    for folder in outputs(lab, experiment):
        assert set(sizes(folder)) == {
            b"sub dir/it's; $HOME \n.txt",
            b"caf\xe9",
            b"model.pt",
            b"run.sh",
        }
        assert (folder / "run.sh").stat().st_mode & 0o777 == 0o755
        assert (folder / "latest").readlink() == Path("model.pt")
        assert not folder.with_name("outputs.part").exists()


def test_a_result_too_large_for_a_look_comes_too(lab):
    experiment = ran(lab, "-e", "slurm_b")
    (before,) = lab.jobs(experiment).values()

    lab("pull", experiment)

    (after,) = lab.jobs(experiment).values()
    assert before["result"] is None
    assert len(after["result"]["text"]) == 3_000_000


def test_a_glob_and_a_folder_choose_what_comes_and_where_to(lab, tmp_path):
    experiment = ran(lab, "-e", "slurm_a")

    some = lab("pull", experiment, "--glob", "*.pt", "--into", str(tmp_path / "here"))
    none = lab("pull", experiment, "--glob", "*.nothing")

    assert some.code == 0
    (folder,) = (tmp_path / "here").iterdir()
    assert set(sizes(folder)) == {b"model.pt"}
    assert none.code == 5
    assert "--glob '*.nothing'" in none.err


def test_only_what_changed_comes_again(lab):
    experiment = ran(lab, "-e", "slurm_a")
    lab("pull", experiment)
    (job,) = lab.jobs(experiment).values()
    slug = Path(job["outputs"]).parent.name
    there = lab.folder(lab.clusters.a, experiment) / "jobs" / slug / "outputs"
    (there / "run.sh").write_text("false")

    answer = lab("pull", experiment, "--json")

    (told,) = answer.json["jobs"]
    assert (told["files"], told["bytes"]) == (1, 5)
    assert Path(job["outputs"], "run.sh").read_text() == "false"


def test_a_pull_that_breaks_off_goes_on_in_the_middle_of_a_file(lab):
    cluster = lab.clusters.a
    experiment = ran(lab, "-e", "slurm_a", f"size={LARGE}")
    (job,) = lab.jobs(experiment).values()
    with DelayProxy(cluster.port, drop_down_after=LARGE // 2) as proxy:
        lab.know(cluster, proxy.port)
        config = lab.home / ".ssh" / "config"
        config.write_text(config.read_text().replace(f"Port {cluster.port}", f"Port {proxy.port}"))
        mended = threading.Thread(target=lifts_the_limit, args=(proxy,))
        mended.start()

        answer = lab("pull", experiment, "--json")

        mended.join()
        came = proxy.passed["down"]
    (told,) = answer.json["jobs"]
    assert (answer.code, told["trouble"]) == (0, None)
    assert sizes(Path(job["outputs"]))[b"model.pt"] == LARGE
    assert proxy.connections > 1
    assert came < 2 * LARGE
