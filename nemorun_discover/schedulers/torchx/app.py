"""From an attempt to what TorchX is asked for. Pure, but for the import of TorchX's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nemorun_discover.schedulers.local.processes import (
    local_environment,
    python_of,
    supervisor_argv,
)
from nemorun_discover.schedulers.torchx.parcel import (
    PARCEL_SHOWN,
    UNPACK,
    VARIABLE,
    box_of,
    boxed,
    token_of,
    variables_of,
)
from nemorun_discover.schedulers.torchx.settings import (
    files_of_torchx,
    name_of,
    role_of,
    settings_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.executors.torchx import TorchxExecutor
    from nemorun_discover.schedulers.protocol import Submission

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


def wish_of(submission: Submission, *, is_shown: bool = False) -> Wish:
    """What is asked for an attempt.

    Args:
        submission: The attempt.
        is_shown: It is only looked at: a word stands for the parcel.

    Raises:
        ExecutorRefused: The job does not see this machine's files, and is too large to be sent.
    """
    executor = settings_of(submission)
    attempt = str(submission.attempt)
    env: dict[str, str] = {}
    if executor.sees_this_machine:
        folder = str(submission.paths.root)
        argv = [python_of(submission), str(submission.runtime), "--start", folder, attempt]
    else:
        there = boxed(submission)
        argv = [python_of(there), "-c", UNPACK, str(box_of(there)), str(there.paths.root)]
        argv += [attempt, token_of(submission)]
        env = (
            {f"{VARIABLE}0": PARCEL_SHOWN}
            if is_shown
            else variables_of(submission, start_of(submission))
        )
    return Wish(
        scheduler=executor.scheduler,
        name=name_of(submission),
        role=role_of(submission),
        argv=tuple(argv),
        env=env,
        executor=executor,
        cfg=_cfg(submission),
    )


def _cfg(submission: Submission) -> dict[str, Any]:
    executor = settings_of(submission)
    if executor.scheduler == "local_cwd":
        # Without one it makes a new directory in the temporary one each time, also for a dry run.
        return {"log_dir": str(files_of_torchx(submission)), **executor.cfg}
    return dict(executor.cfg)


def start_of(submission: Submission, caller: Mapping[str, str] | None = None) -> dict[str, Any]:
    """`start.json`: what the job becomes when its time has come, as it sees its files.

    Args:
        submission: The attempt.
        caller: The driver's environment, of which a job of this machine has a little; it has its own, of the
            place where it runs.
    """
    executor = settings_of(submission)
    there = submission if executor.sees_this_machine else boxed(submission)
    inherited = {name: one for name, one in (caller or {}).items() if name == "PYTHONPATH"}
    told = local_environment(there, {}, inherited if executor.sees_this_machine else {})
    defaults = local_environment(there, {}, dict.fromkeys(_UNLESS_SET, ""))
    # What the caller's value would replace is a default; what the executor or the script says is not.
    unless_set = {name: told[name] for name in _UNLESS_SET if not defaults[name]}
    return {
        "argv": supervisor_argv(there, {}),
        "cwd": str(submission.root),
        "code_dir": executor.code_dir,
        "env": {name: value for name, value in told.items() if name not in unless_set},
        "unless_set": unless_set,
        "app": {"scheduler": executor.scheduler, "name": name_of(submission)},
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
