"""Placeholders for what is known only where a job runs. Python 3.9: the worker fills them in."""

from __future__ import annotations


class ExecutorMacros:
    """Placeholders for the arguments of a script and for variables, filled in inside the job.

    Attributes:
        HEAD_NODE_IP_VAR: Address of the job's first node.
        NPROC_PER_NODE_VAR: Processes on each node.
        NUM_NODES_VAR: Nodes of the job.
        NODE_RANK_VAR: The number of the node this process runs on.
        HET_GROUP_HOST_VAR: Beginning of `group_host`.
        FT_LAUNCHER_CFG_PATH_VAR: The configuration file of ft_launcher; empty without one.
        JOB_DIR_VAR: The job's folder.
    """

    HEAD_NODE_IP_VAR = "${head_node_ip_var}"
    NPROC_PER_NODE_VAR = "${nproc_per_node_var}"
    NUM_NODES_VAR = "${num_nodes_var}"
    NODE_RANK_VAR = "${node_rank_var}"
    HET_GROUP_HOST_VAR = "${het_group_host_var}"
    FT_LAUNCHER_CFG_PATH_VAR = "${ft_launcher_cfg_path_var}"
    JOB_DIR_VAR = "${job_dir_var}"

    @staticmethod
    def group_host(index: int) -> str:
        """The host on which the member of this number, in the job's group, begins."""
        return f"{ExecutorMacros.HET_GROUP_HOST_VAR}_{index}"
