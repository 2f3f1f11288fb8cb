"""Images: is it there, get it, and what is there of a similar name."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.schedulers.docker.engine import explanation, said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from docker import DockerClient

_MB = 1_000_000
_MOST_SIMILAR = 3
_NO_IMAGE = "no such image"


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """What of an image bears on how a job is started.

    Attributes:
        id: Of its content.
        user: Its USER; empty for root.
        env: Its ENV.
    """

    id: str
    user: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


def find_image(client: DockerClient, name: str, env: Mapping[str, str]) -> Image | None:
    """The image of that name; None when it is not there.

    Raises:
        ExecutorRefused: The engine cannot be asked.
    """
    from docker import errors  # noqa: PLC0415 - the SDK is loaded when it is needed

    with said(name, env):
        try:
            document = client.api.inspect_image(name)
        except errors.NotFound:
            return None
    return _image(document)


def _image(document: Mapping[str, Any]) -> Image:
    config = document.get("Config") or {}
    pairs = (one.partition("=") for one in config.get("Env") or ())
    return Image(
        id=document["Id"],
        user=config.get("User") or "",
        env={name: value for name, _, value in pairs},
    )


def pull_image(
    client: DockerClient, name: str, env: Mapping[str, str], tell: Callable[[str | None], None]
) -> None:
    """Pull an image.

    Args:
        client: Of the engine.
        name: With or without a tag; `latest` without one.
        env: Says which engine it is.
        tell: Gets how far it is, in words; None at the end.

    Raises:
        ExecutorRefused: It cannot be pulled.
    """
    from docker import errors  # noqa: PLC0415 - as above
    from docker.utils import parse_repository_tag  # noqa: PLC0415

    repository, tag = parse_repository_tag(name)
    layers: dict[str, tuple[int, int]] = {}
    tell(f"pulling {name}")
    try:
        with said(name, env):
            try:
                for line in client.api.pull(repository, tag or "latest", stream=True, decode=True):
                    if line.get("error"):
                        raise _not_pulled(client, name, line["error"])
                    tell(_progress(name, layers, line))
            except errors.APIError as error:
                raise _not_pulled(client, name, explanation(error)) from error
    finally:
        tell(None)


def _progress(name: str, layers: dict[str, tuple[int, int]], line: Mapping[str, Any]) -> str:
    detail = line.get("progressDetail") or {}
    if line.get("id") and detail.get("total"):
        layers[line["id"]] = (int(detail.get("current") or 0), int(detail["total"]))
    if not layers:
        return f"pulling {name}"
    have, all_ = (sum(one[index] for one in layers.values()) for index in (0, 1))
    return f"pulling {name}: {have / _MB:.1f} of {all_ / _MB:.1f} MB"


def _not_pulled(client: DockerClient, name: str, why: str) -> ExecutorRefused:
    sentence = " ".join(why.split())
    return ExecutorRefused(
        f"the image {name} is not here and cannot be pulled: {sentence}",
        hint=hint_for(client, name),
    )


def missing_image(client: DockerClient, name: str) -> ExecutorRefused:
    """What is said of an image that is not there and is not to be pulled."""
    return ExecutorRefused(
        f'the image {name} is not here, and pull = "never"', hint=hint_for(client, name)
    )


def hint_for(client: DockerClient, name: str) -> str:
    """What is there of a similar name."""
    from docker import errors  # noqa: PLC0415 - as above

    try:
        there = [tag for one in client.api.images() for tag in one.get("RepoTags") or ()]
    except errors.DockerException:
        there = []
    found = similar(name, there)
    return f"there is {', '.join(found)}" if found else "`docker images` lists those that are here"


def similar(name: str, there: Iterable[str]) -> list[str]:
    """Those of the names that look like this one, the nearest first."""
    names = [one for one in there if not one.startswith("<none>")]
    repository = name.partition(":")[0]
    same = [one for one in names if one.partition(":")[0] == repository]
    near = get_close_matches(name, names, _MOST_SIMILAR)
    return list(dict.fromkeys([*same, *near]))[:_MOST_SIMILAR]
