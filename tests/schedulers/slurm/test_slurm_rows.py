"""What squeue and sacct of Slurm 22.05 printed, as rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nemorun_discover.schedulers.slurm.rows import (
    by_root,
    first_host,
    parse_sacct,
    parse_squeue,
    parse_time,
)

SQUEUE = """\
66_2|PENDING|N/A|N/A||nemorun=lab/train+3-0a1b2c3d.1|JobArrayTaskLimit
66_0|RUNNING|2026-11-22T07:12:03|2026-11-22T08:12:03|a1|nemorun=lab/train+3-0a1b2c3d.1|None
71|PENDING|2026-11-22T09:00:00|N/A||nemorun=lab/b.1|ReqNodeNotAvail, UnavailableNodes:a2
72+1|COMPLETED|2026-11-22T07:12:03|2026-11-22T07:12:09|b[1-2]|mine|yours nemorun=lab/h.1|None
slurm_load_jobs error: something
"""
SACCT = """\
13|COMPLETED|0:0|0:0|2026-11-22T07:12:03|2026-11-22T07:12:09|a1
13.batch|COMPLETED|0:0||2026-11-22T07:12:03|2026-11-22T07:12:09|a1
14|FAILED|3:0|0:0|2026-11-22T07:12:03|2026-11-22T07:12:09|a1
15|FAILED|0:9|0:0|2026-11-22T07:12:03|2026-11-22T07:12:09|a1
16|OUT_OF_MEMORY|0:125|0:0|2026-11-22T07:12:03|2026-11-22T07:12:09|a1
17|COMPLETED|0:0|0:125|2026-11-22T07:12:03|2026-11-22T07:12:09|a1
18|COMPLETED|0:0|0:0|2026-11-22T07:12:03|2026-11-22T07:12:09|a1
18.0|OUT_OF_ME+|0:125||2026-11-22T07:12:03|2026-11-22T07:12:09|a1
19|CANCELLED by alice|0:0|0:0|2026-11-22T07:12:03|2026-11-22T07:12:09|None assigned
66_3|TIMEOUT|0:0|0:0|2026-11-22T07:12:03|Unknown|a2
20|NODE_FAIL|0:0|0:0|2026-11-22T07:12:03|2026-11-22T07:12:09|a1
20|COMPLETED|0:0|0:0|2026-11-22T07:13:03|2026-11-22T07:13:09|a2
Slurm accounting storage is disabled
"""
START = datetime(2026, 11, 22, 7, 12, 3, tzinfo=UTC)


def test_squeue_s_lines_are_rows_and_others_are_passed_over():
    rows = {row.native_id: row for row in parse_squeue(SQUEUE)}

    assert list(rows) == ["66_2", "66_0", "71", "72+1"]
    assert (rows["66_0"].state, rows["66_0"].nodes) == ("RUNNING", "a1")
    assert rows["66_0"].starts_at == START
    assert (rows["66_2"].starts_at, rows["66_2"].reason) == (None, "JobArrayTaskLimit")
    assert rows["71"].reason == "ReqNodeNotAvail, UnavailableNodes:a2"


def test_a_bar_in_a_comment_moves_nothing():
    row = parse_squeue(SQUEUE)[-1]

    assert row.comment == "mine|yours nemorun=lab/h.1"
    assert row.reason == "None"
    assert row.is_of("lab/h.1")


@pytest.mark.parametrize("key", ["lab/train+3-0a1b2c3d.2", "other/train+3-0a1b2c3d.1", "lab/train"])
def test_a_row_with_another_key_is_somebody_else_s(key):
    assert not parse_squeue(SQUEUE)[0].is_of(key)


@pytest.mark.parametrize(
    ("native_id", "state", "exit_code", "signal", "is_oom"),
    [
        ("13", "COMPLETED", 0, None, False),
        ("14", "FAILED", 3, None, False),
        ("15", "FAILED", 0, "SIGKILL", False),
        ("16", "OUT_OF_MEMORY", 0, None, True),
        ("17", "COMPLETED", 0, None, True),
        ("18", "COMPLETED", 0, None, True),
        ("19", "CANCELLED by alice", 0, None, False),
        ("66_3", "TIMEOUT", 0, None, False),
    ],
)
def test_sacct_s_lines_are_rows(native_id, state, exit_code, signal, is_oom):
    row = parse_sacct(SACCT)[native_id]

    assert (row.state, row.exit_code, row.signal, row.is_oom) == (state, exit_code, signal, is_oom)


def test_of_a_requeued_job_the_last_line_counts():
    assert parse_sacct(SACCT)["20"].nodes == "a2"


@pytest.mark.parametrize("text", ["", "N/A", "Unknown", "None", "NONE", "soon"])
def test_no_time_is_none(text):
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("nodes", "host"),
    [
        ("a1", "a1"),
        ("a[1-2]", "a1"),
        ("a[01-12,15]", "a01"),
        ("x1,y2", "x1"),
        ("x1,y[2-3]", "x1"),
        ("x[3,5],y2", "x3"),
        ("(null)", None),
        ("", None),
    ],
)
def test_the_first_host_of_a_node_list(nodes, host):
    assert first_host(nodes) == host


def test_ids_by_what_sbatch_printed():
    assert by_root(["66_3", "66_4", "72+1", "9"]) == {
        "66": ["66_3", "66_4"],
        "72": ["72+1"],
        "9": ["9"],
    }
