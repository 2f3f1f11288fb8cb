"""What the thread of a line asks of SkyPilot: the jobs of one cluster, or managed jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.schedulers.skypilot.run import Run


class Service(Protocol):
    """Calls that take seconds; a failed one raises ExecutorRefused, in one sentence."""

    def start(self, run: Run) -> None:
        """Give the attempt an id: that of its job, which is started unless it is there already."""
        ...

    def give_up(self, run: Run) -> None:
        """End a start that is under way."""
        ...

    def states(self, runs: Sequence[Run]) -> Mapping[int, str]:
        """By id, SkyPilot's words for the states of jobs; one that is gone is left out."""
        ...

    def follow(self, run: Run, sink: Any) -> None:  # noqa: ANN401 - a text file
        """Write the job's log into `sink` until the job ends."""
        ...

    def cancel(self, run: Run) -> None:
        """Ask SkyPilot to end the job."""
        ...

    def tidy(self, run: Run) -> None:
        """After the last job was cancelled: leave nothing that costs money."""
        ...

    def tidy_refused(self, run: Run) -> None:
        """The same after a job that could not be started, where it was to bring up what it runs on."""
        ...
