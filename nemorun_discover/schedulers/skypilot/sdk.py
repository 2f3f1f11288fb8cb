"""The one place that calls SkyPilot: imported on first use, its exceptions become ours here.

Every call asks SkyPilot's API server, which the first one starts on this machine if there is none; calls take
seconds, and so belong into threads.
"""

from __future__ import annotations

import copy
import inspect
import os
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.schedulers.skypilot.refusals import refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INSTALL = "pip install 'nemorun-discover[skypilot]'"
NO_USAGE_COLLECTION = "SKYPILOT_DISABLE_USAGE_COLLECTION"
_OLDEST = (0, 14)
_HOUR_S = 3600
_OF_MANAGED = ["job_id", "task_id", "job_name", "status", "failure_reason"]
# Beside all of its own: what requests, pydantic and its own checks of values raise.
_FOREIGN = (ValueError, TypeError, RuntimeError, OSError, ImportError, KeyError, AssertionError)
_UNFINISHED_REQUEST = frozenset({"PENDING", "RUNNING"})
_import = Lock()


def require_sky(name: str) -> None:
    """Raise ExecutorRefused when SkyPilot is not installed, or too old; it is not imported. `name` is the executor's."""
    if find_spec("sky") is None:
        raise ExecutorRefused(f"{name}: SkyPilot is not installed", hint=INSTALL)
    try:
        installed = version("skypilot")
    except PackageNotFoundError:  # a checkout of it on the path
        return
    numbers = tuple(int(one) for one in installed.split(".")[:2] if one.isdigit())
    if len(numbers) == len(_OLDEST) and numbers < _OLDEST:
        raise ExecutorRefused(
            f"{name}: SkyPilot {installed} is older than {'.'.join(map(str, _OLDEST))}",
            hint=f"{INSTALL} --upgrade",
        )


class ClusterGone(ExecutorRefused):
    """There is no such cluster, or it is not up."""


class Sky:
    """SkyPilot's client, as far as it is used; ids of requests are text."""

    def __init__(self) -> None:
        self._sky: Any = None
        self._errors: tuple[type[BaseException], ...] = ()
        self._unpriced: tuple[type[BaseException], ...] = ()

    def launch(self, task: Mapping[str, Any], cluster: str, **options: Any) -> str:  # noqa: ANN401 - SkyPilot's own
        """Ask for a cluster with this job on it; returns the request."""
        with self._translated(cluster) as sky:
            return str(sky.launch(self._task(sky, task), cluster_name=cluster, **options))

    def exec(self, task: Mapping[str, Any], cluster: str) -> str:
        """Ask for a job on a cluster that is up; returns the request."""
        with self._translated(cluster) as sky:
            return str(sky.exec(self._task(sky, task), cluster_name=cluster))

    def launch_managed(self, task: Mapping[str, Any]) -> str:
        """Ask for a managed job; returns the request."""
        with self._translated(str(task["name"])) as sky:
            return str(sky.jobs.launch(self._task(sky, task), name=task["name"]))

    def answer(self, request: str, what: str) -> Any:  # noqa: ANN401 - whatever was asked for
        """Wait for a request's answer."""
        with self._translated(what) as sky:
            return sky.get(request)

    def give_up(self, request: str) -> None:
        """End a request that is being carried out."""
        with self._translated("a request") as sky:
            sky.get(sky.api_cancel(request, silent=True))

    def open_requests(self, cluster: str) -> list[str]:
        """Requests for a cluster that are still being carried out, oldest first."""
        with self._translated(cluster) as sky:
            found = sky.api_status(cluster_name=cluster)
        ours = [
            one
            for one in found
            if one.status in _UNFINISHED_REQUEST and one.name in ("sky.launch", "sky.exec")
        ]
        return [one.request_id for one in sorted(ours, key=lambda one: float(one.created_at))]

    def cluster(self, name: str) -> Mapping[str, Any] | None:
        """What is known of a cluster; None when there is none."""
        return self.clusters([name]).get(name)

    def clusters(self, names: Sequence[str], *, refresh: bool = False) -> dict[str, dict[str, Any]]:
        """By name, the clusters that there are: status, where, price_per_hour."""
        with self._translated(", ".join(names)) as sky:
            how = sky.StatusRefreshMode.FORCE if refresh else sky.StatusRefreshMode.NONE
            found = sky.get(sky.status(list(names), refresh=how, all_users=True))
        return {
            one["name"]: {"status": _word(one["status"]), **self.describe(one["handle"])}
            for one in found
        }

    def describe(self, handle: Any) -> dict[str, Any]:  # noqa: ANN401 - SkyPilot's
        """Of a cluster: where it is, and its price_per_hour, in dollars; None where no catalog knows."""
        try:
            resources = handle.launched_resources
            places = [resources.cloud, resources.region, resources.zone]
            where = "/".join(str(one) for one in places if one)
        except self._unpriced:
            return {"where": "", "price_per_hour": None}
        try:
            price = float(resources.get_cost(_HOUR_S) * handle.launched_nodes)
        except self._unpriced:
            return {"where": where, "price_per_hour": None}
        return {"where": where, "price_per_hour": price}

    def known_gpus(self) -> list[str]:
        """The types of GPU that SkyPilot has heard of; none where it cannot load its list."""
        self._load()
        try:
            table = import_module("sky.catalog.common").read_catalog("common/accelerators.csv")
            return [str(one) for one in table["AcceleratorName"]]
        except self._unpriced:
            return []

    def queue(self, cluster: str) -> list[dict[str, Any]]:
        """The jobs of a cluster, newest first: job_id, job_name, status."""
        with self._translated(cluster) as sky:
            found = sky.get(sky.queue(cluster, all_users=True))
        return [{**_fields(one), "status": _word(_fields(one)["status"])} for one in found]

    def states(self, cluster: str, jobs: Sequence[int]) -> dict[int, str]:
        """By id, the state of jobs on a cluster; those it does not know are left out."""
        with self._translated(cluster) as sky:
            found = sky.get(sky.job_status(cluster, list(jobs)))
        return {int(job): _word(state) for job, state in found.items() if state is not None}

    def managed(
        self, *, jobs: Sequence[int] | None = None, name: str | None = None
    ) -> dict[int, Any]:
        """By id, managed jobs: job_name, status, failure_reason."""
        with self._translated("managed jobs") as sky:
            wanted: dict[str, Any] = {"name_match": name} if name else {"job_ids": list(jobs or ())}
            asked = sky.jobs.queue_v2(refresh=False, fields=_OF_MANAGED, **wanted)
            found, *_ = sky.get(asked)
        rows = [_fields(one) for one in found]
        return {int(one["job_id"]): {**one, "status": _word(one["status"])} for one in rows}

    def follow(self, cluster: str | None, job: int, sink: Any) -> None:  # noqa: ANN401 - a text file of ours
        """Write a job's log into `sink`, from its beginning, until the job ends; of a managed job without cluster."""
        with self._translated(cluster or f"managed job {job}") as sky:
            if cluster is None:
                sky.jobs.tail_logs(job_id=job, follow=True, output_stream=sink)
            else:
                sky.tail_logs(cluster, job, follow=True, output_stream=sink)

    def cancel(self, cluster: str | None, jobs: Sequence[int]) -> None:
        """End jobs of a cluster, or managed ones."""
        with self._translated(cluster or "managed jobs") as sky:
            if cluster is None:
                sky.get(sky.jobs.cancel(job_ids=list(jobs)))
            else:
                sky.get(sky.cancel(cluster, job_ids=list(jobs)))

    def down(self, cluster: str) -> None:
        """Tear a cluster down."""
        with self._translated(cluster) as sky:
            sky.get(sky.down(cluster))

    @contextmanager
    def _translated(self, what: str) -> Iterator[Any]:
        sky = self._load()
        try:
            yield sky
        except self._errors as error:
            gone = (sky.exceptions.ClusterDoesNotExist, sky.exceptions.ClusterNotUpError)
            if isinstance(error, gone):
                raise ClusterGone(
                    f"{what}: there is no such cluster any more, or it is not up"
                ) from error
            raise refusal_of(error, what) from error

    def _load(self) -> Any:  # noqa: ANN401 - the module, which has no types
        with _import:
            if self._sky is None:
                os.environ.setdefault(NO_USAGE_COLLECTION, "1")
                try:
                    sky = import_module("sky")
                except ImportError as error:
                    raise ExecutorRefused(
                        f"SkyPilot cannot be imported: {error}", hint=INSTALL
                    ) from error
                own = [one for _, one in inspect.getmembers(sky.exceptions, inspect.isclass)]
                self._errors = (*(one for one in own if issubclass(one, Exception)), *_FOREIGN)
                self._unpriced = (*self._errors, AttributeError, LookupError)
                self._sky = sky
        return self._sky

    def _task(self, sky: Any, task: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a sky.Task
        return sky.Task.from_yaml_config(copy.deepcopy(dict(task)))  # it takes its argument apart


def _fields(record: Any) -> dict[str, Any]:  # noqa: ANN401 - a dict, or one of SkyPilot's models
    return dict(record) if isinstance(record, dict) else record.model_dump()


def _word(state: Any) -> str:  # noqa: ANN401 - an Enum, or text
    return str(getattr(state, "value", state))
