"""Which code a packaged job imports: the package's, also where the same project is installed as editable."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import sysconfig
import textwrap

import pytest

from tests.cli.conftest import Cli

JOBS = """
    import nemorun
    from {base}mypkg import words

    class Own:
        pass

    @nemorun.task
    def look():
        import {base}mypkg.jobs as again
        return {{"module": __name__, "word": words.WORD, "same": again.Own is Own, "file": again.__file__}}
"""
CONFIG = """
    [profiles.packed]
    kind = "local"
    packager = "git"
"""
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
HATCHLING = (
    '[build-system]\nrequires = ["hatchling", "editables"]\nbuild-backend = "hatchling.build"\n'
)
PROJECT = '[project]\nname = "mypkg"\nversion = "0.1"\n'
# By case: the directory of the package, pyproject.toml, and what pip is told beside it.
LAYOUTS = {
    "setuptools src": ("src/mypkg", SETUPTOOLS + PROJECT, ()),
    "setuptools strict": (
        "src/mypkg",
        SETUPTOOLS + PROJECT,
        ("--config-settings", "editable_mode=strict"),
    ),
    "setuptools finder": (
        "lib/code",
        SETUPTOOLS
        + PROJECT
        + '[tool.setuptools]\npackages = ["mypkg"]\npackage-dir = { mypkg = "lib/code" }\n',
        (),
    ),
    "hatchling src": ("src/mypkg", HATCHLING + PROJECT, ()),
    "hatchling redirector": (
        "py/mypkg",
        HATCHLING
        + PROJECT
        + "[tool.hatch.build]\ndev-mode-exact = true\n"
        + '[tool.hatch.build.targets.wheel]\npackages = ["py/mypkg"]\n',
        (),
    ),
    "not installed": ("src/mypkg", SETUPTOOLS + PROJECT, None),
}


@pytest.fixture
def python(tmp_path):
    """An interpreter of its own, which finds what this one has installed after what it has itself."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (site / "zz_outer.pth").write_text(sysconfig.get_path("purelib"))
    return tmp_path / "env" / "bin" / "python"


def install(python, project, options):
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "--python",
        python,
    ]
    text = (project / "pyproject.toml").read_text()
    needs = ("hatchling", "editables") if "hatchling" in text else ("setuptools",)
    has_all = all(importlib.util.find_spec(one) for one in needs)
    isolation = ["--no-build-isolation"] if has_all else []
    subprocess.run(
        [*pip, "install", "--no-deps", *isolation, *options, "--editable", project], check=True
    )


class Project:
    """A repository, and `nemorun` in it under an interpreter of its own."""

    def __init__(self, root, python):
        self.root = root
        self._cli = Cli(root)
        self._command = [python, "-P", "-m", "nemorun_discover.cli.main"]

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))

    def nemorun(self, *words):
        done = subprocess.run(
            [*self._command, *words],
            cwd=self.root,
            env=self._cli.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return done

    def result(self):
        (one,) = json.loads(self.nemorun("results", "--json").stdout)["results"]
        return one["result"]

    def check(self):
        answer = self.nemorun("reproduce", "--check", "--json")
        return [(one["holds"], one["message"]) for one in json.loads(answer.stdout)["findings"]]

    def git(self, *words):
        command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", *words]
        subprocess.run(command, cwd=self.root, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path, python):
    root = tmp_path / "repo"
    root.mkdir()
    return Project(root, python)


@pytest.mark.parametrize(("package", "pyproject", "options"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_a_packaged_job_imports_its_package_and_no_editable_installation_of_it(
    project, python, package, pyproject, options
):
    project.write("nemorun.toml", CONFIG)
    project.write("pyproject.toml", pyproject)
    project.write(".gitignore", "build/\n*.egg-info/\n")
    project.write(f"{package}/__init__.py", "")
    project.write(f"{package}/words.py", "WORD = 'then'")
    project.write(f"{package}/jobs.py", JOBS.format(base=""))
    project.git("init", "--quiet")
    if options is not None:
        install(python, project.root, options)

    project.nemorun("run", "--all", "-e", "packed", "-q")
    first = project.result()
    project.write(f"{package}/words.py", "WORD = 'edited'")
    project.nemorun("rerun", "-q")
    second = project.result()

    if package.endswith("/mypkg"):
        assert (second["module"], second["same"]) == ("mypkg.jobs", True)
    assert (first["word"], second["word"]) == ("then", "then")
    assert not second["file"].startswith(str(project.root))


LIBRARY = """
    import nemorun, pathlib, time
    import outer

    @nemorun.task
    def look(seed: int, wait: str):
        while seed == 1 and not pathlib.Path(wait).exists():
            time.sleep(0.02)
        return outer.WORD
"""


def test_the_code_of_an_editable_installation_elsewhere_is_recorded_and_compared(
    project, python, tmp_path
):
    library = Project(tmp_path / "library", python)
    library.write("pyproject.toml", SETUPTOOLS + PROJECT.replace("mypkg", "outer"))
    library.write("src/outer/__init__.py", "WORD = 'then'")
    install(python, library.root, ())
    project.write("nemorun.toml", CONFIG)
    project.write("tasks.py", LIBRARY)
    project.git("init", "--quiet")
    word = tmp_path / "go"

    project.nemorun(
        "run", "--all", "-e", "packed", "seed=1,2", f"wait={word}", "-j", "1", "-d", "-q"
    )
    library.write("src/outer/__init__.py", "WORD = 'edited'")
    word.touch()
    project.nemorun("wait")
    shown = json.loads(project.nemorun("show", "--json").stdout)
    edited = project.check()
    library.write("src/outer/__init__.py", "WORD = 'then'")
    again = project.check()

    (name, code) = next(iter(shown["experiment"]["interpreter"]["editable"].items()))
    assert (name, code["path"]) == ("outer", str(library.root))
    assert [one["result"] for one in shown["jobs"]][1] == "edited"
    path = "../library/src/outer/__init__.py"
    assert any(
        holds is None
        and "look[seed=2,wait=wait0]@packed ran files that had changed since the plan" in message
        and message.endswith(f"{path} changed")
        for holds, message in again
    )
    assert (True, "outer, installed as editable: its code is the same") in again
    place = f"outer, installed as editable: its code in {library.root} differs"
    assert (False, place) in edited
