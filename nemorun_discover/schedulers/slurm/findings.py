"""From what a cluster told of itself to what `nemorun doctor` says of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.model.check import Check, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nemorun_discover.executors.slurm import SlurmExecutor

_OLDEST_PYTHON = (3, 9)
_MOST_SKEW_S = 30.0  # more, and times in one table are read wrongly
_LITTLE_KB = 1 << 20
_PRIVATE = "700"


def parse_told(text: str) -> dict[str, list[str]]:
    """The lines `NAME TEXT` of examine.sh and probe.sh, by name."""
    told: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, _, words = line.partition(" ")
        told.setdefault(name, []).append(words.strip())
    return told


def slurm_findings(executor: SlurmExecutor, told: Mapping[str, Sequence[str]]) -> Iterator[Check]:
    """What there is to say of Slurm itself."""
    if "no-sbatch" in told:
        yield _fail(
            "slurm",
            "there is no sbatch on the login's PATH",
            'shell = "bash -l" and pre_command = "module load slurm" in the tunnel',
        )
        return
    yield _ok("slurm", _first(told, "version"))
    if "no-controller" in told:
        yield _fail("controller", _first(told, "no-controller"), "ask the site, or wait")
        return
    yield from _partitions(executor, told)
    yield from _account(executor, told)
    yield from _test_only(told)
    storage = _first(told, "storage").rpartition("/")[2]
    has_accounting = storage not in ("", "none", "(null)")  # 22.05 says none, 24.11 (null)
    words = (
        f"{storage}: ended jobs are found in sacct"
        if has_accounting
        else "none: jobs leave their own evidence"
    )
    yield _ok("accounting", words)
    tasks = _first(told, "max_array")
    if tasks == "0":
        yield _ok(
            "arrays", "switched off by the site (MaxArraySize=0): every job is submitted alone"
        )
    else:
        yield _ok("arrays", f"up to {tasks or 'an unknown number of'} tasks")
    if "container" in told:
        yield _container(told)


def _partitions(executor: SlurmExecutor, told: Mapping[str, Sequence[str]]) -> Iterator[Check]:
    for words in told.get("partition", ()):
        name, _, state = words.partition(" ")
        if state == "UP":
            yield _ok("partition", f"{name} is up")
        else:
            yield _fail("partition", f"{name} is {state}", "choose another partition, or wait")
    for words in told.get("no-partition", ()):
        name, _, others = words.partition(" ")
        yield _fail("partition", f"there is no partition {name}", f"there are {others.strip(',')}")
    if executor.partition is None:
        yield _ok("partition", f"the cluster's default, {_first(told, 'default')}")


def _account(executor: SlurmExecutor, told: Mapping[str, Sequence[str]]) -> Iterator[Check]:
    known = [one for one in _first(told, "accounts").split(",") if one]
    if executor.account is None:
        yield _ok(
            "account", "the cluster's default" + (f", of {', '.join(known)}" if known else "")
        )
    elif known and executor.account not in known:
        is_enforced = "associations" in _first(told, "enforce")
        verdict = Verdict.FAIL if is_enforced else Verdict.WARN
        yield Check(
            name="account",
            verdict=verdict,
            message=f"{executor.account} is none of yours",
            remedy=f"yours are {', '.join(known)}",
        )
    else:
        yield _ok("account", executor.account)


# What sbatch says of a job that it does not take (slurm_errno.c), and the fields that it is about. The first that fits.
_REFUSALS = (
    (
        "node configuration",
        "it asks for more than any node has: nodes, gpus_per_node, mem, cpus_per_task, exclude",
    ),
    ("qos", "qos in the profile; yours: sacctmgr show assoc user=$USER format=account,qos"),
    ("account", "account in the profile; yours: sacctmgr show assoc user=$USER format=account"),
    (
        "reservation",
        "additional_parameters = { reservation = ... }; those there are: scontrol show reservation",
    ),
    ("partition", "partition in the profile; those there are: sinfo"),
    ("memory", "mem, mem_per_cpu or mem_per_gpu in the profile"),
    ("time", "time in the profile"),
    (
        "license",
        "additional_parameters = { licenses = ... }; those there are: scontrol show licenses",
    ),
    ("gres", "gres or gpus_per_node in the profile; what nodes have: sinfo -o '%N %G'"),
    ("feature", "constraint in the profile; what nodes have: sinfo -o '%N %f'"),
)


def _test_only(told: Mapping[str, Sequence[str]]) -> Iterator[Check]:
    """What sbatch says of a script of this profile."""
    if "taken" in told:
        yield _ok("sbatch", "takes this profile's jobs")
    elif "refused" in told:
        words = (
            _first(told, "refused")
            .replace("sbatch: error: ", "")
            .replace("allocation failure: ", "")
        )
        fields = (remedy for word, remedy in _REFUSALS if word in words.lower())
        remedy = next(
            fields, "what the site's policy asks for, in the profile or its additional_parameters"
        )
        yield _fail("sbatch", f"does not take this profile's jobs: {words}", remedy)


def _container(told: Mapping[str, Sequence[str]]) -> Check:
    if _first(told, "container") == "yes":
        return _ok("containers", "srun knows --container-image")
    return _fail(
        "containers",
        "srun does not know --container-image: Pyxis is not there",
        "take container_image out of the profile, or ask the site for Pyxis",
    )


def folder_findings(told: Mapping[str, Sequence[str]]) -> Iterator[Check]:
    """What there is to say of job_dir on the login node, and of the code that is there already."""
    if "no-linked" in told:
        place = _first(told, "no-linked")
        remedy = "make it there, or set symlink_from_remote_dir to where the code lies"
        yield _fail("linked", f"{place} is no directory there", remedy)
    elif "linked" in told:
        yield _ok("linked", f"{_first(told, 'linked')} is there")
    if "no-job_dir" in told:
        yield _fail(
            "job_dir", _first(told, "no-job_dir"), "set job_dir in the tunnel to a folder of yours"
        )
        return
    folder, mode = _first(told, "job_dir"), _first(told, "mode")
    if mode and mode != _PRIVATE:
        message = f"{folder} can be looked into by others (mode {mode})"
        yield Check(
            name="job_dir", verdict=Verdict.WARN, message=message, remedy=f"chmod 700 {folder}"
        )
    else:
        yield _ok("job_dir", f"{folder} can be written")
    free = _first(told, "free_kb")
    if free.isdigit():
        words = f"{int(free) / _LITTLE_KB:.1f} GiB free"
        if int(free) >= _LITTLE_KB:
            yield _ok("space", words)
        else:
            remedy = "delete old experiments there, or set another job_dir"
            yield Check(name="space", verdict=Verdict.WARN, message=words, remedy=remedy)


def clock_finding(told: Mapping[str, Sequence[str]], now: float) -> Iterator[Check]:
    """How far the cluster's clock is from ours, in seconds; `now` is when it was asked, since the epoch."""
    clock = _first(told, "clock")
    if not clock.isdigit():
        return
    skew = int(clock) - int(now)
    if abs(skew) <= _MOST_SKEW_S:
        yield _ok("clock", f"{skew:+d} s from ours")
    else:
        yield Check(
            name="clock",
            verdict=Verdict.WARN,
            message=f"{skew:+d} s from ours: times of jobs will look wrong",
            remedy="set this machine's clock, or tell the site",
        )


def node_findings(executor: SlurmExecutor, told: Mapping[str, Sequence[str]]) -> Iterator[Check]:
    """What a small job has told of a node."""
    if "no-job" in told:
        yield Check(
            name="node",
            verdict=Verdict.WARN,
            message=f"no job ran within 15 s: {_first(told, 'no-job')}",
            remedy="try again when the queue is shorter, or leave it out with --no-jobs",
        )
        return
    node = _first(told, "node")
    yield _python(executor, told, node)
    if _first(told, "shared") == "yes":
        yield _ok("shared", f"{node} sees job_dir")
    else:
        yield _fail(
            "shared",
            f"{node} does not see job_dir",
            "set job_dir in the tunnel to a file system that the nodes share",
        )


def _python(executor: SlurmExecutor, told: Mapping[str, Sequence[str]], node: str) -> Check:
    name = executor.python or "python3"
    if executor.container_image is not None:
        return _ok("python", f"{name} of the image runs the jobs")
    version = _first(told, "python")
    numbers = tuple(int(one) for one in version.split(".") if one.isdigit())
    if numbers >= _OLDEST_PYTHON:
        return _ok("python", f"{name} is {version} on {node}")
    found = f"{name} is {version}" if version else f"{name}: {_first(told, 'no-python')}"
    return _fail(
        "python",
        f"{found} on {node}, and jobs need 3.9 or newer",
        'python = "/path/to/python3" in the profile, or setup_lines = "module load python"',
    )


def _first(told: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(told.get(name, ())), "")


def _ok(name: str, message: str) -> Check:
    return Check(name=name, verdict=Verdict.OK, message=message)


def _fail(name: str, message: str, remedy: str) -> Check:
    return Check(name=name, verdict=Verdict.FAIL, message=message, remedy=remedy)
