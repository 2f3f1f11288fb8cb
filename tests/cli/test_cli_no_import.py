"""When code of a project is executed by commands that only look at it, and how that is forbidden."""

from __future__ import annotations

import pytest

PLAIN = """
    import nemorun

    @nemorun.task
    def clear(n: int = 1):
        return n
"""
COMPUTED = """
    import pathlib
    import nemorun

    pathlib.Path("imported").touch()
    TAGS = [name for name in ("gpu", "long")]

    @nemorun.task(tags=TAGS)
    def hidden(n: int = 1):
        return n
"""
EXECUTORS = """
    import pathlib
    import nemorun

    pathlib.Path("imported").touch()

    def here():
        return nemorun.LocalExecutor()
"""
REASON = "tags= on line 8 is computed"


@pytest.fixture
def clone(project, write):
    write("clear.py", PLAIN)
    write("computed.py", COMPUTED)
    write("executors.py", EXECUTORS)
    write("nemorun.toml", '[project]\nname = "clone"\n')
    return project


def test_a_file_that_cannot_be_read_is_imported_unless_that_is_forbidden(
    clone, nemorun, write, tmp_path
):
    mark = clone / "imported"

    plain = nemorun("list", "-q")
    assert (plain.lines, mark.exists()) == (["clear.py::clear", "computed.py::hidden"], True)
    mark.unlink()

    forbidding = [("--no-import", {}), ("-q", {"NEMORUN_NO_IMPORT": "1"})]
    forbidding += [("-q", {"NEMORUN_PROJECT__IMPORT_TASKS": "false"})]
    for option, env in forbidding:
        answer = nemorun("list", option, **env)
        assert (answer.code, mark.exists()) == (0, False), (option, env, answer.err)
        assert "clear.py::clear" in answer.out
    shown = nemorun("list", "--no-import")
    row = next(line for line in shown.out.splitlines() if "computed.py::hidden" in line)
    assert row.endswith(f"not imported: {REASON}")
    (missed,) = nemorun("list", "--no-import", "--json").json["not_imported"]
    assert missed == {"file": "computed.py", "line": 8, "function": "hidden", "reason": REASON}

    (tmp_path / "own" / "nemorun").mkdir(parents=True)
    (tmp_path / "own" / "nemorun" / "config.toml").write_text("[project]\nimport_tasks = false\n")
    write(
        "nemorun.toml", "[project]\nimport_tasks = true\n"
    )  # a clone cannot allow itself what its user forbids
    assert nemorun("list", "-q", XDG_CONFIG_HOME=str(tmp_path / "own")).lines == ["clear.py::clear"]
    assert not mark.exists()


def test_doctor_and_run_import_nothing_where_it_is_forbidden(clone, nemorun):
    mark = clone / "imported"

    told = nemorun("doctor", "--no-import")
    examined = nemorun("doctor", "-e", "here", "--no-import")
    refused = nemorun("run", "-k", "hidden", "--no-import")
    chosen = nemorun("run", "clear.py::clear", "-e", "here", "--no-import")
    runs = nemorun("run", "clear.py::clear", "--no-import")

    assert "1 tasks found, and what only an import would tell of 1 file" in told.out
    assert "is not called, because importing files of the project is forbidden" in examined.out
    assert refused.code == chosen.code == 4
    assert f"only importing the file would tell its tasks ({REASON})" in refused.err
    assert "is not called, because importing" in chosen.err
    assert runs.code == 0, runs.err
    assert not mark.exists()


def test_a_task_that_is_read_runs_beside_one_that_is_not(clone, nemorun, write):
    write("mixed.py", COMPUTED + PLAIN.replace("def clear", "def beside"))
    alone = ("run", "mixed.py::beside", "--no-import", "--dry-run")

    beside = nemorun(*alone)
    hidden = nemorun(*alone, "mixed.py::hidden")

    assert beside.code == 0, beside.err
    assert hidden.code == 4
    assert f"only importing the file would tell its tasks ({REASON})" in hidden.err
    assert not (clone / "imported").exists()


@pytest.mark.parametrize(
    "words", [["run", ""], ["run", "-k", ""], ["run", "-e", ""], ["doctor", "-e", ""]]
)
def test_tab_imports_nothing(clone, nemorun, words):
    answer = nemorun(
        _NEMORUN_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(["nemorun", *words]),
        COMP_CWORD=str(len(words)),
    )

    assert answer.out, answer.err
    assert "hidden" not in answer.out
    assert not (clone / "imported").exists()
