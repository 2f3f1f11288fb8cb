"""The Docker executor: jobs as containers of this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from nemorun_discover.executors.base import Executor
from nemorun_discover.executors.packagers import GitArchivePackager, Packager
from nemorun_discover.executors.settings import FAMILY, at_least


@dataclass(kw_only=True, slots=True)
class DockerExecutor(Executor):
    """Jobs run in containers on this machine, with the job's directory at `/nemo_run`.

    Attributes:
        container_image: The image.
        ntasks_per_node: Processes of one job.
        runtime: Container runtime ("nvidia"); None for Docker's default.
        num_gpus: GPUs of a container, -1 for all; None for none.
        shm_size: Size of /dev/shm ("30g"); None for Docker's default.
        ulimits: Limits, each as "type=soft" or "type=soft:hard".
        ipc_mode: IPC namespace ("host"); None for Docker's default.
        healthcheck: Docker's health check: `test`, and `interval`, `timeout`, `start_period` in nanoseconds.
        privileged: Give the container the host's privileges.
        network: Network of the container, made when it does not exist ("host" for the machine's own);
            None for Docker's default.
        additional_kwargs: More arguments for docker-py's `containers.run`.
        volumes: Mounts, each as "source:target" or "source:target:ro"; a source that begins with
            `/$nemo_run` lies in the job's directory.
    """

    kind: ClassVar[str] = "docker"
    CODE: ClassVar[str] = "code"

    packager: Packager = field(default_factory=GitArchivePackager, metadata={FAMILY: "packager"})
    container_image: str
    ntasks_per_node: int = at_least(1, 1)
    runtime: str | None = None
    num_gpus: int | None = at_least(-1, None)
    shm_size: str | None = None
    ulimits: list[str] = field(default_factory=list)
    ipc_mode: str | None = None
    healthcheck: dict[str, Any] = field(default_factory=dict)
    privileged: bool = False
    network: str | None = None
    additional_kwargs: dict[str, Any] = field(default_factory=dict)
    volumes: list[str] = field(default_factory=list)
