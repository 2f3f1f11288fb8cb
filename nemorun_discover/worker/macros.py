"""The placeholders of executors/macros.py, filled in where the job runs. Pure."""

from __future__ import annotations

import re

from nemorun_discover.executors.macros import ExecutorMacros

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

_THIS_HOST = "127.0.0.1"
_GROUP_HOST = re.compile(re.escape(ExecutorMacros.HET_GROUP_HOST_VAR) + r"_(\d+)")
# Placeholder, the variable that has its value, and the value of a job that was not told.
_VALUES = (
    (ExecutorMacros.HEAD_NODE_IP_VAR, "MASTER_ADDR", _THIS_HOST),
    (ExecutorMacros.NPROC_PER_NODE_VAR, "LOCAL_WORLD_SIZE", "1"),
    (ExecutorMacros.NUM_NODES_VAR, "NEMORUN_NNODES", "1"),
    (ExecutorMacros.NODE_RANK_VAR, "NEMORUN_NODE_RANK", "0"),
    (ExecutorMacros.FT_LAUNCHER_CFG_PATH_VAR, "FAULT_TOL_CFG_PATH", ""),
    (ExecutorMacros.JOB_DIR_VAR, "NEMORUN_JOB_DIR", ""),
)


def fill_macros(text: str, env: Mapping[str, str]) -> str:
    """The text with its placeholders replaced by what the process's environment says of its place."""
    if "${" not in text:
        return text
    for placeholder, variable, default in _VALUES:
        text = text.replace(placeholder, env.get(variable, default))
    # The members of a group that were told no hosts all begin on the first node.
    head = env.get("MASTER_ADDR", _THIS_HOST)
    hosts = [one for one in env.get("NEMORUN_GROUP_HOSTS", "").split(",") if one]
    return _GROUP_HOST.sub(lambda found: _nth(hosts, int(found.group(1)), head), text)


def filled_variables(env: Mapping[str, str]) -> dict[str, str]:
    """Those variables whose placeholders are replaced, with their new values."""
    filled = {name: fill_macros(value, env) for name, value in env.items() if "${" in value}
    return {name: value for name, value in filled.items() if value != env[name]}


def _nth(hosts: list[str], index: int, otherwise: str) -> str:
    return hosts[index] if index < len(hosts) else otherwise
