"""What every executor has: the code that travels, the launcher, the environment and the limits."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from nemorun_discover.executors.launchers import Launcher
from nemorun_discover.executors.packagers import Packager
from nemorun_discover.executors.settings import FAMILY, at_least

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(kw_only=True, slots=True)
class Executor:
    """Settings that say where and how a job runs: data, no behaviour.

    Attributes:
        packager: What of the project's code travels with the job.
        launcher: What starts the job's processes: a kind's name ("torchrun", "ft"), its settings, or None
            (and "default") for the command itself.
        env_vars: Environment variables of the job.
        secrets: Names of variables whose values are taken from the caller's environment and handed to the
            job outside of scripts, records and logs.
        retries: Attempts after the first one that failed.
        timeout: Wall-clock limit of one attempt: seconds, or text such as "90s", "30m", "2h", "1:30:00";
            None for no limit.
    """

    kind: ClassVar[str] = ""
    ALIASES: ClassVar[dict[str, str]] = {}
    """Other names that a field is known by."""
    CODE: ClassVar[str] = ""
    """Where a job finds its checkout, relative to its own folder; `{digest}` is the beginning of the package's
    name. Empty for jobs of this machine, which find everything where it lies here."""
    AT_HAND: ClassVar[bool] = False
    """Whether what jobs write (logs, outputs) lies on this machine at once: nothing is fetched."""

    packager: Packager = field(default_factory=Packager, metadata={FAMILY: "packager"})
    launcher: Launcher | str | None = field(default=None, metadata={FAMILY: "launcher"})
    env_vars: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    retries: int = at_least(0, 0)
    timeout: float | str | None = None

    @property
    def sees_this_machine(self) -> bool:
        """True when jobs find this machine's files at the same paths."""
        return not self.CODE

    @property
    def without_package(self) -> Literal["project", "image", "nothing"]:
        """What of the project a job finds when nothing is packaged: its own files, what an image holds, nothing."""
        return "project"

    @property
    def runs_live_code(self) -> bool:
        """True when a job without a package runs the project's own files, as they lie on this machine then."""
        return self.without_package == "project"

    @classmethod
    def runs_here(cls, settings: Mapping[str, Any]) -> bool:  # noqa: ARG003 - some kinds look at them
        """Whether jobs with these settings, a table of a record, run on this machine: then Ctrl-C ends them."""
        return cls.AT_HAND

    def clone(self) -> Self:
        """A deep copy: changing it leaves this one alone."""
        return copy.deepcopy(self)
