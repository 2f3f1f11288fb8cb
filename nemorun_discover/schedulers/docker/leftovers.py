"""Containers and networks of ours that a killed driver has left."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.schedulers.docker.engine import connect_to_look, said
from nemorun_discover.schedulers.docker.names import EXPERIMENT, HOME

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from docker import DockerClient


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftover:
    """Something that the engine still has.

    Attributes:
        kind: `container` or `network`.
        name: The engine's.
        experiment: Whose it was.
    """

    kind: str
    name: str
    experiment: str


def find_leftovers(
    experiments: str, over: Collection[str], env: Mapping[str, str]
) -> list[Leftover]:
    """What the engine has of experiments that are over, containers first.

    Args:
        experiments: The folder of the home that has them.
        over: Their ids.
        env: Says which engine.

    Raises:
        ExecutorRefused: The engine cannot be asked.
    """
    ours = {"label": f"{HOME}={experiments}"}
    with closing(connect_to_look("Docker", env)) as client, said("Docker", env):
        containers = client.api.containers(all=True, filters=ours)
        networks = client.api.networks(filters=ours)
    found = [
        *(("container", one["Names"][0].removeprefix("/"), one["Labels"]) for one in containers),
        *(("network", one["Name"], one["Labels"]) for one in networks),
    ]
    return [
        Leftover(kind=kind, name=name, experiment=labels[EXPERIMENT])
        for kind, name, labels in found
        if labels.get(EXPERIMENT) in over
    ]


def remove_leftover(one: Leftover, env: Mapping[str, str]) -> None:
    """Remove it; a network that somebody uses stays.

    Raises:
        ExecutorRefused: It cannot be removed.
    """
    with closing(connect_to_look(one.name, env)) as client, said(one.name, env):
        _remove(client, one)


def _remove(client: DockerClient, one: Leftover) -> None:
    from docker import errors  # noqa: PLC0415 - the SDK is loaded when it is needed

    try:
        if one.kind == "network":
            client.api.remove_network(one.name)
        else:
            client.api.remove_container(one.name, v=True, force=True)
    except errors.NotFound:
        return
