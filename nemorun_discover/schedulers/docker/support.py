"""What the engine, or this machine, must have for an executor's jobs; asked before anything is launched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.schedulers.docker.engine import connect_to_look, known_arguments, said
from nemorun_discover.schedulers.docker.faults import no_runtime
from nemorun_discover.schedulers.docker.images import find_image, missing_image
from nemorun_discover.schedulers.docker.request import require_for_us

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.executors.docker import DockerExecutor


def require_engine(name: str, executor: DockerExecutor, env: Mapping[str, str]) -> None:
    """See that an engine answers and has what the executor asks for.

    Raises:
        ExecutorRefused: It has not, in one sentence.
        ConfigError: The settings contradict themselves.
    """
    if executor.packager.symlink_from_remote_dir is not None:
        raise ExecutorRefused(
            f"{name}: packager.symlink_from_remote_dir names a directory of a cluster, and there is none here",
            hint="take it out of the profile; volumes mount a directory of this machine",
        )
    client = connect_to_look(name, env)
    require_for_us(name, executor, known_arguments())
    with said(name, env):
        if executor.runtime is not None:
            known = sorted(client.info().get("Runtimes") or {})
            if known and executor.runtime not in known:
                sentence, hint = no_runtime(executor.runtime, known)
                raise ExecutorRefused(f"{name}: {sentence}", hint=hint)
        if executor.pull == "never" and find_image(client, executor.container_image, env) is None:
            missing = missing_image(client, executor.container_image)
            raise ExecutorRefused(f"{name}: {missing.message}", hint=missing.hint)
    client.close()
