"""Start an attempt's container: image, network, folders, container. All that may take long, in a thread's hands."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ConfigError, ExecutorRefused, NemorunError
from nemorun_discover.files import read_json
from nemorun_discover.schedulers.docker.commands import Way
from nemorun_discover.schedulers.docker.engine import Door, EngineGone, explanation, said
from nemorun_discover.schedulers.docker.evidence import forget_container, note_container
from nemorun_discover.schedulers.docker.faults import lacks_program, refusal
from nemorun_discover.schedulers.docker.folders import (
    prepare_folders,
    remove_secrets,
    write_secrets,
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
from nemorun_discover.schedulers.docker.request import create_arguments, user_inside, volumes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient

    from nemorun_discover.schedulers.protocol import Submission


@dataclass(kw_only=True, slots=True)
class Known:
    """What threads that start containers have learnt, and share.

    Attributes:
        ways: By image, how jobs are started in it.
        pulling: By executor, how far a pull is.
        pulled: Images this process has pulled or found, by name.
    """

    lock: threading.RLock = field(default_factory=threading.RLock)
    ways: dict[tuple[str, str], Way] = field(default_factory=dict)
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
        self._images = threading.Lock()

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
                self._create(submission, image, devices, is_shared=is_shared)
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
                self._client.api.create_network(
                    network.name,
                    driver="bridge",
                    labels=network_labels(submission),
                    check_duplicate=True,
                )

    def _create(
        self, submission: Submission, image: Image, devices: Sequence[str], *, is_shared: bool
    ) -> None:
        executor = settings(submission)
        key = (image.id, executor.python or "")
        argv = _script_of(submission)
        ways = [one for one in Way if argv or one is Way.WORKER]
        known = self.known.ways.get(key)
        if known is not None and known in ways:
            ways = ways[ways.index(known) :]
        for way in ways:
            write_secrets(submission, way, is_shared=is_shared)
            arguments = create_arguments(
                submission,
                way=way,
                argv=argv,
                image_user=image.user,
                image_env=image.env,
                env=self._env,
                devices=devices,
            )
            if self._run(submission, arguments, way, image):
                self.known.ways[key] = way
                return
        raise _no_python(submission, is_function=not argv)

    def _run(
        self, submission: Submission, arguments: dict[str, Any], way: Way, image: Image
    ) -> bool:
        """False when the image has no program of that name."""
        from docker import errors  # noqa: PLC0415 - as above

        name, attempt = arguments["name"], submission.paths.attempt(submission.attempt)
        program = [*arguments["entrypoint"], *arguments["command"]][0]
        try:
            with said(submission.job.executor, self._env):
                try:
                    made = self._client.containers.create(**arguments)
                    if way is Way.SHELL and not self._has_shell(name):
                        self._remove(name)
                        return False
                    note_container(attempt, name=name, id=made.id, image=image.id, way=str(way))
                    made.start()
                except errors.APIError as error:
                    words = explanation(error)
                    self._remove(name)
                    if lacks_program(words, program):
                        return False
                    raise refusal(submission.job.executor, settings(submission), words) from error
        except (TypeError, ValueError, errors.DockerException) as error:
            raise ConfigError(f"{submission.job.executor}: docker-py refuses: {error}") from error
        return True

    def _has_shell(self, name: str) -> bool:
        """The engine would not tell: it starts its own first process, which does not find the shell."""
        from docker import errors  # noqa: PLC0415 - as above

        try:
            content, _ = self._client.api.get_archive(name, "/bin/sh")
        except errors.NotFound:
            return False
        content.close()
        return True

    def _remove(self, name: str) -> None:
        from docker import errors  # noqa: PLC0415 - as above

        try:
            self._client.api.remove_container(name, v=True, force=True)
        except errors.APIError:
            return


def this_host() -> str:
    """The machine's name."""
    return socket.gethostname()


def _script_of(submission: Submission) -> list[str]:
    if submission.job.script is None:
        return []
    document = read_json(submission.paths.job) or {}
    return [str(one) for one in document.get("argv", ())]


def _of(name: str, error: ExecutorRefused) -> ExecutorRefused:
    return ExecutorRefused(f"{name}: {error.message}", hint=error.hint)


def _no_python(submission: Submission, *, is_function: bool) -> ExecutorRefused:
    executor = settings(submission)
    what = executor.python or "python3"
    if not is_function:
        what = "such program as the script's, nor a shell"
    return ExecutorRefused(
        f"{submission.job.executor}: the image {executor.container_image} has no {what}",
        hint='name the image\'s own with python = "/path/of/python" (3.9 or newer), or use another image',
    )
