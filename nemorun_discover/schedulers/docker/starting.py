"""Start an attempt's container: image, network, folders, container. All that may take long, in a thread's hands."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ExecutorRefused, NemorunError
from nemorun_discover.schedulers.docker.creating import Creating
from nemorun_discover.schedulers.docker.engine import Door, EngineGone, said
from nemorun_discover.schedulers.docker.evidence import forget_container
from nemorun_discover.schedulers.docker.folders import (
    prepare_folders,
    remove_secrets,
)
from nemorun_discover.schedulers.docker.images import (
    Image,
    find_image,
    missing_image,
    pull_image,
)
from nemorun_discover.schedulers.docker.names import (
    KEY,
    container_name,
    key_of,
    network_labels,
)
from nemorun_discover.schedulers.docker.networks import network_of
from nemorun_discover.schedulers.docker.places import settings
from nemorun_discover.schedulers.docker.request import user_inside, volumes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient

    from nemorun_discover.schedulers.protocol import Submission


@dataclass(kw_only=True, slots=True)
class Known:
    """What threads that start containers have learnt, and share.

    Attributes:
        pulling: By executor, how far a pull is.
    """

    lock: threading.RLock = field(default_factory=threading.RLock)
    pulling: dict[str, str] = field(default_factory=dict)


class Starting:
    """Starts containers.

    Args:
        door: To the engine.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._env = door.env
        self.known = Known()
        self._creating = Creating(door)
        self._images = threading.Lock()
        self._made: set[str] = set()

    @property
    def _client(self) -> DockerClient:
        return self._door.client()

    def start(self, submission: Submission, devices: Sequence[str]) -> None:
        """Start an attempt, unless its container is there.

        Raises:
            ExecutorRefused: It could not be started.
            ConfigError: Its settings are wrong.
        """
        if self.find(submission) is None:
            image = self._image(submission)
            self._make_network(submission)
            volumes = volumes_of(submission, self._env)
            is_shared = bool(user_inside(submission, image.user))
            prepare_folders(submission, volumes, is_shared=is_shared)
            try:
                self._creating.create(submission, image, devices, is_shared=is_shared)
            except EngineGone:  # it may have started all the same
                raise
            except NemorunError:
                remove_secrets(submission)
                forget_container(submission.paths.attempt(submission.attempt))
                raise

    def find(self, submission: Submission) -> dict[str, Any] | None:
        """The attempt's container as `docker inspect` shows it; None when there is none.

        One that was made and not started is removed: its start was cut off, or refused.
        """
        from docker import errors  # noqa: PLC0415 - the SDK is loaded when it is needed

        name = container_name(submission)
        with said(submission.job.executor, self._env):
            try:
                found: dict[str, Any] = self._client.api.inspect_container(name)
            except errors.NotFound:
                return None
            if found["Config"]["Labels"].get(KEY) != key_of(submission):
                raise ExecutorRefused(
                    f"{submission.job.id}: the container {name} is somebody else's"
                )
            if found["State"]["Status"] != "created":
                return found
            self._client.api.remove_container(name, v=True, force=True)
        return None

    def remove_networks(self) -> None:
        """Remove those that were made here; one that somebody uses stays, for `nemorun prune`."""
        from docker import errors  # noqa: PLC0415 - as above

        for name in self._made:
            try:
                self._client.api.remove_network(name)
            except (errors.DockerException, OSError, ExecutorRefused):
                continue

    def _image(self, submission: Submission) -> Image:
        executor, name = settings(submission), submission.job.executor
        wanted = executor.container_image
        with self._images:  # several jobs of one image pull it once
            found = find_image(self._client, wanted, self._env)
            if executor.pull == "never" and found is None:
                raise _of(name, missing_image(self._client, wanted))
            if executor.pull == "always" or found is None:
                self._pull(name, wanted)
                found = find_image(self._client, wanted, self._env)
        if found is None:
            raise _of(name, missing_image(self._client, wanted))
        return found

    def _pull(self, name: str, image: str) -> None:
        def tell(progress: str | None) -> None:
            with self.known.lock:
                if progress is None:
                    self.known.pulling.pop(name, None)
                else:
                    self.known.pulling[name] = progress

        try:
            pull_image(self._client, image, self._env, tell)
        except ExecutorRefused as error:
            raise _of(name, error) from error

    def _make_network(self, submission: Submission) -> None:
        network = network_of(submission)
        if not network.is_made or network.name is None:
            return
        name = submission.job.executor
        with self.known.lock, said(f"{name}: the network {network.name}", self._env):
            if not self._client.api.networks(names=[f"^{network.name}$"]):
                self._made.add(network.name)
                self._client.api.create_network(
                    network.name,
                    driver="bridge",
                    labels=network_labels(submission),
                    check_duplicate=True,
                )


def this_host() -> str:
    """The machine's name."""
    return socket.gethostname()


def _of(name: str, error: ExecutorRefused) -> ExecutorRefused:
    return ExecutorRefused(f"{name}: {error.message}", hint=error.hint)
