"""The processes of a job that has several: those that a launcher starts, and those that are ours to start."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from nemorun_discover.launchers.ports import free_port
from nemorun_discover.worker.become import NOT_FOUND, become, say

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

THIS_HOST = "127.0.0.1"
# By the module that `python -m` is to run: launcher, package, distribution.
_NEEDS = {
    "torch.distributed.run": ("torchrun", "torch", "torch"),
    "nvidia_resiliency_ext.fault_tolerance.launcher": (
        "ft",
        "nvidia_resiliency_ext",
        "nvidia-resiliency-ext",
    ),
}


def processes_of(
    options: Sequence[str], run: Callable[..., int], key: str
) -> list[Callable[[], int]]:
    """What each child of the supervisor is to do.

    Args:
        options: The rest of the command line, as entry.py shows it.
        run: Runs the job itself, as the process of the number given.
        key: Tells this attempt from every other.
    """
    end = options.index("--") if "--" in options else len(options)
    numbers = dict(zip(options[0:end:2], options[1:end:2]))
    command = list(options[end + 1 :])
    if "--ranks" not in numbers:
        return [lambda: be_launcher(command)]
    count, gpus = int(numbers["--ranks"]), int(numbers.get("--gpus", "0"))
    # Rank 0 opens it in a moment; until then every rank is told the same.
    port = int(os.environ.get("MASTER_PORT") or free_port(key))

    def process(local_rank: int) -> Callable[[], int]:
        told = rank_variables(local_rank, count, os.environ, port=port, gpus_per_rank=gpus)
        return lambda: _be_rank(told, command, run)

    return [process(local_rank) for local_rank in range(count)]


def rank_variables(
    local_rank: int, count: int, env: Mapping[str, str], *, port: int, gpus_per_rank: int = 0
) -> dict[str, str]:
    """What one process of a job is told beside its environment: torch's `env://`, and its GPUs. Pure.

    Args:
        local_rank: Its number on this node.
        count: Processes on each node.
        env: The environment of all of them; a job of several nodes has MASTER_ADDR in it.
        port: MASTER_PORT.
        gpus_per_rank: How many of CUDA_VISIBLE_DEVICES are its own; 0 leaves it all of them.
    """
    nodes, node = int(env.get("NEMORUN_NNODES", "1")), int(env.get("NEMORUN_NODE_RANK", "0"))
    told = {
        "RANK": str(node * count + local_rank),
        "WORLD_SIZE": str(nodes * count),
        "LOCAL_RANK": str(local_rank),
        "LOCAL_WORLD_SIZE": str(count),
        "NODE_RANK": str(node),
        "GROUP_RANK": str(node),
        "MASTER_ADDR": env.get("MASTER_ADDR") or THIS_HOST,
        "MASTER_PORT": str(port),
    }
    if gpus_per_rank:
        devices = env.get("CUDA_VISIBLE_DEVICES", "").split(",")
        first = local_rank * gpus_per_rank
        told["CUDA_VISIBLE_DEVICES"] = ",".join(devices[first : first + gpus_per_rank])
    return told


def _be_rank(told: Mapping[str, str], command: list[str], run: Callable[..., int]) -> int:
    os.environ.update(told)
    if command:
        return be_launcher(command)
    return run(int(told["RANK"]))


def be_launcher(command: list[str]) -> int:
    """Become the launcher, or say in a sentence what it needs; an exit code, where it returns."""
    lacking = _lacking(command)
    if lacking is None:
        return become(command)
    say(f"nemorun: {lacking}")
    return NOT_FOUND


def _lacking(command: Sequence[str]) -> str | None:
    for module, (launcher, package, distribution) in _NEEDS.items():
        if module in command and find_spec(package) is None:
            return f'launcher = "{launcher}" needs {package} in {sys.executable}: pip install {distribution}'
    return None
