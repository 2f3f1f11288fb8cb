"""What the thread of a line asks of SkyPilot: the jobs of one cluster, or managed jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.schedulers.skypilot.gpus import with_nearest_gpus
from nemorun_discover.schedulers.skypilot.refusals import NothingFits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.schedulers.skypilot.run import Run
    from nemorun_discover.schedulers.skypilot.sdk import Sky


class Service(ABC):
    """Calls that take seconds; a failed one raises ExecutorRefused, in one sentence.

    Args:
        sky: SkyPilot.
    """

    def __init__(self, sky: Sky) -> None:
        self._sky = sky

    def start(self, run: Run) -> None:
        """Give the attempt an id: that of its job, which is started unless it is there already."""
        try:
            if not run.was_asked or not (self._arrives(run) or self._is_there(run)):
                self._start(run)
        except NothingFits as error:
            raise with_nearest_gpus(error, run, self._sky) from error

    def give_up(self, run: Run) -> None:
        """End a start that is under way."""
        if run.request is not None:
            self._sky.give_up(run.request)

    @abstractmethod
    def states(self, runs: Sequence[Run]) -> Mapping[int, str]:
        """By id, SkyPilot's words for the states of jobs; one that is gone is left out."""

    @abstractmethod
    def is_gone(self, run: Run) -> bool:
        """True when SkyPilot, asked in another way than by `states`, has no such job: it cannot run."""

    @abstractmethod
    def follow(self, run: Run, sink: Any) -> None:  # noqa: ANN401 - a text file
        """Write the job's log into `sink` until the job ends."""

    @abstractmethod
    def cancel(self, run: Run) -> None:
        """Ask SkyPilot to end the job."""

    @abstractmethod
    def tidy(self, run: Run) -> None:
        """After the last job was cancelled: leave nothing that costs money."""

    @abstractmethod
    def tidy_refused(self, run: Run) -> None:
        """The same after a job that could not be started, where it was to bring up what it runs on."""

    @abstractmethod
    def _start(self, run: Run) -> None:
        """Start the job."""

    @abstractmethod
    def _is_there(self, run: Run) -> bool:
        """Whether SkyPilot has the job, though nobody wrote down by which request."""

    @abstractmethod
    def _take_answer(self, run: Run) -> None:
        """Wait for the attempt's request, and remember the id that it gave."""

    def _arrives(self, run: Run) -> bool:
        """Wait for the request that an earlier process sent; False when it is not known any more."""
        if run.request is None:
            return False
        try:
            self._take_answer(run)
        except ExecutorRefused:
            return False
        return True
