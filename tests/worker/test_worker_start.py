"""An attempt that lies ready in its folder: `start.json` says what runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nemorun_discover.documents import Exit, Failure, read_object
from nemorun_discover.model.layout import JobLayout

START = "import sys; from nemorun_discover.worker.start import start; start(*sys.argv[1:])"
WHOLE = {"argv": [sys.executable, "-c", "print(7)"], "cwd": "/", "env": {}, "unless_set": {}}
CHANGES = [
    {"argv": []}, {"argv": "true"}, {"argv": ["a\0b"]}, {"cwd": 1}, {"env": {"A": 1}}, {"unless_set": None},
]  # fmt: skip
SPOILT = [
    b"", b"5", b"[]", b"{}", json.dumps(WHOLE).encode()[:-9],
    *(json.dumps(WHOLE | change).encode() for change in CHANGES),
]  # fmt: skip


def started(root, content):
    attempt = JobLayout(root).attempt(1)
    attempt.root.mkdir()
    attempt.start.write_bytes(content)
    command = [sys.executable, "-c", START, str(root), "1"]
    return attempt, subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_attempt_becomes_what_start_json_says(tmp_path):
    attempt, done = started(tmp_path, json.dumps(WHOLE).encode())

    assert done.returncode == 0, done.stderr
    assert attempt.log.read_text() == "7\n"
    assert list(attempt.root.iterdir()) == [attempt.log]


@pytest.mark.parametrize("content", SPOILT, ids=range(len(SPOILT)))
def test_a_damaged_start_json_is_named_and_is_no_success(tmp_path, content):
    attempt, done = started(tmp_path, content)

    assert (done.returncode, done.stderr) == (1, "")
    sentence = f"{attempt.start} is damaged: the attempt cannot start"
    assert attempt.log.read_text() == f"nemorun: {sentence}\n"
    assert read_object(attempt.exit, Exit)["reason"] == "START_FAILED"
    assert read_object(attempt.error, Failure)["message"] == sentence
    assert not attempt.start.exists()
