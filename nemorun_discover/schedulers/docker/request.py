"""From a submission to the arguments of docker-py's `containers.create`. Pure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.launchers.table import starts_all_processes
from nemorun_discover.schedulers.docker.commands import Way, command_of, filled_in
from nemorun_discover.schedulers.docker.names import container_name, host_name, labels_of
from nemorun_discover.schedulers.docker.networks import group_hosts, network_of, own_host
from nemorun_discover.schedulers.docker.places import (
    place_of,
    seen_inside,
    settings,
    working_dir,
)
from nemorun_discover.schedulers.docker.volumes import (
    as_bind,
    as_mount,
    own_mounts,
    parse_volume,
)
from nemorun_discover.schedulers.environment import job_environment, launcher_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.executors.docker import DockerExecutor
    from nemorun_discover.schedulers.docker.volumes import Volume
    from nemorun_discover.schedulers.protocol import Submission

# What nemorun says itself, or what would take the container away before its end is known.
OURS = frozenset(
    ("auto_remove", "command", "detach", "image", "name", "network", "network_mode", "networking_config",
     "remove", "restart_policy", "stdin_open", "tty", "user", "working_dir", "stdout", "stderr", "stream")
)  # fmt: skip
# With these the worker cannot become another user, or must not be root on the way.
_KEEPS_ITS_USER = ("cap_drop", "group_add", "userns_mode", "read_only")
_CPU = 1_000_000_000
_ROOT = frozenset(("", "0", "root", "0:0", "root:root"))


def is_root(user: str) -> bool:
    """True for a user, as images and `--user` name it, who is root."""
    return user in _ROOT


def user_inside(submission: Submission, image_user: str) -> str:
    """Whom the task runs as; empty for root."""
    wanted = settings(submission).user
    user = image_user if wanted is None else wanted
    return "" if is_root(user) else user


def create_arguments(
    submission: Submission,
    *,
    way: Way = Way.WORKER,
    argv: Sequence[str] = (),
    image_user: str = "",
    image_env: Mapping[str, str] | None = None,
    env: Mapping[str, str],
    devices: Sequence[str] = (),
) -> dict[str, Any]:
    """The arguments of `containers.create`.

    Args:
        submission: The attempt.
        way: How the job is started.
        argv: The script's command line; the worker does without it.
        image_user: The image's USER.
        image_env: The image's ENV.
        env: The caller's environment, for `~`.
        devices: The GPUs that were given to the job; empty for the first ones.

    Raises:
        ConfigError: A volume is no mount, or `additional_kwargs` has something that is not for it.
    """
    executor = settings(submission)
    more = dict(executor.additional_kwargs)
    user = user_inside(submission, image_user)
    # The worker is root until it has become the task's user, so that it can hand over what that one leaves.
    becomes = way is Way.WORKER and not any(more.get(one) for one in _KEEPS_ITS_USER)
    command = command_of(submission, way, argv, user if becomes else "")
    entrypoint = more.pop("entrypoint", None)
    own = {
        "image": executor.container_image,
        "name": container_name(submission),
        # A script that is the container's first process would be deaf to signals.
        "init": True if way is not Way.WORKER else None,
        "entrypoint": entrypoint or command[:1],
        "command": command if entrypoint else command[1:],
        "user": "0:0" if becomes else user or None,
        "working_dir": working_dir(submission),
        "environment": _environment(submission, image_env or {}, is_bare=way is not Way.WORKER),
        "labels": labels_of(submission),
        "stop_signal": "SIGTERM",  # an image's own may be one that the worker does not know
        **_limits(executor),
        **_gpus(executor, devices),
        **_network(submission),
        **_mounts(submission, env),
    }
    return _merged({name: value for name, value in own.items() if value is not None}, more)


def require_for_us(name: str, executor: DockerExecutor, known: Sequence[str]) -> None:
    """Raise ConfigError when `additional_kwargs` has what docker-py does not know, or what is ours to say."""
    for word in executor.additional_kwargs:
        if word in OURS:
            raise ConfigError(
                f"{name}: additional_kwargs.{word} is for nemorun to say",
                hint="take it out; executors have fields for image, network, user and volumes",
            )
        if word not in known:
            raise ConfigError(
                f"{name}: additional_kwargs.{word}: docker-py's containers.run has no such argument"
            )


def _environment(
    submission: Submission, image: Mapping[str, str], *, is_bare: bool
) -> dict[str, str]:
    """All but the secrets; the image's own variables stay, so that only its PYTHONPATH is of interest."""
    inherited = {name: image[name] for name in ("PYTHONPATH",) if name in image}
    public = replace(submission, environment={})
    told = job_environment(public, inherited, seen_inside(submission))
    launcher = launcher_of(submission.executor)
    told |= launcher_environment(submission, place_of(submission))
    if submission.members:
        told["NEMORUN_GROUP_HOSTS"] = ",".join(group_hosts(submission))
    if starts_all_processes(launcher):
        told["NODE_RANK"] = "0"
        grace_s = str(int(settings(submission).grace_s))
        told.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", grace_s)
    if not is_bare:
        return told
    hosts = group_hosts(submission)
    return {name: filled_in(value, hosts) for name, value in told.items()}


def _limits(executor: DockerExecutor) -> dict[str, Any]:
    return {
        "runtime": executor.runtime,
        "shm_size": executor.shm_size,
        "ulimits": [_ulimit(one) for one in executor.ulimits] or None,
        "ipc_mode": executor.ipc_mode,
        "healthcheck": executor.healthcheck or None,
        "privileged": executor.privileged or None,
        "nano_cpus": None if executor.cpus is None else int(executor.cpus * _CPU),
        "mem_limit": executor.mem,
    }


def _ulimit(text: str) -> dict[str, Any]:
    name, _, limits = text.partition("=")
    soft, _, hard = limits.partition(":")
    try:
        return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}
    except ValueError as error:
        raise ConfigError(
            f"ulimits: {text!r} is no limit", hint='write "type=soft" or "type=soft:hard"'
        ) from error


def _gpus(executor: DockerExecutor, devices: Sequence[str]) -> dict[str, Any]:
    if not executor.num_gpus:
        return {}
    has_some = devices and executor.num_gpus > 0
    which = {"DeviceIDs": list(devices)} if has_some else {"Count": executor.num_gpus}
    return {"device_requests": [{"Driver": "", **which, "Capabilities": [["gpu"]]}]}


def _network(submission: Submission) -> dict[str, Any]:
    network = network_of(submission)
    if network.name is None:
        return {}
    if not network.has_names:
        return {"network_mode": network.name}
    host = own_host(submission)
    aliases = list(dict.fromkeys((host, host_name(submission.job.slug))))
    return {
        "network": network.name,
        "networking_config": {network.name: {"Aliases": aliases}},
        "hostname": host,
    }


def _mounts(submission: Submission, env: Mapping[str, str]) -> dict[str, Any]:
    volumes = volumes_of(submission, env)
    plain = [mount for one in volumes if (mount := as_mount(one)) is not None]
    binds = [as_bind(one) for one in volumes if one.relabel]
    return {"mounts": [*own_mounts(submission), *plain], "volumes": binds or None}


def volumes_of(submission: Submission, env: Mapping[str, str]) -> list[Volume]:
    """The executor's `volumes`."""
    root, job_dir = submission.project.root, submission.paths.root
    texts = settings(submission).volumes
    return [parse_volume(one, root=Path(root), job_dir=job_dir, env=env) for one in texts]


def _merged(own: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are joined and lists put together; everything else is as `additional_kwargs` says."""
    for name, value in more.items():
        known = own.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            own[name] = {**value, **known}
        elif isinstance(known, list) and isinstance(value, list):
            own[name] = [*known, *value]
        else:
            own[name] = value
    return own
