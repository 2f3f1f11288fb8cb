"""TorchX's runner and its schedulers, each made when it is first used."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nemorun_discover.discovery.names import did_you_mean
from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.schedulers.torchx.calls import ask, each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

GONE = "GONE"  # the state of an app that a scheduler does not know, or not any more
OURS = "nemorun_"  # our own names among the schedulers: they start nothing
SESSION = "torchx"  # TorchX deprecates any other
_MOST_APPS = 1_000_000  # local_cwd refuses more than it holds in memory, 100 unless told otherwise
# Followed, their logs come line by line without the ends of the lines (kubernetes' watch); so they are read whole.
_LOSE_LINE_ENDS = ("kubernetes", "kubernetes_mcad")
# local_docker lists containers, then asks for each: one of them that is removed in between fails it (torchx 0.7).
_LISTS = {"local_docker": 5}
_START_PROGRAMS = ("slurm", "lsf")  # those print what an error does not say


class Sdk:
    """TorchX's runner and its schedulers.

    To be used from threads other than the main one: there TorchX's local scheduler would take the signals of
    the process for itself (torchx 0.7, local_scheduler.py).
    """

    def __init__(self) -> None:
        self._runners: dict[str, Any] = {}
        self._schedulers: dict[str, Any] = {}

    def names(self) -> list[str]:
        """The schedulers that jobs can be given to."""
        from torchx.schedulers import get_scheduler_factories  # noqa: PLC0415 - 150 ms, and more with a runner

        return [one for one in get_scheduler_factories() if not one.startswith(OURS)]

    def options(self, scheduler: str) -> Mapping[str, Any]:
        """The options of a scheduler by name."""
        return dict(self.runner(scheduler).scheduler_run_opts(scheduler))

    def require_options(self, scheduler: str, cfg: Mapping[str, Any]) -> None:
        """Raise what TorchX raises for an option that is missing, or of another type."""
        self.runner(scheduler).scheduler_run_opts(scheduler).resolve(dict(cfg))

    def named_resource(self, name: str) -> Any:  # noqa: ANN401 - TorchX has no types
        """The resources of this name.

        Raises:
            ExecutorRefused: TorchX knows none of that name.
        """
        from torchx import specs  # noqa: PLC0415 - see names

        try:
            return specs.named_resources[name]
        except KeyError as error:
            raise ExecutorRefused(str(error.args[0])) from error

    def runner(self, scheduler: str) -> Any:  # noqa: ANN401 - TorchX has no types
        """TorchX's runner for a scheduler."""
        if scheduler not in self._runners:
            self._runners[scheduler] = self._new_runner(scheduler)
        return self._runners[scheduler]

    def require(self, name: str, scheduler: str) -> None:
        """Raise ExecutorRefused when TorchX has no such scheduler; `name` is the executor's."""
        known = ask(f"{name}: torchx", self.names)
        if scheduler not in known:
            raise ExecutorRefused(
                f"{name}: TorchX has no scheduler {scheduler!r}{did_you_mean(scheduler, known)}",
                hint=f"it has {', '.join(known)}",
            )

    def dry_run(
        self, what: str, scheduler: str, make: Callable[[], Any], cfg: Mapping[str, Any]
    ) -> Any:  # noqa: ANN401 - TorchX has no types
        """The exact request for an app; nothing is sent."""
        runner = self.runner(scheduler)
        return ask(
            what,
            lambda: runner.dryrun(make(), scheduler, cfg=dict(cfg)),
            prints=scheduler in _START_PROGRAMS,
        )

    def schedule(self, what: str, scheduler: str, request: Any) -> str:  # noqa: ANN401
        """Send a request; the app's handle."""
        runner = self.runner(scheduler)
        return str(ask(what, lambda: runner.schedule(request), prints=scheduler in _START_PROGRAMS))

    def status(self, what: str, scheduler: str, handle: str) -> tuple[str, str]:
        """The state of an app in TorchX's word, and what the scheduler calls it; GONE when it knows of none."""
        runner = self.runner(scheduler)
        try:
            status = ask(what, lambda: runner.status(handle), prints=scheduler in _START_PROGRAMS)
        except ExecutorRefused as error:
            # torchx 0.7 knows slurm's CANCELLED, but not "CANCELLED by 1000", which sacct says.
            if "failed to translate slurm state CANCELLED" in error.message:
                return "CANCELLED", "CANCELLED"
            raise
        if status is None:
            return GONE, ""
        return status.state.name, "" if status.msg in (None, "<NONE>") else str(status.msg)

    def cancel(self, what: str, scheduler: str, handle: str) -> None:
        """Cancel an app, also where TorchX cannot tell how it stands."""
        runner = self.runner(scheduler)
        try:
            ask(what, lambda: runner.cancel(handle), prints=scheduler in _START_PROGRAMS)
        except ExecutorRefused:
            # It asks for the state first; on a Slurm without accounting that fails, and scancel works.
            app_id = handle.rpartition("/")[2]
            cancel = self._schedulers[scheduler]._cancel_existing  # noqa: SLF001 - `cancel` asks for the state too
            ask(what, lambda: cancel(app_id), prints=scheduler in _START_PROGRAMS)

    def text(self, what: str, scheduler: str, handle: str, role: str) -> Iterator[str]:
        """The log of an app from its beginning, in pieces; until it ends, where the scheduler can follow."""
        runner = self.runner(scheduler)
        follow = scheduler not in _LOSE_LINE_ENDS
        log = ask(
            what,
            lambda: runner.log_lines(handle, role, 0, should_tail=follow),
            prints=scheduler in _START_PROGRAMS,
        )
        yield from each(what, log)

    def handles(self, what: str, scheduler: str, name: str) -> list[str]:
        """The apps whose ids have this name in them; empty where the scheduler cannot list, or lists no names."""
        runner = self.runner(scheduler)
        prints = scheduler in _START_PROGRAMS
        for _ in range(_LISTS.get(scheduler, 1)):
            with suppress(ExecutorRefused):
                apps = ask(what, lambda: runner.list(scheduler), prints=prints)
                return [str(one.app_handle) for one in apps if name in one.app_id]
        return []

    def _new_runner(self, scheduler: str) -> Any:  # noqa: ANN401 - TorchX has no types
        from torchx.runner import Runner  # noqa: PLC0415 - see above
        from torchx.schedulers import get_scheduler_factories  # noqa: PLC0415

        make = get_scheduler_factories()[scheduler]

        def factory(session: str, **params: object) -> Any:  # noqa: ANN401
            self._schedulers[scheduler] = _left_alone(make(session, **params))
            return self._schedulers[scheduler]

        params = {"cache_size": _MOST_APPS} if scheduler == "local_cwd" else {}
        return Runner(SESSION, {scheduler: factory}, scheduler_params=params)


_forever: list[Any] = []  # see _left_alone


def _left_alone(scheduler: Any) -> Any:  # noqa: ANN401
    """The scheduler, without what ends its jobs when it is closed or forgotten.

    TorchX's local one kills them in `close` and `__del__` (torchx 0.7); ours go on without us.
    """
    scheduler.close = _nothing
    _forever.append(scheduler)
    return scheduler


def _nothing() -> None:
    return None
