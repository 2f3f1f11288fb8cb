"""Everything that is wrong with a configuration, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.config.code_tasks import check_code_table
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.config.profiles import (
    check_profile,
    is_template,
    profile_names,
    profile_tree,
    runnable_names,
)
from nemorun_discover.config.references import has_reference
from nemorun_discover.config.script_tasks import is_script, script_task
from nemorun_discover.config.tree import Leaf, Tree, place_of
from nemorun_discover.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.config.load import Config
    from nemorun_discover.model.task import Factory


def validate_all(config: Config, factories: Sequence[Factory] | None = None) -> list[ConfigError]:
    """All that is wrong with the profiles and the tables of tasks; nothing is imported or called.

    Values that refer to the environment are not looked at: whether a variable is set matters only
    where its profile is used.

    Args:
        config: The project's configuration.
        factories: The factories that were found, for profiles that name one; None to leave those be.
    """
    problems = [
        problem for name in profile_names(config) for problem in check_profile(config, name)
    ]
    for name, node in config.table("tasks").items():
        if isinstance(node, dict):
            problems.extend(_task_problems(config, name, node))
    if factories is not None and not problems:
        problems = _factory_problems(config, factories)
    # A template's mistake is found again in each profile that extends it.
    return list({problem.message: problem for problem in problems}.values())


def _task_problems(config: Config, name: str, table: Tree) -> list[ConfigError]:
    if not is_script(table):
        return check_code_table(config, name, table)
    try:
        script_task(config, name, table)
    except ConfigError as error:
        return [error]
    return []


def _factory_problems(config: Config, factories: Sequence[Factory]) -> list[ConfigError]:
    problems = []
    for name in profile_names(config):
        tree = profile_tree(config, name)
        called = tree.get("factory")
        if isinstance(called, Leaf) and not is_template(name) and not has_reference(called.value):
            problems.extend(_call_problems(tree, called, factories))
    known = {*runnable_names(config), *(factory.name for factory in factories)}
    default = config.project.default_executor
    if default is not None and default not in known:
        node = config.table("project")["default_executor"]
        place = place_of("default_executor", node)
        hint = hint_for(default, sorted(known), what="the executors are")
        problems.append(ConfigError(f"{place}: there is no executor {default!r}", hint=hint))
    return problems


def _call_problems(tree: Tree, called: Leaf, factories: Sequence[Factory]) -> list[ConfigError]:
    """What is wrong with a profile's call of a factory, as far as signatures tell."""
    place = place_of("factory", called)
    if not isinstance(called.value, str):
        return [ConfigError(f"{place}: expected the name of a factory")]
    named = [factory for factory in factories if factory.name == called.value]
    if not named:
        hint = hint_for(called.value, [one.name for one in factories], what="the factories are")
        return [ConfigError(f"{place}: there is no factory {called.value!r}", hint=hint)]
    if len(named) > 1:
        return []  # which one is called depends on the task
    # Unknown arguments wait for the call: `**kwargs` does not show in what a scan tells.
    missing = [one.name for one in named[0].params if one.is_required and one.name not in tree]
    return [
        ConfigError(
            f"{place}: {called.value} ({named[0].file}:{named[0].line}) needs the argument {name}",
            hint=f"give it beside factory: {name} = …",
        )
        for name in missing
    ]
