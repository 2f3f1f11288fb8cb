"""docs/api.md: its first example runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def test_the_pages_example_runs(desk):
    example = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    desk.write(example)

    answer = desk.run("launch.py")

    assert answer.json == 0.999
    assert "report@local  ✓ SUCCEEDED" in answer.out
