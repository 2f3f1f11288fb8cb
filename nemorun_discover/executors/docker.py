"""The Docker executor: jobs as containers of this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from nemorun_discover.executors.base import Executor
from nemorun_discover.executors.packagers import GitArchivePackager, Packager
from nemorun_discover.executors.settings import FAMILY, at_least


@dataclass(kw_only=True, slots=True)
class DockerExecutor(Executor):
    """Jobs run in containers on this machine, with the job's directory at `/nemorun`.

    Attributes:
        container_image: The image.
        ntasks_per_node: Processes of one job.
        runtime: Container runtime ("nvidia"); None for Docker's default.
        num_gpus: GPUs of a container, -1 for all; None for none.
        gpus: The devices that are shared out among jobs (["0", "1"]); None for the caller's
            CUDA_VISIBLE_DEVICES, else for what the machine has.
        shm_size: Size of /dev/shm ("30g"); None for Docker's default.
        ulimits: Limits, each as "type=soft" or "type=soft:hard".
        ipc_mode: IPC namespace ("host"); None for Docker's default.
        healthcheck: Docker's health check: `test`, and `interval`, `timeout`, `start_period` in nanoseconds.
        privileged: Give the container the host's privileges.
        network: Network of the container, made when it does not exist ("host" for the machine's own);
            None for Docker's default, and for one of the experiment's own in a group.
        additional_kwargs: More arguments for docker-py's `containers.run`.
        volumes: Mounts, each as "source:target" or "source:target:ro". A source is a path (`~` and paths relative
            to the project are as expected), in the job's directory when it begins with `/$nemo_run`, or the name
            of a volume.
        user: Who runs the task, as `docker run --user` takes it; None for the image's own user.
        cpus: Processors a container may use; None for all.
        mem: Memory a container may use ("8g"); None for no limit.
        pull: When the image is pulled: when it is not there ("missing"), before every job ("always"), or not
            at all ("never").
        max_parallel: Containers that run at once; None for the number of cores.
        python: Interpreter of the image that runs the tasks; None for its python3.
        grace_s: Seconds between TERM and KILL when a job is ended.
    """

    kind: ClassVar[str] = "docker"
    AT_HAND: ClassVar[bool] = True
    CODE: ClassVar[str] = "code"

    packager: Packager = field(default_factory=GitArchivePackager, metadata={FAMILY: "packager"})
    container_image: str
    ntasks_per_node: int = at_least(1, 1)
    runtime: str | None = None
    num_gpus: int | None = at_least(-1, None)
    gpus: list[str] | None = None
    shm_size: str | None = None
    ulimits: list[str] = field(default_factory=list)
    ipc_mode: str | None = None
    healthcheck: dict[str, Any] = field(default_factory=dict)
    privileged: bool = False
    network: str | None = None
    additional_kwargs: dict[str, Any] = field(default_factory=dict)
    volumes: list[str] = field(default_factory=list)
    user: str | None = None
    cpus: float | None = at_least(0, None)
    mem: str | None = None
    pull: Literal["missing", "always", "never"] = "missing"
    max_parallel: int | None = at_least(1, None)
    python: str | None = None
    grace_s: float = at_least(0, 10.0)
