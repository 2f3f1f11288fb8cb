"""A job runs in the same directory however the script that launches it was spelled."""

from __future__ import annotations

import pytest

SCRIPT = """
import json, os
import nemorun as run
def where():
    return os.getcwd()
if __name__ == "__main__":
    e = run.Experiment("lab", clean_mode=True)
    with e:
        e.add(where)
        e.run()
    print(json.dumps([e.results()["where@local"].value]))
"""


@pytest.mark.parametrize("has_config", [True, False], ids=["configured", "alone"])
def test_the_directory_is_the_projects_however_the_script_is_spelled(
    desk, has_config, tmp_path_factory
):
    desk.write(SCRIPT, "proj/scripts/launch.py")
    project = desk.root / "proj"
    (project / "scripts" / "deep").mkdir()
    if has_config:
        (project / "nemorun.toml").write_text("")
    # What `scripts/deep/..` must not be mistaken for.
    (project / "scripts" / "deep" / "nemorun.toml").write_text("")
    (desk.root / "link").symlink_to(project)
    scripts, elsewhere = project / "scripts", tmp_path_factory.mktemp("elsewhere")
    whole, linked = (str(root / "scripts/launch.py") for root in (project, desk.root / "link"))
    spellings = [
        *((spelled, scripts) for spelled in ("launch.py", "../scripts/launch.py", whole, linked)),
        *((spelled, scripts / "deep") for spelled in ("../launch.py", whole)),
        *((spelled, elsewhere) for spelled in (whole, linked)),
    ]

    found = [desk.run(spelled, cwd=cwd).json for spelled, cwd in spellings]

    own = project if has_config else project / "scripts"
    assert found == [[str(own)]] * len(spellings)
