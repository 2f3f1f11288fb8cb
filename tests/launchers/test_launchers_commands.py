"""From a launcher's settings and a place to a command."""

from __future__ import annotations

import pytest

from nemorun_discover.executors.launchers import FaultTolerance, Launcher, Torchrun
from nemorun_discover.launchers.place import Place
from nemorun_discover.launchers.ports import port_of
from nemorun_discover.launchers.rendezvous import rendezvous_id
from nemorun_discover.launchers.table import (
    launch_command,
    launch_environment,
    starts_all_processes,
)

KEY = "20261122-0712-lab-x7k2/train@local/1"
COMMAND = ["/py", "train it.py", "--lr=$LR"]

# Lines are marked with the process's number among all nodes.
MARKS = {"TORCHELASTIC_LOG_LINE_PREFIX_TEMPLATE": "[${role_name}${rank}]:"}


def place(**fields):
    return Place(**{"key": KEY, "folder": "/jobs/a b", "python": "/venv/bin/python"} | fields)


def option(command, name):
    return next(one.partition("=")[2] for one in command if one.startswith(f"--{name}="))


@pytest.mark.parametrize("launcher", [None, Launcher()], ids=["none", "default"])
def test_without_a_launcher_the_command_is_itself(launcher):
    assert launch_command(launcher, place(), COMMAND) == COMMAND
    assert launch_environment(launcher, place()) == {}
    assert not starts_all_processes(launcher)


def test_torchrun_on_one_node_takes_a_free_port_of_its_own():
    command = launch_command(Torchrun(), place(nproc_per_node=4), COMMAND)

    assert command == [
        "/venv/bin/python",
        "-m",
        "torch.distributed.run",
        "--nnodes=1",
        "--nproc-per-node=4",
        "--node-rank=0",
        "--rdzv-backend=c10d",
        "--rdzv-endpoint=localhost:0",
        f"--rdzv-id={rendezvous_id(KEY)}",
        "--tee=3",
        "--log-dir=/jobs/a b/torchrun",
        "--no-python",
        *COMMAND,
    ]


def test_the_nodes_of_a_job_meet_at_a_port_of_the_job_on_its_head():
    command = launch_command(Torchrun(), place(nnodes=2, node_rank=1, head="node-7"), COMMAND)

    assert option(command, "nnodes") == "2"
    assert option(command, "node-rank") == "1"
    assert option(command, "rdzv-endpoint") == f"node-7:{port_of(KEY)}"
    assert option(command, "rdzv-id") == rendezvous_id(KEY)


def test_what_a_shell_fills_in_is_left_for_it():
    head = place(nnodes=2, node_rank="$SLURM_NODEID", head="$head_node")

    command = launch_command(Torchrun(rdzv_port=4000), head, COMMAND)

    assert option(command, "node-rank") == "$SLURM_NODEID"
    assert option(command, "rdzv-endpoint") == "$head_node:4000"


@pytest.mark.parametrize(
    ("head", "endpoint"),
    [("fe80::1", "[fe80::1]:4000"), ("[fe80::1]", "[fe80::1]:4000"), ("10.0.0.1", "10.0.0.1:4000")],
    ids=["IPv6", "IPv6 in brackets", "IPv4"],
)
def test_an_address_of_any_kind_can_be_the_head(head, endpoint):
    command = launch_command(Torchrun(rdzv_port=4000), place(nnodes=2, head=head), COMMAND)

    assert option(command, "rdzv-endpoint") == endpoint


@pytest.mark.parametrize("nnodes", [1, 2], ids=["one node", "two nodes"])
@pytest.mark.parametrize("settings", [Torchrun, FaultTolerance], ids=["torchrun", "ft"])
def test_what_the_settings_say_of_the_rendezvous_wins(settings, nnodes):
    launcher = settings(rdzv_backend="static", rdzv_port=29500, rdzv_id=0)

    command = launch_command(launcher, place(nnodes=nnodes, head="localhost"), COMMAND)

    assert option(command, "rdzv-backend") == "static"
    assert option(command, "rdzv-endpoint") == "localhost:29500"
    assert option(command, "rdzv-id") == "0"


def test_a_backend_that_takes_no_port_by_itself_is_given_the_jobs():
    command = launch_command(Torchrun(rdzv_backend="static"), place(), COMMAND)

    assert option(command, "rdzv-endpoint") == f"localhost:{port_of(KEY)}"


def test_two_attempts_meet_apart():
    first, second = (
        launch_command(Torchrun(), place(nnodes=2, key=f"{KEY}{number}"), COMMAND)
        for number in (1, 2)
    )

    assert option(first, "rdzv-id") != option(second, "rdzv-id")
    assert option(first, "rdzv-endpoint") != option(second, "rdzv-endpoint")


def test_ft_is_told_what_is_set_and_nothing_else():
    launcher = FaultTolerance(
        cfg_path="/cfg.yaml",
        workload_check_interval=1.5,
        initial_rank_heartbeat_timeout=60,
        rank_heartbeat_timeout=30,
        rank_termination_signal="SIGTERM",
        log_level="DEBUG",
        max_restarts=3,
    )

    command = launch_command(launcher, place(), COMMAND)

    assert command[:3] == [
        "/venv/bin/python",
        "-m",
        "nvidia_resiliency_ext.fault_tolerance.launcher",
    ]
    assert command[9:] == [
        "--tee=3",
        "--log-dir=/jobs/a b/ft",
        "--max-restarts=3",
        "--ft-cfg-path=/cfg.yaml",
        "--ft-workload-check-interval=1.5",
        "--ft-initial-rank-heartbeat-timeout=60",
        "--ft-rank-heartbeat-timeout=30",
        "--ft-rank-termination-signal=SIGTERM",
        "--ft-log-level=DEBUG",
        "--no-python",
        *COMMAND,
    ]


@pytest.mark.parametrize(
    ("launcher", "options"),
    [
        (FaultTolerance(), ["--ft-rank-termination-signal=SIGKILL"]),
        (FaultTolerance(cfg_path="/cfg.yaml"), ["--ft-cfg-path=/cfg.yaml"]),
    ],
    ids=["nothing set", "file"],
)
def test_ft_never_starts_without_a_configuration(launcher, options):
    command = launch_command(launcher, place(), COMMAND)

    assert [one for one in command if one.startswith("--ft-")] == options


@pytest.mark.parametrize(
    ("launcher", "told"),
    [
        (FaultTolerance(), MARKS | {"FAULT_TOL_FINISHED_FLAG_FILE": "/jobs/a b/ft_finished"}),
        (
            FaultTolerance(finished_flag_file="/flag", cfg_path="/cfg.yaml"),
            MARKS | {"FAULT_TOL_FINISHED_FLAG_FILE": "/flag", "FAULT_TOL_CFG_PATH": "/cfg.yaml"},
        ),
        (Torchrun(), MARKS),
    ],
    ids=["ft", "ft with files", "torchrun"],
)
def test_a_task_under_ft_is_told_its_files(launcher, told):
    assert launch_environment(launcher, place()) == told


def test_a_profile_is_taken_of_the_command():
    launcher = Launcher(
        nsys_profile=True,
        nsys_folder="profiles",
        nsys_filename="p_%p",
        nsys_trace=["nvtx"],
        nsys_extra_args=["--capture-range=cudaProfilerApi"],
        nsys_gpu_metrics=True,
    )

    command = launch_command(launcher, place(), COMMAND)

    assert command == [
        "nsys",
        "profile",
        "--sample=none",
        "--trace=nvtx",
        "--output=/jobs/a b/profiles/p_%p",
        "--force-overwrite=true",
        "--gpu-metrics-device=all",
        "--capture-range=cudaProfilerApi",
        *COMMAND,
    ]


@pytest.mark.parametrize("settings", [Torchrun, FaultTolerance], ids=["torchrun", "ft"])
def test_a_profile_goes_around_the_launcher(settings):
    started = launch_command(settings(), place(), COMMAND)

    command = launch_command(settings(nsys_profile=True), place(), COMMAND)

    assert command[:2] == ["nsys", "profile"]
    assert command[-len(started) :] == started
    assert starts_all_processes(settings())
