"""The SkyPilot executors: jobs on a cluster in a cloud or on Kubernetes, or managed by SkyPilot."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import Any, ClassVar, Literal

from nemorun_discover.errors import UsageError
from nemorun_discover.executors.base import Executor
from nemorun_discover.executors.packagers import GitArchivePackager, Packager
from nemorun_discover.executors.settings import FAMILY, at_least


@dataclass(kw_only=True, slots=True)
class SkypilotSettings(Executor):
    """What both SkyPilot executors have; None always means: SkyPilot's own default holds.

    Attributes:
        container_image: Image of the job; None runs on the machine itself.
        infra: Where, in SkyPilot's short form ("aws/us-east-1", "k8s/context", "slurm/cluster"); excludes
            `cloud`, `region` and `zone`.
        cloud: Cloud, or a list of which any will do.
        region: Region, or a list of which any will do.
        zone: Zone, or a list of which any will do.
        gpus: Type of GPU, or a list of which any will do.
        gpus_per_node: GPUs of each node.
        nodes: Nodes of one job; `num_nodes` is another name of it.
        cpus: CPUs of a node (4, or "4+" for at least 4).
        memory: Memory of a node in GB (16, or "16+" for at least 16).
        instance_type: Instance type.
        use_spot: Take spot instances.
        disk_size: Disk of a node in GB.
        disk_tier: Disk tier ("low", "medium", "high", "best").
        network_tier: Network tier ("standard", "best").
        ports: Ports to open, each as "8080" or "8080-8090".
        file_mounts: Path in the job to a path here or to a bucket.
        storage_mounts: Path in the job to a storage as SkyPilot's YAML describes it.
        setup: Shell code that prepares a node, before the first job on it.
        python: Interpreter that runs the tasks, on the nodes or in the container; None for `python3`.
        torchrun_nproc_per_node: Processes that torchrun starts on a node; None for `gpus_per_node`.
        cluster_config_overrides: Over SkyPilot's own configuration, for this task.
    """

    ALIASES: ClassVar[dict[str, str]] = {"num_nodes": "nodes"}
    CODE: ClassVar[str] = "code"

    @property
    def without_package(self) -> Literal["nothing"]:
        """See `Executor.without_package`."""
        return "nothing"

    packager: Packager = field(default_factory=GitArchivePackager, metadata={FAMILY: "packager"})
    container_image: str | None = None
    infra: str | None = None
    cloud: str | list[str] | None = None
    region: str | list[str] | None = None
    zone: str | list[str] | None = None
    gpus: str | list[str] | None = None
    gpus_per_node: int | None = at_least(0, None)
    nodes: int = at_least(1, 1)
    num_nodes: InitVar[int | None] = None
    cpus: int | float | str | None = None
    memory: int | float | str | None = None
    instance_type: str | None = None
    use_spot: bool | None = None
    disk_size: int | None = at_least(1, None)
    disk_tier: str | None = None
    network_tier: str | None = None
    ports: list[str] = field(default_factory=list)
    file_mounts: dict[str, str] = field(default_factory=dict)
    storage_mounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    setup: str | None = None
    python: str | None = None
    torchrun_nproc_per_node: int | None = at_least(1, None)
    cluster_config_overrides: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self, num_nodes: int | None) -> None:
        """Let NeMo-Run's name of the field fill `nodes`."""
        if num_nodes is None:
            return
        if self.nodes not in (1, num_nodes):
            raise UsageError(
                f"{type(self).__name__}: nodes={self.nodes} and num_nodes={num_nodes} contradict each other",
                hint="give nodes only",
            )
        self.nodes = num_nodes


@dataclass(kw_only=True, slots=True)
class SkypilotExecutor(SkypilotSettings):
    """Jobs run on a cluster that SkyPilot brings up, or on one that is up already.

    Attributes:
        cluster_name: Cluster to start or to use again; None for one of the experiment's own.
        autodown: Tear the cluster down when it has been idle, instead of stopping it.
        idle_minutes_to_autostop: Minutes of idleness after which the cluster is torn down, or stopped;
            None leaves it up, with `autodown` 0.
        retry_until_up: Ask again until the resources are there.
    """

    kind: ClassVar[str] = "skypilot"

    cluster_name: str | None = None
    autodown: bool = True
    idle_minutes_to_autostop: int | None = at_least(0, 10)
    retry_until_up: bool = False


@dataclass(kw_only=True, slots=True)
class SkypilotJobsExecutor(SkypilotSettings):
    """Managed jobs: SkyPilot's controller starts a cluster for each, recovers it and tears it down.

    Attributes:
        job_recovery: What the controller does when the job's cluster is lost, as SkyPilot takes it
            ("FAILOVER", "EAGER_NEXT_REGION").
    """

    kind: ClassVar[str] = "skypilot_jobs"

    job_recovery: str | None = None
