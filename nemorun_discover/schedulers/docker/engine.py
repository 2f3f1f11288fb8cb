"""The one door to Docker's Python SDK: which engine, and its errors as sentences of ours."""

from __future__ import annotations

import sys
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ExecutorRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient

_TIMEOUT_S = 60.0  # a start may wait for a slow disk
_LOOK_S = 4.0
_SSHCONN = "docker.transport.sshconn"
_POOL = 16


class EngineGone(ExecutorRefused):
    """The engine does not answer; it may again in a moment."""


def connect(
    env: Mapping[str, str], *, what: str = "Docker", timeout_s: float = _TIMEOUT_S
) -> DockerClient:
    """A client of the engine that DOCKER_HOST or Docker's context names.

    Args:
        env: The caller's environment.
        what: Begins the sentence of an error.
        timeout_s: How long an answer may take.

    Raises:
        EngineGone: Nothing answers there.
        ExecutorRefused: We may not ask it.
    """
    docker = load_sdk(env)
    with said(what, env):
        return docker.DockerClient.from_env(
            environment=dict(env), timeout=timeout_s, max_pool_size=_POOL
        )


class Door:
    """The one client of a process, made when it is first needed; again and again until the engine answers."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self._lock = threading.Lock()
        self._client: DockerClient | None = None

    def client(self) -> DockerClient:
        """The client.

        Raises:
            EngineGone: Nothing answers.
            ExecutorRefused: We may not ask.
        """
        with self._lock:
            if self._client is None:
                self._client = connect(self.env)
            return self._client

    def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            self._client.close()


def connect_to_look(what: str, env: Mapping[str, str]) -> DockerClient:
    """A client that is impatient; `what` begins the sentence of an error."""
    return connect(env, what=what, timeout_s=_LOOK_S)


def describe_engine(env: Mapping[str, str]) -> str:
    """Which engine answers, and where; a sentence.

    Raises:
        ExecutorRefused: None does.
    """
    with closing(connect_to_look("Docker", env)) as client, said("Docker", env):
        version = client.version()["Version"]
    return f"Docker {version} answers at {address_of(env)}"


def known_arguments() -> list[str]:
    """The names of the arguments that `containers.run` takes."""
    from docker.models import containers  # noqa: PLC0415 - the SDK is loaded when it is needed

    return [
        *containers.RUN_CREATE_KWARGS,
        *containers.RUN_HOST_CONFIG_KWARGS,
        "network", "networking_config", "ports", "volumes", "stdout", "stderr", "stream", "remove",
    ]  # fmt: skip


def load_sdk(env: Mapping[str, str]) -> Any:  # noqa: ANN401 - a module
    """Docker's SDK, which takes a third of a second to import."""
    if "docker" not in sys.modules and not env.get("DOCKER_HOST", "").startswith("ssh://"):
        # It does without this module where paramiko is not installed, whose import takes longer than all else.
        sys.modules[_SSHCONN] = None  # type: ignore[assignment]  # how Python marks what is not to be had
        try:
            import docker  # noqa: PLC0415 - as above
        finally:
            del sys.modules[_SSHCONN]
        return docker
    import docker  # noqa: PLC0415

    return docker


@contextmanager
def said(what: str, env: Mapping[str, str]) -> Iterator[None]:
    """Turn what the SDK raises in here into one sentence.

    Args:
        what: Begins the sentence.
        env: Says which engine it was.

    Raises:
        EngineGone: The engine does not answer.
        ExecutorRefused: It has refused.
    """
    import requests  # noqa: PLC0415 - as above
    from docker import errors  # noqa: PLC0415

    try:
        yield
    except errors.APIError as error:
        raise ExecutorRefused(f"{what}: {explanation(error)}") from error
    except (errors.DockerException, requests.RequestException, OSError) as error:
        raise _no_answer(what, error, address_of(env)) from error


def explanation(error: Any) -> str:  # noqa: ANN401 - the SDK has no types
    """What the engine says, in one line."""
    text = str(getattr(error, "explanation", None) or error)
    return " ".join(text.split()).removesuffix(": unknown")


def address_of(env: Mapping[str, str]) -> str:
    """Where the engine is looked for, for a sentence."""
    if env.get("DOCKER_HOST"):
        return env["DOCKER_HOST"]
    if env.get("DOCKER_CONTEXT"):
        return f"context {env['DOCKER_CONTEXT']}"
    return "its usual place"


def _no_answer(what: str, error: BaseException, address: str) -> ExecutorRefused:
    causes = list(_causes(error))
    if not any(isinstance(one, OSError) for one in causes):  # requests' own errors are such
        return ExecutorRefused(f"{what}: docker-py refuses: {error}")
    if any(isinstance(one, PermissionError) for one in causes):
        return ExecutorRefused(
            f"{what}: you may not use the Docker engine at {address}: permission denied",
            hint="become a member of the group docker, or set DOCKER_HOST to an engine of your own",
        )
    if any("timed out" in str(one).lower() for one in causes):
        return EngineGone(
            f"{what}: the Docker engine at {address} takes connections and does not answer",
            hint="`docker info` should answer; restart the engine if it does not",
        )
    if any(isinstance(one, (FileNotFoundError, ConnectionError)) for one in causes):
        return EngineGone(
            f"{what}: no Docker engine answers at {address}",
            hint="start it, or set DOCKER_HOST to where it listens",
        )
    return EngineGone(f"{what}: the Docker engine at {address} cannot be asked ({error})")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what it was raised from, and what it carries in its arguments."""
    seen: list[BaseException] = []
    open_ = [error]
    while open_:
        one = open_.pop()
        if one is None or any(one is other for other in seen):
            continue
        seen.append(one)
        yield one
        open_ += [one.__cause__, one.__context__]
        open_ += [arg for arg in one.args if isinstance(arg, BaseException)]
        open_.append(
            getattr(one, "reason", None)
            if isinstance(getattr(one, "reason", None), BaseException)
            else None
        )
