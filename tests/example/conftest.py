"""The example project's modules, importable as they are inside its jobs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "example_project"))
