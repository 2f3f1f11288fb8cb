"""The files of SkyPilot's Slurm, as text; nothing is written or run here.

What SkyPilot needs beside a plain Slurm, each found out by trying SkyPilot 0.14.1 on Debian 12:

* Names of nodes that resolve on the nodes themselves: 0x7f000001 is 127.0.0.1 without any /etc/hosts.
* A login user whose account is not locked, and SLURM_CONF in every session, from sshd's SetEnv.
* GPUs that are none: two character devices of the machine stand for them.
* uv, which SkyPilot loads from astral.sh, and CPython 3.10, which uv loads from GitHub: a `curl` and a `uv`
  first on PATH answer those two with what is here. Everything else of the way to a job is real.
* The catalog of accelerators, which SkyPilot loads from GitHub, with what the tests ask for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CLUSTER = "skyslurm"
NODES = ("0x7f000001", "0x7f000002")
USER = "nemorun-sky"
# A package index and a cache of uv's own: neither is a part of what is tried.
CACHE = "nemorun-sky-uv-cache"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """Where its daemons listen, on 127.0.0.1."""

    slurmctld: int
    slurmd: tuple[int, int]
    ssh: int
    api: int


def slurm_conf(folder: Path, ports: Ports, host: str) -> str:
    """The cluster: two nodes on one machine, with two GPUs each."""
    nodes = "\n".join(
        f"NodeName={name} NodeAddr=127.0.0.1 Port={port} CPUs=16 RealMemory=64000"
        " Gres=gpu:h100:2 State=UNKNOWN"
        for name, port in zip(NODES, ports.slurmd, strict=True)
    )
    return f"""\
ClusterName={CLUSTER}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports.slurmctld}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/slurm/state
SlurmdSpoolDir={folder}/slurm/spool-%n
SlurmctldPidFile={folder}/pids/slurmctld
SlurmdPidFile={folder}/pids/slurmd-%n
SlurmctldLogFile={folder}/log/slurmctld
SlurmdLogFile={folder}/log/slurmd-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ReturnToService=2
KillWait=5
SlurmdParameters=config_overrides
GresTypes=gpu
{nodes}
PartitionName=main Nodes={",".join(NODES)} Default=YES MaxTime=24:00:00 State=UP
"""


GRES_CONF = "Name=gpu Type=h100 File=/dev/tty[1-2]\n"


def sshd_config(folder: Path, port: int) -> str:
    """The login node's sshd."""
    return f"""\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/ssh/host
PidFile {folder}/pids/sshd
AuthorizedKeysFile .ssh/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
AllowUsers {USER}
MaxSessions 200
MaxStartups 200
SetEnv SLURM_CONF={folder}/slurm/slurm.conf SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
"""


def uv_wrapper(folder: Path, cache: Path) -> str:
    """`uv` of the nodes: CPython 3.10 is the node's own Python, and the cache outlives the tests."""
    return f"""\
#!/bin/bash
export UV_CACHE_DIR={cache}
words=() before=
for word in "$@"; do
  if [ "$before" = --python ] && [ "$word" = 3.10 ]; then word=/usr/bin/python3; fi
  words+=("$word") before=$word
done
exec {folder}/bin/uv.real "${{words[@]}}"
"""


def curl_wrapper(folder: Path) -> str:
    """`curl` of the nodes: the installer of uv copies the one that is here."""
    return f"""\
#!/bin/bash
for word in "$@"; do
  if [ "$word" = https://astral.sh/uv/install.sh ]; then
    echo 'mkdir -p "$UV_INSTALL_DIR" && install -m 755 {folder}/bin/uv-of-node "$UV_INSTALL_DIR/uv"'
    exit 0
  fi
done
exec /usr/bin/curl "$@"
"""


def torch_python(place: Path, version: str) -> str:
    """A python3 of the nodes that imports what the tests can."""
    return f"""\
#!/bin/sh
export PYTHONPATH="$PYTHONPATH:{place}/packages"
exec {place}/base/bin/{version} "$@"
"""


def slurm_hosts(folder: Path, port: int) -> str:
    """`~/.slurm/config` of SkyPilot's user."""
    return f"""\
Host {CLUSTER}
  HostName 127.0.0.1
  Port {port}
  User {USER}
  IdentityFile {folder}/ssh/client
  IdentitiesOnly yes
"""


ACCELERATORS = "AcceleratorName,Clouds\nH100,\"['Slurm']\"\nA100,\"['Slurm']\"\n"
# Managed jobs run in the API server, and the probe of the network asks this machine.
SKY_CONFIG = "jobs:\n  controller:\n    consolidation_mode: true\n"
# What SkyPilot's catalog of a cloud looks like, with what the dry runs ask for.
LAMBDA = """\
InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice
gpu_1x_a10,A10,1.0,30.0,200.0,0.75,us-east-1,"{'Gpus': [{'Name': 'A10', 'Count': 1.0}]}",
gpu_1x_a10,A10,1.0,30.0,200.0,0.75,us-west-1,"{'Gpus': [{'Name': 'A10', 'Count': 1.0}]}",
cpu_4x_general,,,4.0,16.0,0.08,us-east-1,,
"""
