"""Where a project's packages are imported from: its build backend's settings, `__init__.py`, editable projects."""

from __future__ import annotations

import json

import pytest

from nemorun_discover.config.import_roots import declared_roots, editable_installs, import_roots


@pytest.fixture
def repo(tmp_path):
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    return tmp_path / "repo"


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "roots"),
    [
        ({"pyproject.toml": "", "src/m/__init__.py": ""}, ["src"]),
        ({"pyproject.toml": "", "src/__init__.py": ""}, ["."]),
        ({"pyproject.toml": "", "m/__init__.py": ""}, ["."]),
        (
            {"pyproject.toml": "[tool.setuptools.package-dir]\n'' = 'lib'", "lib/m.py": ""},
            ["lib"],
        ),
        (
            {"pyproject.toml": "[tool.setuptools.package-dir]\nm = 'lib/m'", "lib/m/a.py": ""},
            ["lib"],
        ),
        (
            {"pyproject.toml": "[tool.setuptools.packages.find]\nwhere = ['py']", "py/m.py": ""},
            ["py"],
        ),
        ({"setup.cfg": "[options]\npackage_dir =\n    = code\n", "code/m.py": ""}, ["code"]),
        ({"setup.py": "setup(package_dir={'': 'code'})", "code/m.py": ""}, ["code"]),
        (
            {
                "pyproject.toml": "[tool.hatch.build.targets.wheel]\npackages = ['py/m']",
                "py/m/a.py": "",
            },
            ["py"],
        ),
        (
            {
                "pyproject.toml": "[[tool.poetry.packages]]\ninclude = 'm'\nfrom = 'lib'",
                "lib/m.py": "",
            },
            ["lib"],
        ),
        ({"pyproject.toml": "[tool.maturin]\npython-source = 'py'", "py/m.py": ""}, ["py"]),
        (
            {
                "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['aid']",
                "src/m.py": "",
                "aid/n.py": "",
            },
            ["src", "aid"],
        ),
        ({"pyproject.toml": "[tool.setuptools]\npackage-dir = 3", "m.py": ""}, ["."]),
        ({"pyproject.toml": "not toml", "src/m.py": ""}, ["src"]),
    ],
    ids=[
        *("src layout", "src is a package", "flat", "setuptools", "setuptools package", "find"),
        *("setup.cfg", "setup.py", "hatch", "poetry", "maturin", "pytest", "odd", "broken"),
    ],
)
def test_a_build_backend_says_where_packages_lie(repo, files, roots):
    write(repo, files)

    assert [*declared_roots(str(repo))] == [str((repo / one).absolute()) for one in roots]


def test_a_file_in_packages_is_imported_from_above_the_topmost_init(repo):
    write(repo, {"sub/pkg/__init__.py": "", "sub/pkg/deep/__init__.py": "", "tasks/train.py": ""})

    assert import_roots(repo, "sub/pkg/deep/jobs.py", ()) == ("sub",)
    assert import_roots(repo, "tasks/train.py", ()) == ()
    assert import_roots(repo / "sub" / "pkg", "deep/jobs.py", ()) == ("..",)


def test_other_projects_of_the_repository_count_when_they_are_installed_as_editable(repo, tmp_path):
    site = tmp_path / "env" / "site-packages"
    outside = tmp_path / "elsewhere"
    for name, place in (("lib_a", repo / "libs/a"), ("Lib.B", outside)):
        url = {"url": place.as_uri(), "dir_info": {"editable": True}}
        write(site, {f"{name}-1.0.dist-info/direct_url.json": json.dumps(url)})
    write(site, {"wheel-1.0.dist-info/direct_url.json": json.dumps({"url": "file:///x"})})
    write(repo, {"libs/a/pyproject.toml": "", "libs/a/src/lib_a.py": "", "app/tasks.py": ""})
    write(repo, {"env/pyvenv.cfg": "", "env/lib/x.py": "", "shared/y.py": ""})
    path = (str(site), str(repo / "env" / "lib"), str(repo / "shared"), str(outside))

    assert import_roots(repo / "app", "tasks.py", path) == ("../libs/a/src", "../shared")
    assert editable_installs(path) == {"lib-a": str(repo / "libs/a"), "lib-b": str(outside)}
