"""From an attempt to what TorchX is asked for. Pure, but for the import of TorchX's words."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from nemorun_discover.schedulers.local.processes import (
    local_environment,
    python_of,
    supervisor_argv,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nemorun_discover.executors.torchx import TorchxExecutor
    from nemorun_discover.schedulers.protocol import Submission

_LONGEST_WORD = 24  # with all that is added, names stay within the 63 characters of a DNS label
FILES_OF_TORCHX = "torchx"
# Variables that a job gets only where nobody has set them.
_UNLESS_SET = ("PYTHONUNBUFFERED", "WANDB_RUN_GROUP", "MLFLOW_EXPERIMENT_NAME")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """An app as it is wished for, in plain values.

    Attributes:
        name: Begins with what tells this attempt from every other.
        role: Name of its one role, which has one replica.
        argv: Its command line.
        env: Its variables.
    """

    scheduler: str
    name: str
    role: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    executor: TorchxExecutor
    cfg: Mapping[str, Any]


def settings_of(submission: Submission) -> TorchxExecutor:
    """The executor's settings."""
    return cast("TorchxExecutor", submission.executor)


def name_of(submission: Submission) -> str:
    """The name of an attempt, by which it is found again where a scheduler lists names."""
    own = f"{submission.experiment_id}/{submission.job.id}/{submission.attempt}"
    digest = hashlib.sha256(own.encode()).hexdigest()[:10]
    return f"nr-{word_of(submission.job.task)}-{digest}"


def word_of(text: str) -> str:
    """The text as a part of names that every scheduler takes: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST_WORD].strip("-") or "job"


def wish_of(submission: Submission) -> Wish:
    """What is asked for an attempt of a job that sees this machine's files."""
    executor = settings_of(submission)
    argv = (
        python_of(submission),
        str(submission.runtime),
        "--start",
        str(submission.paths.root),
        str(submission.attempt),
    )
    return Wish(
        scheduler=executor.scheduler,
        name=name_of(submission),
        role=word_of(submission.job.task),
        argv=argv,
        env={},
        executor=executor,
        cfg=_cfg(submission),
    )


def files_of_torchx(submission: Submission) -> Path:
    """Where schedulers that leave files on this machine leave those of an attempt."""
    return submission.paths.attempt(submission.attempt).root / FILES_OF_TORCHX


def _cfg(submission: Submission) -> dict[str, Any]:
    executor = settings_of(submission)
    if executor.scheduler == "local_cwd":
        # Without one it makes a new directory in the temporary one each time, also for a dry run.
        return {"log_dir": str(files_of_torchx(submission)), **executor.cfg}
    return dict(executor.cfg)


def start_document(submission: Submission, caller: Mapping[str, str]) -> dict[str, Any]:
    """`start.json`: what the job becomes when its time has come.

    Args:
        submission: The attempt.
        caller: The driver's environment; the job has its own, of the place where it runs.
    """
    inherited = {name: caller[name] for name in ("PYTHONPATH",) if name in caller}
    told = local_environment(submission, {}, inherited)
    defaults = local_environment(submission, {}, dict.fromkeys(_UNLESS_SET, ""))
    # What the caller's value would replace is a default; what the executor or the script says is not.
    unless_set = {name: told[name] for name in _UNLESS_SET if not defaults[name]}
    return {
        "argv": supervisor_argv(submission, {}),
        "cwd": str(submission.root),
        "env": {name: value for name, value in told.items() if name not in unless_set},
        "unless_set": unless_set,
        "app": {"scheduler": settings_of(submission).scheduler, "name": name_of(submission)},
    }


def app_of(wish: Wish) -> Any:  # noqa: ANN401 - TorchX has no types
    """The wish in TorchX's words."""
    from torchx import specs  # noqa: PLC0415 - not before it is used

    role = specs.Role(
        name=wish.role,
        image=wish.executor.image,
        entrypoint=wish.argv[0],
        args=list(wish.argv[1:]),
        env=dict(wish.env),
        num_replicas=1,
        max_retries=0,  # nemorun counts attempts itself
        resource=_resource(wish.executor.resource),
        mounts=specs.parse_mounts(
            [part for one in wish.executor.mounts for part in one.split(",")]
        ),
    )
    return specs.AppDef(name=wish.name, roles=[role])


def _resource(asked: Mapping[str, Any]) -> Any:  # noqa: ANN401
    from torchx import specs  # noqa: PLC0415

    if "named_resource" in asked:
        return specs.named_resources[asked["named_resource"]]
    return specs.Resource(
        cpu=asked.get("cpu", -1),
        gpu=asked.get("gpu", -1),
        memMB=asked.get("memMB", -1),
        capabilities=dict(asked.get("capabilities", {})),
        devices=dict(asked.get("devices", {})),
    )
