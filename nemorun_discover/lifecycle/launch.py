"""Launch a plan: make it an experiment, and give the driver, which loads meanwhile, the word to begin."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING

from nemorun_discover.lifecycle.standby import Standby
from nemorun_discover.model.ids import id_end

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.store.home import Home


def driver_ahead(home: Home, name_end: str | None = None) -> Standby:
    """A driver for an experiment that need not have a plan yet, to be handed to `launch`: it loads meanwhile.

    Args:
        home: Where the experiment will be.
        name_end: What its id will end in; four letters by chance otherwise.

    Raises:
        StoreError: No process can be started.
    """
    return Standby(home, name_end or id_end(secrets.choice))


def launch(
    home: Home,
    plan: Plan,
    env: Mapping[str, str],
    *,
    tell: Callable[[str], None] = lambda _: None,
    driver: Standby | None = None,
) -> str:
    """Package the code, write the experiment down and give its driver the word.

    Args:
        home: Where the record goes.
        plan: What to launch.
        env: The caller's environment.
        tell: Gets sentences for the user, before anything is written.
        driver: One that waits already.

    Returns:
        The experiment's id.

    Raises:
        StoreError: The home cannot be written; nothing was started.
        ExecutorRefused: An executor cannot run these jobs; nothing was written.
        ConfigError: The code cannot be packaged; nothing was written.
    """
    with ExitStack() as waiting:
        if driver is None:
            driver = waiting.enter_context(driver_ahead(home, plan.name_end))
        driver.load(plan.executors)
        from nemorun_discover.lifecycle.experiment import create  # noqa: PLC0415 - meanwhile, not before

        record, lock = create(home, plan, env, tell=tell, name_end=driver.name)
        if not record.id.endswith(driver.name):  # another experiment has that id
            driver = waiting.enter_context(driver_ahead(home, record.id))
        driver.begin(record.id, lock, plan.secrets)
    return record.id
