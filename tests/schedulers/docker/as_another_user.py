"""Run a job in a container as a user who is not root, and say whose its files are: `FOLDER DOCKER_HOST`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from nemorun_discover.testing.place import until_final
from tests.schedulers.docker.conftest import DockerPlace

UID = 1500


def main(folder: str, host: str) -> None:
    os.environ["DOCKER_HOST"] = host
    import docker.api.client  # noqa: F401, PLC0415 - while it can be read

    root = Path(folder, "of another")
    root.mkdir()
    socket = Path(host.removeprefix("unix://"))
    Path(folder).chmod(0o755)
    os.chown(root, UID, UID)
    os.setgroups([socket.stat().st_gid])
    os.setgid(UID)
    os.setuid(UID)
    with DockerPlace(root) as place:
        scheduler = place.scheduler()
        submission = place.submission(
            "a",
            'umask 077; mkdir "$NEMORUN_OUTPUT_DIR/deep"; echo x > "$NEMORUN_OUTPUT_DIR/deep/file"',
        )
        scheduler.submit(submission)
        print(until_final(scheduler, submission).state)
        print({path.lstat().st_uid for path in submission.paths.root.rglob("*")})


main(*sys.argv[1:])
