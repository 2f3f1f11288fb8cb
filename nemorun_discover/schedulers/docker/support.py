"""What the engine, or this machine, must have for an executor's jobs; asked before anything is launched."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.schedulers.checking import packager_refusal
from nemorun_discover.schedulers.docker.engine import connect_to_look, known_arguments, said
from nemorun_discover.schedulers.docker.faults import no_runtime
from nemorun_discover.schedulers.docker.images import find_image, missing_image
from nemorun_discover.schedulers.docker.request import require_for_us

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker import DockerClient

    from nemorun_discover.executors.docker import DockerExecutor


def require_engine(name: str, executor: DockerExecutor, env: Mapping[str, str]) -> None:
    """See that an engine answers and has what the executor asks for.

    Raises:
        ExecutorRefused: It has not, in one sentence.
        ConfigError: The settings contradict themselves.
    """
    refused = packager_refusal(executor.packager, why_not="there is none here")
    if refused is not None:
        raise ExecutorRefused(f"{name}: {refused[0]}", hint=refused[1])
    with closing(connect_to_look(name, env)) as client:
        require_for_us(name, executor, known_arguments())
        _require_runtime(name, executor, client, env)
        image = executor.container_image
        if executor.pull == "never" and find_image(client, image, env) is None:
            missing = missing_image(client, image)
            raise ExecutorRefused(f"{name}: {missing.message}", hint=missing.hint)


def _require_runtime(
    name: str, executor: DockerExecutor, client: DockerClient, env: Mapping[str, str]
) -> None:
    if executor.runtime is None:
        return
    with said(name, env):
        known = sorted(client.info().get("Runtimes") or {})
    if known and executor.runtime not in known:
        sentence, hint = no_runtime(executor.runtime, known)
        raise ExecutorRefused(f"{name}: {sentence}", hint=hint)
