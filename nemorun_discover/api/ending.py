"""What happens at the end of `with run.Experiment(…)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.api.following import console_of

if TYPE_CHECKING:
    from nemorun_discover.api.launched import Launched
    from nemorun_discover.cli.console import Console


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How an experiment shows itself and ends; see `Experiment`."""

    raise_on_failure: bool
    clean_mode: bool
    enable_goodbye_message: bool
    skip_status_at_exit: bool

    def console(self) -> Console:
        """Where it shows itself."""
        return console_of(is_silent=self.clean_mode)


def end(launched: Launched, ending: Ending, error: BaseException | None) -> None:
    """Wait for the experiment, show how it went, and raise JobFailed when a job failed.

    Args:
        launched: The experiment.
        ending: How.
        error: What has ended the `with` block already: then the jobs go on, unless it is a Ctrl-C.
    """
    console = ending.console()
    if isinstance(error, KeyboardInterrupt):
        launched.interrupt(console)
    elif error is not None:
        console.note(f"the jobs go on; to end them: nemorun cancel {launched.id}")
    else:
        _wait_and_tell(launched, ending, console)


def _wait_and_tell(launched: Launched, ending: Ending, console: Console) -> None:
    status = launched.wait(console)
    failure = launched.failure(status)
    raises = failure is not None and ending.raise_on_failure
    if not ending.clean_mode and not ending.skip_status_at_exit:
        launched.show(status, console, explain=not raises)
    if ending.enable_goodbye_message:
        launched.say_goodbye(status, console)
    if failure is not None and raises:
        raise failure
