"""The peer's side of launching.py, run by the interpreter of its virtualenv: FORM COUNT."""

from __future__ import annotations

import sys

import nemo_run as run


def noop() -> None:
    """Do nothing."""


def main(form: str, count: int) -> None:
    """Run that many jobs that do nothing as one experiment, and say how many succeeded."""
    with run.Experiment("noop", executor=run.LocalExecutor()) as experiment:
        for index in range(count):
            task = run.Script(inline="true") if form == "script" else run.Partial(noop)
            experiment.add(task, name=f"noop_{index}", tail_logs=False)
        experiment.run(detach=False)
    # The states it has already seen: asking again would cost the peer time that is not the job's.
    states = [str(job.state) for job in experiment.jobs]
    print(f"\n{states.count('SUCCEEDED')} succeeded")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
