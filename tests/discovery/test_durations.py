from __future__ import annotations

import pytest

from nemorun_discover.discovery.durations import parse_duration_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0.5", 0.5),
        ("90s", 90),
        ("30m", 1_800),
        ("2h", 7_200),
        ("1.5h", 5_400),
        ("1h30m", 5_400),
        ("1h 30m 5s", 5_405),
        ("2d", 172_800),
        ("2d12h", 216_000),
        ("10:00", 600),
        ("1:30:00", 5_400),
        ("100:00:00", 360_000),
        ("1-12", 129_600),
        ("1-12:30", 131_400),
        ("1-12:30:15", 131_415),
    ],
    ids=str,
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "1x",
        "30m1h",
        "-5s",
        "1:2:3:4",
        "0",
        "0s",
        "1e3",
        "inf",
        "nan",
        "٣s",
        "9" * 400,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_what_is_no_duration_is_refused(text: str):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration_s(text)
