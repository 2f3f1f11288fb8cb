"""Tell plugins what happens in an experiment, without waiting for them."""

from __future__ import annotations

import time
import traceback
from copy import deepcopy
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ConfigError
from nemorun_discover.model.event import EventType
from nemorun_discover.plugins.base import DRIVER_HOOKS
from nemorun_discover.plugins.hooks import called

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nemorun_discover.model.event import Event
    from nemorun_discover.model.status import ExperimentStatus, JobStatus
    from nemorun_discover.plugins.hooks import Plugins

_HOOKS = {EventType.SUBMITTED: "on_submit", EventType.STATE: "on_state_change"}


class Announcer:
    """Calls the hooks of plugins, each plugin in a thread of its own and in the order of events.

    Args:
        plugins: Whom to tell.
        experiment_id: What of.
        complain: Gets a sentence about each way in which a hook fails; called from other threads.
    """

    def __init__(
        self, plugins: Plugins, experiment_id: str, complain: Callable[[str], None]
    ) -> None:
        self._experiment_id = experiment_id
        self._complain = complain
        hooks: dict[str, dict[str, Callable[..., Any]]] = {}
        for hook in DRIVER_HOOKS:
            for name, call in plugins.implementations(hook).items():
                hooks.setdefault(name, {})[hook] = call
        self._listeners = [_Listener(name, calls, complain) for name, calls in hooks.items()]

    def tell(self, event: Event, job: JobStatus) -> None:
        """Tell of an entry of the journal, if it concerns plugins."""
        hook = _HOOKS.get(event.type)
        for listener in self._listeners if hook else ():
            listener.put(str(hook), experiment_id=self._experiment_id, job=job)

    def finish(self, experiment: ExperimentStatus, *, patience_s: float) -> None:
        """Tell that the experiment is over, and wait until every plugin has heard it.

        Args:
            experiment: How it ended.
            patience_s: How long one call may take from now on; a plugin that takes longer is left alone.
        """
        for listener in self._listeners:
            listener.put("on_finish", experiment_id=self._experiment_id, experiment=experiment)
            listener.close()
        for listener in self._listeners:
            if not listener.has_heard_all(patience_s):
                self._complain(
                    f"plugin {listener.name}: {listener.calling} has not returned in {patience_s:g} s;"
                    " the driver has ended without it"
                )


class _Listener:
    """One plugin, and what it has not heard yet."""

    def __init__(
        self, name: str, hooks: Mapping[str, Callable[..., Any]], complain: Callable[[str], None]
    ) -> None:
        self.name = name
        self.calling = ""
        self._hooks = hooks
        self._complain = complain
        self._complained: set[str] = set()
        self._began = 0.0
        self._calls: SimpleQueue[tuple[str, dict[str, Any]] | None] = SimpleQueue()
        # A daemon: a hook that hangs does not keep the process.
        self._thread = Thread(target=self._listen, name=f"plugin {name}", daemon=True)
        self._thread.start()

    def put(self, hook: str, **arguments: object) -> None:
        if hook in self._hooks:
            # Its own copy: parameters and results are not ours alone any more.
            self._calls.put((hook, deepcopy(arguments)))

    def close(self) -> None:
        self._began = time.monotonic()
        self._calls.put(None)

    def has_heard_all(self, patience_s: float) -> bool:
        while self._thread.is_alive():
            left = self._began + patience_s - time.monotonic()
            if left <= 0:
                return False
            self._thread.join(left)
        return True

    def _listen(self) -> None:
        while (call := self._calls.get()) is not None:
            self.calling, arguments = call
            self._began = time.monotonic()
            try:
                called(self.name, self.calling, self._hooks[self.calling], **arguments)
            except ConfigError as error:
                self._fail(error)

    def _fail(self, error: ConfigError) -> None:
        """Once for each sentence, however many jobs there are; every traceback is in the driver's log."""
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        if error.message not in self._complained:
            self._complained.add(error.message)
            self._complain(error.message)
