"""`nemorun pull` where the jobs ran on this machine, and the line that shows how far it is."""

from __future__ import annotations

from nemorun_discover.cli.transfer_line import transfer_words
from nemorun_discover.schedulers.fetching import Transfer


def test_outputs_of_this_machine_are_there_already(nemorun, shelf, told):
    shelf.put(told("train@local"))

    answer = nemorun("pull")

    assert (answer.code, answer.out) == (0, "")
    assert "on this machine already" in answer.err


def test_into_copies_outputs_of_this_machine_once(nemorun, workshop, project):
    workshop.end_everything()
    experiment = workshop.launch(hello="echo hi > $NEMORUN_OUTPUT_DIR/greeting")
    nemorun("wait", experiment)

    first = nemorun("pull", "--into", "copies")
    second = nemorun("pull", "--into", "copies")

    assert (first.code, second.code) == (0, 0)
    assert (project / "copies" / "hello@local" / "greeting").read_text() == "hi\n"
    assert "1 file, 3 bytes" in first.out
    assert "all is here already" in second.err


def test_the_line_says_bytes_rate_and_what():
    transfer = Transfer(
        job="train@a", path="model.bin", done_bytes=3_000_000, total_bytes=9_000_000
    )

    assert transfer_words(transfer, 2.0) == "3.0 MB of 9.0 MB  1.5 MB/s  train@a: model.bin"
