"""The peer's side of slurm.py, run by the interpreter of its virtualenv: HOST PORT USER KEY JOB_DIR COUNT."""

from __future__ import annotations

import sys

import nemo_run as run


def main(host: str, port: str, user: str, key: str, job_dir: str, count: int) -> None:  # noqa: PLR0917 - as on the command line
    """Submit that many jobs that do nothing, with the repository of the working directory."""
    tunnel = run.SSHTunnel(host=host, port=int(port), user=user, identity=key, job_dir=job_dir)
    executor = run.SlurmExecutor(
        account="research",
        partition="batch",
        time="00:10:00",
        tunnel=tunnel,
        packager=run.GitArchivePackager(),
        # They wait, as ours do: what the jobs themselves take is not measured.
        additional_parameters={"begin": "now+1hour"},
        poll_estimated_start_time=False,
    )
    with run.Experiment("noop", executor=executor) as experiment:
        for index in range(count):
            experiment.add(run.Script(inline="true"), name=f"noop_{index}", tail_logs=False)
        experiment.run(detach=True, tail_logs=False)
    print(f"\n{sum(bool(job.handle) for job in experiment.jobs)} submitted")


if __name__ == "__main__":
    main(*sys.argv[1:6], int(sys.argv[6]))
