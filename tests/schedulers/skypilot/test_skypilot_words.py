"""SkyPilot's stream, states and exceptions, in our words; SkyPilot's own classes are asked, its server is not."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

import pytest

from nemorun_discover.model.state import Reason, State
from nemorun_discover.packaging.runtime import IMPORT_ROOT
from nemorun_discover.schedulers.skypilot.frames import JobStream, mark_of
from nemorun_discover.schedulers.skypilot.refusals import first_sentence, refusal_of
from nemorun_discover.schedulers.skypilot.states import (
    OF_CLUSTER_JOBS,
    OF_MANAGED_JOBS,
    meaning_of,
)

WHO = b"\x1b[36m(a-1, pid=7)\x1b[0m "
RESULT = base64.b64encode(b'{"lr": 1}')
STREAM = (
    b"\x1b[2m\xe2\x94\x94\xe2\x94\x80 \x1b[0mJob started. Streaming logs...\n"
    b"\x1b[36m(setup pid=5)\x1b[0m preparing\n"
    + WHO + b"gr\xc3\xbc\xc3\x9fe (b, pid=3) x\n"
    + WHO + b"\n"
    + WHO + mark_of("a-1").encode() + b" 0 result " + RESULT[:4] + b"\n"
    + WHO + mark_of("a-1").encode() + b" 0 result " + RESULT[4:] + b"\n"
    + WHO + b"the end" + mark_of("a-1").encode() + b" 0 code MA==\n"
    b"\x1b[32m\xe2\x9c\x93 Job finished (status: SUCCEEDED).\x1b[0m\n"
)  # fmt: skip
LOG = "preparing\ngrüße (b, pid=3) x\n\nthe end\n".encode()


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_a_stream_gives_the_jobs_own_bytes_however_it_is_cut(size):
    stream = JobStream("a-1")

    pieces = [stream.feed(STREAM[at : at + size]) for at in range(0, len(STREAM), size)]

    assert b"".join(pieces) + stream.finish() == LOG
    assert stream.frame(0, "result") == b'{"lr": 1}'
    assert stream.frame(0, "code") == b"0"


@pytest.mark.parametrize("known", range(len(LOG) + 1))
def test_a_stream_that_is_read_again_gives_what_is_not_known_yet(known):
    stream = JobStream("a-1")
    stream.skip(known)

    assert stream.feed(STREAM) + stream.finish() == LOG[known:]


def test_marks_of_another_job_are_its_own_words():
    stream = JobStream("a-1")

    log = stream.feed(WHO + mark_of("b-1").encode() + b" 0 code MA==\n")

    assert log == mark_of("b-1").encode() + b" 0 code MA==\n"
    assert stream.frame(0, "code") is None


def test_half_of_a_frame_is_none():
    stream = JobStream("a-1")

    stream.feed(WHO + mark_of("a-1").encode() + b" 0 result " + RESULT[:5] + b"\n")

    assert stream.frame(0, "result") is None


def test_lines_of_several_nodes_say_whose_they_are():
    stream = JobStream("a-1", nodes=2)

    log = stream.feed(
        b"\x1b[36m(head, rank=0, pid=1)\x1b[0m x\n"
        b"\x1b[36m(worker1, rank=1, pid=2, ip=10.0.0.2)\x1b[0m y\n"
        b"\x1b[36m(setup pid=3, ip=10.0.0.2)\x1b[0m z\n"
    )

    assert log == b"[0] x\n[1] y\nz\n"


def in_sky(program: str, told: object = None) -> Any:
    """What a program that imports SkyPilot prints as JSON; in a process of its own, since its import warns."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys, sky\n{program}"],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_every_state_of_skypilot_has_a_meaning():
    of_clusters, of_managed = in_sky(
        "from sky.jobs.state import ManagedJobStatus\n"
        "each = [{s.value: s.is_terminal() for s in k} for k in (sky.JobStatus, ManagedJobStatus)]\n"
        "print(json.dumps(each))"
    )

    assert set(of_clusters) == set(OF_CLUSTER_JOBS)
    assert set(of_managed) == set(OF_MANAGED_JOBS)
    for word, is_terminal in {**of_clusters, **of_managed}.items():
        assert meaning_of(word)[0].is_final == is_terminal


def test_a_word_that_is_new_to_us_tells_nothing():
    assert meaning_of("LEVITATING") == (State.UNKNOWN, None)
    assert meaning_of("FAILED_DRIVER") == (State.FAILED, Reason.NODE_FAIL)


TABLE = "The following features are not supported by Slurm:\n\tFeature       Reason   \n\t"
CASES = {
    "no cloud": ("NoCloudAccessError", "Not set up.", "may use no cloud yet"),
    "not enabled": (
        "ResourcesUnavailableError",
        "Task 'x' requires aws which is not enabled.",
        "may not use that cloud",
    ),
    "unknown": (
        "ResourcesUnavailableError",
        "Catalog does not contain any instances satisfying the request: 1x Slurm({'H10': 1}).",
        "nothing that SkyPilot knows fits",
    ),
    "quota": ("ResourcesUnavailableError", "QuotaExceeded in us-east-1", "quota is too small"),
    "capacity": ("ResourcesUnavailableError", "Failed to provision all.", "not to be had now"),
    "image": (
        "NotSupportedError",
        f"{TABLE}docker_image  Docker image is not supported without Pyxis.   ",
        "no containers there: Docker image is not supported without Pyxis.",
    ),
    "ports": (
        "NotSupportedError",
        f"{TABLE}open_ports  Opening ports is not supported in Slurm.  ",
        "cannot be done there: Opening ports is not supported in Slurm.",
    ),
    "server": ("ApiServerConnectionError", "http://10.0.0.1:46580", "API server does not answer"),
    "skew": ("APIVersionMismatchError", "client 1, server 2", "of different versions"),
    "infra": (
        "InvalidSkyPilotConfigError",
        "Invalid resources YAML: 'no' does not match '^(?:aws)$'. Check field(s): $.infra",
        "infra = 'no' is nothing that SkyPilot knows",
    ),
}


@pytest.fixture(scope="module")
def refused() -> dict[str, list[str]]:
    """By case, message and hint for an exception of SkyPilot's own class."""
    return in_sky(
        "from nemorun_discover.schedulers.skypilot.refusals import refusal_of\n"
        "made = {k: refusal_of(getattr(sky.exceptions, n)(t), 'gpu')"
        " for k, (n, t, _) in json.load(sys.stdin).items()}\n"
        "print(json.dumps({k: [one.message, one.hint] for k, one in made.items()}))",
        CASES,
    )


@pytest.mark.parametrize("case", CASES)
def test_an_exception_of_skypilot_is_one_sentence_with_the_next_step(refused, case):
    message, hint = refused[case]

    assert message.startswith("gpu: ")
    assert CASES[case][2] in message
    assert hint


def test_a_server_that_will_not_start_is_said_so():
    refused = refusal_of(RuntimeError("Failed to start SkyPilot API server at http://x"), "gpu")

    assert "API server does not answer" in refused.message
    assert "`sky api start`" in refused.hint


def test_a_sentence_has_no_colours_and_an_end():
    assert first_sentence("\n \x1b[1mone\x1b[0m   two\nthree") == "one two"
    assert len(first_sentence("x" * 1000)) == 301


def test_without_skypilot_the_sentence_says_how_to_install_it():
    program = (
        f"import sys; sys.path[:] = [{str(IMPORT_ROOT)!r}, *[p for p in sys.path if 'packages' not in p]]\n"
        "from nemorun_discover.schedulers.skypilot.sdk import require_sky\n"
        "try: require_sky('gpu')\n"
        "except Exception as error: print(error.message, '|', error.hint)\n"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == (
        "gpu: SkyPilot is not installed | pip install 'nemorun-discover[skypilot]'\n"
    )


def test_skypilot_is_not_imported_for_a_plan():
    program = (
        "import sys, nemorun_discover.schedulers.skypilot.scheduler as it\n"
        "from nemorun_discover.executors.skypilot import SkypilotExecutor\n"
        "it.SkypilotScheduler({}).check('gpu', SkypilotExecutor())\n"
        "print('sky' in sys.modules)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"
