"""The batch script of a unit. Pure.

    batch_script(unit, paths)                 the text; `bash -n` clean
    batch_script(unit, paths, policy="any_failed")       of a group
    jobs_text(unit)                           what lies beside it as <unit>.jobs

It reads from top to bottom: what Slurm is asked for, what the script is, and what it does in words of
batch.sh. Values of the user's stand in it quoted by quoting.py; `setup_lines` stand in it as they are. Secrets
do not: they are a file that the script reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.executors.launchers import FaultTolerance
from nemorun_discover.schedulers.slurm.directives import directive_lines, job_name
from nemorun_discover.schedulers.slurm.library import library_name
from nemorun_discover.schedulers.slurm.quoting import shell_word
from nemorun_discover.schedulers.slurm.shape import settings_of, shape_of
from nemorun_discover.schedulers.slurm.steps import measure_words, srun_words
from nemorun_discover.schedulers.slurm.units import Form, components_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemorun_discover.executors.slurm import SlurmExecutor
    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.paths import ClusterPaths
    from nemorun_discover.schedulers.slurm.units import Unit

ALL = "all"
RESULTS_FILE = "job_results"


def batch_script(
    unit: Unit,
    paths: ClusterPaths,
    *,
    key: str | None = None,
    dependency: str | None = None,
    policy: str = ALL,
) -> str:
    """The script that sbatch is given.

    Args:
        unit: What is submitted.
        paths: Where it lies on the cluster.
        key: The submit key; None for the unit's own.
        dependency: Value of `--dependency`, where the caller does not give it to sbatch itself.
        policy: When the other members of a group are stopped: "all", "any_failed" or "first_done".

    Raises:
        ConfigError: A setting that no batch script can hold.
    """
    lines = [
        "#!/bin/bash",
        *_title(unit),
        *directive_lines(unit, paths, key=key or unit.key, dependency=dependency),
        "",
        *_what_it_is(unit, paths),
        f"source {shell_word(paths.package(library_name()))} || exit 127",
        "",
        *(_of_one(unit, paths) if unit.form in (Form.JOB, Form.ARRAY) else _of_group(unit, paths)),
        _end(unit, policy),
    ]
    return "\n".join(lines) + "\n"


def jobs_text(unit: Unit) -> str:
    """The slugs of the unit's jobs, one a line: an array's task finds itself by its index."""
    return "".join(f"{one.job.slug}\n" for one in unit.submissions)


def _title(unit: Unit) -> list[str]:
    first, others = unit.first, len(unit.submissions) - 1
    more = f" and {others} more" if others else ""
    title = f"# {first.job.id}{more}, attempt {first.attempt}, of {first.experiment_id}."
    return [" ".join(title.split()), "# Written by nemorun."]


def _what_it_is(unit: Unit, paths: ClusterPaths) -> list[str]:
    executor = settings_of(unit.first)
    limits = [one.job.timeout_s for one in unit.submissions]
    timeout = max((one for one in limits if one is not None), default=None)
    has_limit = timeout is not None and None not in limits
    return [
        f"nemorun_experiment={shell_word(paths.experiment)}",
        f"nemorun_first_attempt={unit.first.attempt}",
        *([f"nemorun_timeout_s={timeout:g}"] if has_limit else []),
        *_results_file(executor),
        *(["nemorun_splits_errors=1"] if not executor.stderr_to_stdout else []),
    ]


def _results_file(executor: SlurmExecutor) -> list[str]:
    launcher = launcher_of(executor)
    if not isinstance(launcher, FaultTolerance):
        return []
    return [f"nemorun_results_file={shell_word(launcher.job_results_file or RESULTS_FILE)}"]


def _of_one(unit: Unit, paths: ClusterPaths) -> Iterator[str]:
    submission, executor = unit.first, settings_of(unit.first)
    slug = shell_word(submission.job.slug)
    if unit.form is Form.ARRAY:
        slug = f'"$(nemorun_job_of_task {shell_word(paths.jobs(unit.name))})"'
    yield f"nemorun_job={slug}"
    yield 'nemorun_begin "$nemorun_job"'
    yield from _before(executor, unit)
    yield f'nemorun_enter "$nemorun_job" {_code_words(submission)}'
    yield f'nemorun_environment "$nemorun_job" {shell_word(submission.job.executor)}'
    yield from _address(executor, "$SLURM_JOB_NODELIST")
    yield from _setup(executor)
    yield from _measured(submission, '"$nemorun_job"', None)
    yield f'nemorun_start "$nemorun_job" {_continued(srun_words(submission, paths))}'


def _of_group(unit: Unit, paths: ClusterPaths) -> Iterator[str]:
    executor = settings_of(unit.first)
    slugs = [shell_word(one.job.slug) for one in unit.submissions]
    yield f"nemorun_begin {' '.join(slugs)}"
    yield from _before(executor, unit)
    components = components_of(unit)
    is_het = unit.form is Form.HETEROGENEOUS
    yield from _hosts(unit, components)
    for at, members in enumerate(components):
        slug = shell_word(members[0].job.slug)
        yield from _measured(members[0], slug, at if is_het else None)
    for number, member in enumerate(unit.submissions):
        component = next(at for at, one in enumerate(components) if member in one)
        own, nodes = settings_of(member), "$SLURM_JOB_NODELIST"
        if is_het:
            nodes = f"$SLURM_JOB_NODELIST_HET_GROUP_{component}"
        words = srun_words(
            member,
            paths,
            component=component if is_het else None,
            shares=len(components[component]) > 1,
        )
        yield ""
        yield f"nemorun_member_{number}() {{"
        yield f"  nemorun_enter {slugs[number]} {_code_words(member)}"
        yield f"  nemorun_environment {slugs[number]} {shell_word(member.job.executor)}"
        yield from [f"  export NEMORUN_HET_GROUP={component}"] if is_het else []
        yield from (f"  {line}" for line in _address(own, nodes, is_always=True))
        yield from _setup(own)
        yield f"  exec {_continued(words)}"
        yield "}"
        if number:
            yield f"nemorun_pause {executor.wait_time_for_group_job:g}"
        yield f"nemorun_start {slugs[number]} nemorun_member_{number}"


def _code_words(submission: Submission) -> str:
    """The job's directory, relative to its folder or absolute, and the package that its checkout is made of."""
    words = [str(submission.root), *([submission.package] if submission.package else [])]
    return " ".join(map(shell_word, words))


def _hosts(unit: Unit, components: Sequence[Sequence[Submission]]) -> Iterator[str]:
    """Where each member begins, for `${het_group_host_var}_1`."""
    hosts = []
    for member in unit.submissions:
        component = next(at for at, one in enumerate(components) if member in one)
        is_het = unit.form is Form.HETEROGENEOUS
        nodes = f"SLURM_JOB_NODELIST_HET_GROUP_{component}" if is_het else "SLURM_JOB_NODELIST"
        hosts.append(f'$(nemorun_head_of "${nodes}")')
    yield f'export NEMORUN_GROUP_HOSTS="{",".join(hosts)}"'


def _before(executor: SlurmExecutor, unit: Unit) -> Iterator[str]:
    if executor.signal is not None and executor.signal.upper().startswith("B:"):
        name = executor.signal[2:].partition("@")[0].upper().removeprefix("SIG")
        yield f"nemorun_forward {shell_word(name)}"
    if executor.job_details.folder is not None:
        folder, name = shell_word(executor.job_details.folder), shell_word(job_name(unit))
        yield f"nemorun_link_logs {folder} {name}"


def _address(executor: SlurmExecutor, nodes: str, *, is_always: bool = False) -> Iterator[str]:
    """Processes of one node meet on it without a name."""
    if is_always or shape_of(executor).nodes > 1:
        yield f'export MASTER_ADDR="${{MASTER_ADDR:-$(nemorun_head_of "{nodes}")}}"'


def _setup(executor: SlurmExecutor) -> Iterator[str]:
    launcher = launcher_of(executor)
    if launcher is not None and launcher.nsys_profile:
        yield f'mkdir -p "$NEMORUN_JOB_DIR"/{shell_word(launcher.nsys_folder)}'
    if executor.setup_lines:
        yield "# setup_lines"
        yield executor.setup_lines.rstrip("\n")
        yield "# end of setup_lines"


def _measured(submission: Submission, slug: str, component: int | None) -> Iterator[str]:
    executor = settings_of(submission)
    if executor.memory_measure:
        yield f"nemorun_beside {slug} gpu_memory.csv {_continued(measure_words(executor, component))}"


def _continued(words: Sequence[str]) -> str:
    return " \\\n    ".join(words)


def _end(unit: Unit, policy: str) -> str:
    if unit.form in (Form.JOB, Form.ARRAY):
        return "nemorun_end"
    executor = settings_of(unit.first)
    policy = policy if executor.monitor_group_job else ALL
    return f"nemorun_end {shell_word(policy)} {executor.monitor_group_job_wait_time:g}"
