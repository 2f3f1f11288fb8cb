"""What a package that adds a kind of executor tests it with; pytest has to be installed.

See docs/plugins.md, "Adding an executor kind from a package of your own".
"""

import pytest

# What failed is shown with its values, as in a test module.
pytest.register_assert_rewrite("nemorun_discover.testing.contract")

from nemorun_discover.testing.contract import SchedulerContract  # noqa: E402 - after the line above
from nemorun_discover.testing.job_place import JobPlace  # noqa: E402
from nemorun_discover.testing.place import Place  # noqa: E402

__all__ = ["JobPlace", "Place", "SchedulerContract"]
