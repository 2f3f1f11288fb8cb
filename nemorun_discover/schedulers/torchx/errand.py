"""An errand: all that is known of one attempt between its submission and its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.model.state import State
from nemorun_discover.schedulers.torchx.settings import settings_of

if TYPE_CHECKING:
    from datetime import datetime

    from nemorun_discover.errors import NemorunError
    from nemorun_discover.model.layout import AttemptLayout
    from nemorun_discover.schedulers.protocol import Fact, Submission
    from nemorun_discover.schedulers.torchx.evidence import View
    from nemorun_discover.schedulers.torchx.mirror import Mirror

SHORTEST_PAUSE_S = 0.5


@dataclass(kw_only=True)
class Errand:
    """What the clerk does about one attempt.

    Attributes:
        submission: The attempt.
        state: Where it stood last.
        handle: TorchX's name of its app; None while there is none.
        view: What TorchX said last.
        refusal: Why it was not handed over.
        trouble: Why TorchX could not be asked, the last time.
        heard_at: When TorchX answered last.
        is_cancelled: Somebody asked to cancel it.
        is_called_off: It has not begun, and never will.
        is_cancel_sent: TorchX was told to cancel it.
        is_over: Nothing more is to be asked.
        end: How it ended.
        mirror: What copies the log of a job that does not see this machine's files.
        pause_s: Between two questions to TorchX; it grows while nothing changes.
        look_at: When to ask next, on the monotonic clock.
        said: The state that TorchX told last, whether or not that counts yet.
        said_since: Since when, on the monotonic clock.
    """

    submission: Submission
    state: State = State.SUBMITTED
    handle: str | None = None
    view: View | None = None
    refusal: NemorunError | None = None
    trouble: str | None = None
    heard_at: datetime | None = None
    is_cancelled: bool = False
    is_called_off: bool = False
    is_cancel_sent: bool = False
    is_over: bool = False
    end: Fact | None = None
    mirror: Mirror | None = None
    pause_s: float = SHORTEST_PAUSE_S
    look_at: float = 0.0
    said: str = ""
    said_since: float = 0.0

    @property
    def paths(self) -> AttemptLayout:
        """The attempt's folder."""
        return self.submission.paths.attempt(self.submission.attempt)

    @property
    def scheduler(self) -> str:
        """TorchX's name of its scheduler."""
        return settings_of(self.submission).scheduler

    @property
    def is_boxed(self) -> bool:
        """True when its job does not see this machine's files."""
        return not settings_of(self.submission).sees_this_machine

    @property
    def what(self) -> str:
        """How a sentence about it begins."""
        return f"{self.submission.job.executor}: {self.scheduler}"
