"""The configuration files of a test cluster, as text; nothing is written or run here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.slurm.layout import Site


def slurm_conf(site: Site) -> str:
    """Short waits everywhere, so that a test sees in seconds what a site sees in minutes."""
    here, settings = site.folder, site.settings
    lines = f"""
ClusterName={site.name}
SlurmctldHost={site.login.name}(127.0.0.1)
SlurmctldPort={site.ports.slurmctld}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=slurm
AuthType=auth/munge
AuthInfo=socket={here}/munge/socket,cred_expire={settings.cred_expire_s}
CredType=cred/munge
StateSaveLocation={here}/state
SlurmdSpoolDir={here}/spool/%n
SlurmctldPidFile={here}/run/slurmctld.pid
SlurmdPidFile={here}/run/slurmd-%n.pid
SlurmctldLogFile={here}/log/slurmctld.log
SlurmdLogFile={here}/log/slurmd-%n.log
SlurmctldDebug=info
SlurmdDebug=info
SlurmdParameters=config_overrides
PlugStackConfig={here}/slurm/plugstack.conf
MailProg=/bin/true
MpiDefault=none
ReturnToService=2
MinJobAge={settings.min_job_age_s}
KillWait={settings.kill_wait_s}
InactiveLimit=0
SlurmctldTimeout=30
MessageTimeout={settings.message_timeout_s}
SlurmdTimeout={settings.slurmd_timeout_s}
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
MaxArraySize={11 if site.root else 1001}
MaxJobCount=10000
GresTypes=gpu
JobRequeue=1
JobAcctGatherFrequency=1
JobAcctGatherType=jobacct_gather/linux
{_limits(site)}
{_accounting(site)}
{_policy(site)}
{_nodes(site)}
"""
    return lines.lstrip()


def _limits(site: Site) -> str:
    if site.memory_limits:
        return "ProctrackType=proctrack/cgroup\nTaskPlugin=task/cgroup"
    return "ProctrackType=proctrack/linuxproc\nJobAcctGatherParams=OverMemoryKill"


def _policy(site: Site) -> str:
    """What cluster_c has that the others have not: limits, preemption, a plugin that changes jobs."""
    if site.root is None:
        return ""
    return """AccountingStorageEnforce=associations,limits,qos
JobSubmitPlugins=lua
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE"""


def _accounting(site: Site) -> str:
    if not site.has_accounting:
        return f"""AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={site.folder}/log/jobcomp.txt"""
    # Without AccountingStoragePass the socket of munge is looked for at its default place.
    return f"""AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={site.ports.slurmdbd}
AccountingStoragePass={site.folder}/munge/socket
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment,job_env,job_script"""


def _nodes(site: Site) -> str:
    settings, everything = site.settings, ",".join(site.nodes)
    cpus = f"CPUs={settings.cpus} SocketsPerBoard=1 CoresPerSocket={settings.cpus} ThreadsPerCore=1"
    nodes = [
        f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={port} {cpus} Boards=1"
        f" RealMemory={settings.memory_mb} Gres=gpu:{settings.gpus} State=UNKNOWN"
        for name, port in zip(site.nodes, site.ports.slurmd, strict=True)
    ]
    partitions = [
        f"PartitionName=batch Nodes={everything} Default=YES MaxTime=1-00:00:00 DefaultTime=01:00:00",
        f"PartitionName=short Nodes={everything} MaxTime=00:05:00 DefaultTime=00:02:00 PriorityTier=2",
        # Its jobs wait until they are moved elsewhere, and nobody has to wait for a node meanwhile.
        f"PartitionName=closed Nodes={everything} State=DOWN",
    ]
    if site.root is not None:
        # A job in `urgent` takes the place of one in the four others, in these ways.
        preempted = f"Nodes={everything} MaxTime=1-00:00:00 DefaultTime=01:00:00 PriorityTier=1"
        partitions[0] += " PriorityTier=5 PreemptMode=OFF"
        partitions[1] += " PreemptMode=OFF"
        partitions += [
            f"PartitionName=urgent Nodes={everything} PriorityTier=10 PreemptMode=OFF",
            f"PartitionName=requeued {preempted} PreemptMode=REQUEUE GraceTime=0",
            f"PartitionName=requeued_later {preempted} PreemptMode=REQUEUE GraceTime=20",
            f"PartitionName=cancelled {preempted} PreemptMode=CANCEL GraceTime=0",
            f"PartitionName=cancelled_later {preempted} PreemptMode=CANCEL GraceTime=20",
        ]
    return "\n".join([*nodes, *partitions])


def gres_conf(site: Site) -> str:
    """Every node has GPUs: files that are there, and nothing more."""
    files = f"{site.folder}/dev/nvidia[0-{site.settings.gpus - 1}]"
    return "".join(f"NodeName={name} Name=gpu File={files}\n" for name in site.nodes)


def cgroup_conf(site: Site) -> str:
    """Memory is limited where the kernel's cgroups can; Slurm 24.11 starts without any when told so."""
    if site.root is not None:
        return "CgroupPlugin=disabled\n"
    return """\
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
ConstrainRAMSpace=yes
ConstrainCores=no
ConstrainDevices=no
"""


# What sites write: a comment of their own for each job, a word to the user, a job they do not take.
JOB_SUBMIT_LUA = """\
function slurm_job_submit(job_desc, part_list, submit_uid)
  if job_desc.name == "not-here" then
    slurm.log_user("jobs with this name are not taken here")
    return slurm.ERROR
  end
  job_desc.comment = "site-billing:42"
  slurm.log_user("charged to site-billing:42")
  return slurm.SUCCESS
end

function slurm_job_modify(job_desc, job_rec, part_list, modify_uid)
  return slurm.SUCCESS
end
"""


def slurmdbd_conf(site: Site) -> str:
    """MariaDB is reached through its socket below the login node's own /run."""
    return f"""AuthType=auth/munge
AuthInfo=socket={site.folder}/munge/socket
DbdHost={site.login.name}
DbdAddr=127.0.0.1
DbdPort={site.ports.slurmdbd}
SlurmUser=slurm
LogFile={site.folder}/log/slurmdbd.log
PidFile={site.folder}/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
DebugLevel=info
"""


def sshd_config(site: Site, port: int, extra: str = "") -> str:
    """Keys only, unless `extra` (which comes first, so it wins) says otherwise."""
    environment = "" if site.finds_slurm_conf else f"SetEnv SLURM_CONF={site.slurm_conf}"
    return f"""{extra}
Port {port}
ListenAddress 127.0.0.1
HostKey {site.folder}/ssh/hostkey
PidFile {site.folder}/run/sshd-{port}.pid
AuthorizedKeysFile {site.folder}/ssh/authorized_keys/%u
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
StrictModes no
AllowUsers {" ".join(user.name for user in site.users)}
MaxStartups 200
PrintMotd no
{environment}
Subsystem sftp /usr/lib/openssh/sftp-server
"""


def ssh_config(sites: list[Site], folder: Path, key: str = "id_nemorun_tests") -> str:
    """A ~/.ssh/config in which a cluster's name is a host; the key and known_hosts lie in `folder`."""
    return "".join(
        f"""Host {site.name}
  HostName 127.0.0.1
  Port {site.ports.ssh}
  User {site.users[0].name}
  IdentityFile {folder}/{key}
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  StrictHostKeyChecking yes
"""
        for site in sites
    )


def accounts(site: Site, passwd: str, group: str, shadow: str) -> list[str]:
    """This machine's passwd, group and shadow with the cluster's users added."""
    for user in site.users:
        passwd += f"{user.name}:x:{user.uid}:{user.uid}::/home/{user.name}:/bin/bash\n"
        group += f"{user.name}:x:{user.uid}:\n"
        shadow += f"{user.name}:{user.shadow}:19000:0:99999:7:::\n"
    return [passwd, group, shadow]


def hosts(site: Site) -> str:
    """/etc/hosts: every machine of the cluster is this one."""
    names = " ".join([site.login.name, *site.nodes])
    return f"127.0.0.1 localhost\n127.0.0.1 {names}\n"
