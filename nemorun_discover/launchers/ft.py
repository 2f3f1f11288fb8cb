"""The command of `ft_launcher`, of NVIDIA's nvidia-resiliency-ext. Pure.

The options are those of its version 0.4 (fault_tolerance/launcher.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.launchers.torchrun import elastic_command, elastic_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.executors.launchers import FaultTolerance
    from nemorun_discover.launchers.place import Place

MODULE = "nvidia_resiliency_ext.fault_tolerance.launcher"
FINISHED_FLAG = "ft_finished"
_ITS_DEFAULT_SIGNAL = "SIGKILL"


def ft_command(launcher: FaultTolerance, place: Place, command: Sequence[str]) -> list[str]:
    """ft_launcher, which starts `command` once for each process of this node and watches over them."""
    own = _own_options(launcher)
    return elastic_command(MODULE, launcher, place, command, logs="ft", options=own)


def ft_environment(launcher: FaultTolerance, place: Place) -> dict[str, str]:
    """The variables by which a task finds the files it shares with those who start it again."""
    flag = launcher.finished_flag_file or f"{place.folder}/{FINISHED_FLAG}"
    told = elastic_environment(launcher, place) | {"FAULT_TOL_FINISHED_FLAG_FILE": flag}
    if launcher.cfg_path:
        told["FAULT_TOL_CFG_PATH"] = launcher.cfg_path
    return told


def _own_options(launcher: FaultTolerance) -> list[str]:
    # It refuses to start without any configuration at all, so its own default is named.
    is_configured = launcher.cfg_path or launcher.rank_termination_signal
    termination = launcher.rank_termination_signal if is_configured else _ITS_DEFAULT_SIGNAL
    values = {
        "max-restarts": launcher.max_restarts,
        "ft-cfg-path": launcher.cfg_path or None,
        "ft-workload-check-interval": launcher.workload_check_interval,
        "ft-initial-rank-heartbeat-timeout": launcher.initial_rank_heartbeat_timeout,
        "ft-rank-heartbeat-timeout": launcher.rank_heartbeat_timeout,
        "ft-rank-termination-signal": termination,
        "ft-log-level": launcher.log_level,
    }
    return [f"--{name}={value}" for name, value in values.items() if value is not None]
