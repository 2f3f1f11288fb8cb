"""From an executor's settings to the `resources` of SkyPilot's task YAML. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from nemorun_discover.executors.skypilot import SkypilotSettings

# Fields that take a list of which any will do.
_CHOICES = ("cloud", "region", "zone", "gpus")
_PLAIN = (
    "infra",
    "cpus",
    "memory",
    "instance_type",
    "use_spot",
    "disk_size",
    "disk_tier",
    "network_tier",
)
_IMAGE = "docker:"


def resources_of(executor: SkypilotSettings) -> dict[str, Any]:
    """What SkyPilot is to find for each node; settings that are not given are left out.

    Lists are read side by side: `cloud = ["aws", "gcp"]` with `region = ["us-east-1", "us-west1"]` are two
    places, not four.

    Raises:
        ConfigError: Settings that contradict each other.
    """
    count = _count_choices(executor)
    resources = {name: getattr(executor, name) for name in _PLAIN}
    resources |= {
        "ports": list(executor.ports) or None,
        "image_id": _image(executor.container_image),
        "job_recovery": getattr(executor, "job_recovery", None),
    }
    choices = [_choice(executor, index) for index in range(count)]
    if count == 1:
        resources |= choices[0]
    else:
        resources["any_of"] = choices
    return {name: value for name, value in resources.items() if value is not None}


def _count_choices(executor: SkypilotSettings) -> int:
    """How many places are asked for."""
    if executor.infra and (executor.cloud or executor.region or executor.zone):
        raise ConfigError(
            "infra already says where: cloud, region and zone do not go with it",
            hint='write infra = "aws/us-east-1", or cloud and region',
        )
    if executor.gpus_per_node and not executor.gpus:
        raise ConfigError(
            f"gpus_per_node = {executor.gpus_per_node} does not say of which type",
            hint='add gpus = "H100", as `sky gpus list` names them',
        )
    lists = {name: getattr(executor, name) for name in _CHOICES}
    lengths = {name: len(one) for name, one in lists.items() if isinstance(one, list)}
    if 0 in lengths.values() or len(set(lengths.values()) - {1}) > 1:
        sizes = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ConfigError(
            f"lists of which any will do are read side by side, and {sizes}",
            hint="give them as many entries each, or one value for all",
        )
    return max(lengths.values(), default=1)


def _choice(executor: SkypilotSettings, index: int) -> dict[str, Any]:
    """One of the places."""
    values = {name: _entry(getattr(executor, name), index) for name in _CHOICES}
    accelerators = _accelerators(values.pop("gpus"), executor.gpus_per_node)
    return {
        name: value
        for name, value in {**values, "accelerators": accelerators}.items()
        if value is not None
    }


def _entry(value: str | list[str] | None, index: int) -> str | None:
    if not isinstance(value, list):
        return value
    return value[index] if len(value) > 1 else value[0]


def _accelerators(gpus: str | None, count: int | None) -> str | None:
    if gpus is None or count == 0:
        return None
    return gpus if ":" in gpus and count is None else f"{gpus.partition(':')[0]}:{count or 1}"


def _image(image: str | None) -> str | None:
    if image is None or image.startswith(_IMAGE):
        return image
    return f"{_IMAGE}{image}"
