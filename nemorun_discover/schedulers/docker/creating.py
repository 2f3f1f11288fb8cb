"""Make and start a container in the way that its image allows: the worker, a shell, or the script alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemorun_discover.documents import JobOrders, read_object
from nemorun_discover.errors import ConfigError, ExecutorRefused
from nemorun_discover.schedulers.docker.commands import Way
from nemorun_discover.schedulers.docker.engine import explanation, said
from nemorun_discover.schedulers.docker.evidence import note_container
from nemorun_discover.schedulers.docker.faults import lacks_program, refusal
from nemorun_discover.schedulers.docker.folders import write_secrets
from nemorun_discover.schedulers.docker.places import settings
from nemorun_discover.schedulers.docker.request import create_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient

    from nemorun_discover.schedulers.docker.engine import Door
    from nemorun_discover.schedulers.docker.images import Image
    from nemorun_discover.schedulers.protocol import Submission


class Creating:
    """Makes containers, and remembers in which way each image can be used.

    Args:
        door: To the engine.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._env = door.env
        self._ways: dict[tuple[str, str], Way] = {}

    @property
    def _client(self) -> DockerClient:
        return self._door.client()

    def create(
        self, submission: Submission, image: Image, devices: Sequence[str], *, is_shared: bool
    ) -> None:
        """Start the attempt in the first way that its image allows.

        Raises:
            ExecutorRefused: It allows none, or the engine refuses.
            ConfigError: The settings are wrong.
        """
        executor = settings(submission)
        key = (image.id, executor.python or "")
        argv = _script_of(submission)
        ways = [one for one in Way if argv or one is Way.WORKER]
        known = self._ways.get(key)
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
            if self._run(submission, arguments, way, image, devices):
                self._ways[key] = way
                return
        raise _no_python(submission, is_function=not argv)

    def _run(
        self,
        submission: Submission,
        arguments: dict[str, Any],
        way: Way,
        image: Image,
        devices: Sequence[str],
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
                    note_container(
                        attempt,
                        name=name,
                        id=made.id,
                        image=image.id,
                        way=str(way),
                        gpus=list(devices),
                    )
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


def _script_of(submission: Submission) -> list[str]:
    if submission.job.script is None:
        return []
    document = read_object(submission.paths.job, JobOrders) or {}
    return [str(one) for one in document.get("argv", ())]


def _no_python(submission: Submission, *, is_function: bool) -> ExecutorRefused:
    executor = settings(submission)
    what = executor.python or "python3"
    if not is_function:
        what = "such program as the script's, nor a shell"
    return ExecutorRefused(
        f"{submission.job.executor}: the image {executor.container_image} has no {what}",
        hint='name the image\'s own with python = "/path/of/python" (3.9 or newer), or use another image',
    )
