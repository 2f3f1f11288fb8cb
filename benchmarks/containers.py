"""What it costs to run jobs in containers, against `docker run --rm` of the same command by hand."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rows import Against, Row
from timing import BenchmarkError, Command, Setting, medians, nemorun_argv, output_of

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.services.docker import images
from tests.services.docker.install import install
from tests.services.docker.sharing import borrowed

_MANY = 20
_PARALLEL = 2
_SCRIPT = "x=0; while [ $x -lt 1000 ]; do x=$((x+1)); done"
_CONFIG = f"""\
[tasks.one]
command = ["sh", "-c", "{_SCRIPT}"]

[tasks.many]
command = ["sh", "-c", "{_SCRIPT}"]
params = {{ index = 0 }}

[profiles.box]
kind = "docker"
container_image = "{images.PYTHON}"
packager = "none"
max_parallel = {_PARALLEL}
"""


def measure(setting: Setting) -> list[Row]:
    """One job, and twenty of which two run at once.

    Raises:
        BenchmarkError: There is no engine, and none can be started.
    """
    if os.geteuid() != 0 or shutil.which("docker") is None:
        raise BenchmarkError("needs root, to start an engine, and the command docker")
    install()
    with borrowed() as engine:
        os.environ["DOCKER_HOST"] = engine.host
        return list(_rows(setting))


def _rows(setting: Setting) -> Iterator[Row]:
    by_hand = f"docker run --rm {images.PYTHON} sh -c '{_SCRIPT}'"
    one = medians(
        {
            "ours": _ours(setting, "=one"),
            "docker run": _shell(setting, by_hand),
        },
        setting.repeat,
    )
    yield Row(
        name="one job in a container",
        ours_s=one["ours"],
        against=Against.PEER,
        at_most=4,
        peer="`docker run --rm`",
        peer_s=one["docker run"],
    )
    loop = f"seq {_MANY} | xargs -P {_PARALLEL} -I @ {by_hand}"
    values = ",".join(str(number) for number in range(_MANY))
    many = medians(
        {"ours": _ours(setting, "=many", f"index={values}"), "loop": _shell(setting, loop)},
        max(1, setting.repeat // 3),
    )
    yield Row(
        name=f"{_MANY} jobs in containers, {_PARALLEL} at once",
        ours_s=many["ours"],
        against=Against.PEER,
        at_most=1.5,
        peer="`docker run --rm`, in a loop",
        peer_s=many["loop"],
    )


def _ours(setting: Setting, *words: str) -> Command:
    project = setting.workdir / "project"
    project.mkdir(exist_ok=True)
    (project / "nemorun.toml").write_text(_CONFIG)
    command = Command(
        argv=nemorun_argv("run", "-e", "box", "-k", *words),
        cwd=project,
        home=setting.workdir / "home",
    )
    output_of(command)
    jobs = json.loads(
        output_of(Command(argv=nemorun_argv("status", "--json"), cwd=project, home=command.home))
    )["jobs"]
    if {job["state"] for job in jobs} != {"SUCCEEDED"}:
        raise BenchmarkError("not every job succeeded")
    return command


def _shell(setting: Setting, text: str) -> Command:
    return Command(argv=("sh", "-c", text), cwd=setting.workdir, home=setting.workdir / "by-hand")
