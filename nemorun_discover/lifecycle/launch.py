"""Launch a plan: make it an experiment, and give the driver, which loads meanwhile, the word to begin."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from nemorun_discover.lifecycle.plan import choose_id
from nemorun_discover.lifecycle.standby import Standby
from nemorun_discover.model.event import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.store.home import Home


def launch(
    home: Home, plan: Plan, env: Mapping[str, str], *, tell: Callable[[str], None] = lambda _: None
) -> str:
    """Package the code, write the experiment down and start its driver.

    Args:
        home: Where the record goes.
        plan: What to launch.
        env: The caller's environment.
        tell: Gets sentences for the user, before anything is written.

    Returns:
        The experiment's id.

    Raises:
        StoreError: The home cannot be written; nothing was started.
        ExecutorRefused: An executor cannot run these jobs; nothing was written.
        ConfigError: The code cannot be packaged; nothing was written.
    """
    now = utc_now()
    wanted = choose_id(plan, now)
    with ExitStack() as waiting:
        driver = waiting.enter_context(Standby(home, wanted, plan.executors))
        from nemorun_discover.lifecycle.experiment import create  # noqa: PLC0415 - meanwhile, not before

        record, lock = create(home, plan, env, tell=tell, now=now, wanted=wanted)
        if record.id != wanted:
            driver = waiting.enter_context(Standby(home, record.id))
        driver.begin(lock, plan.secrets)
    return record.id
