"""The project a command works in: its configuration at once, its tasks when they are asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from nemorun_discover.config.load import load_config

if TYPE_CHECKING:
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.config.load import Config
    from nemorun_discover.config.resolve import ExecutorChoice
    from nemorun_discover.errors import ConfigError
    from nemorun_discover.model.task import Collection


class OpenProject:
    """A project, looked at: its files are read, and imported only where `Config.may_import` lets them and reading does not tell."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @cached_property
    def collection(self) -> Collection:
        """All that a scan of the project's paths found, with the tasks of its configuration."""
        from nemorun_discover.lifecycle.collecting import collect_project  # noqa: PLC0415 - only for tasks

        return collect_project(self.config)

    @cached_property
    def executors(self) -> list[ExecutorChoice]:
        """Every executor that can be chosen."""
        from nemorun_discover.config.resolve import executor_names  # noqa: PLC0415 - only for executors

        return executor_names(self.config, self.collection.factories)

    def profile_problems(self) -> list[ConfigError]:
        """All that is wrong with the profiles and the tables of tasks."""
        from nemorun_discover.config.validate import validate_all  # noqa: PLC0415 - doctor only

        return validate_all(self.config, self.collection.factories)


def open_project(settings: Settings, *, may_import: bool = True) -> OpenProject:
    """The project that the settings mean.

    Args:
        settings: What was said on the command line.
        may_import: False to import nothing of it, whatever its configuration allows.

    Raises:
        ConfigError: Its configuration cannot be read.
    """
    config = load_config(
        settings.directory, file=settings.config_file, overrides=settings.overrides
    )
    return OpenProject(config if may_import else replace(config, may_import=False))
