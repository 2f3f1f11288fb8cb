"""One file's bytes to its tasks, factories and issues."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nemorun_discover.discovery.annotations import Annotations
from nemorun_discover.discovery.cases import check_cases
from nemorun_discover.discovery.filescan import (
    FACTORY_FILE,
    Computed,
    ComputedError,
    FileScan,
    ProblemError,
)
from nemorun_discover.discovery.marks import Marks, read_marks
from nemorun_discover.discovery.options import check_options
from nemorun_discover.discovery.outline import Outline, is_generator, mark_of, read_outline
from nemorun_discover.discovery.outputs import outputs_read
from nemorun_discover.discovery.signature import read_doc, read_parameters
from nemorun_discover.discovery.source import Source
from nemorun_discover.model.task import Factory, Issue, Parameter, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nemorun_discover.discovery.scope import Function


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """A marked function as an import of its file showed it.

    Attributes:
        function: Its name in the module.
        first_line: Of its `def`, or of the first decorator above it.
        marks: What the decorators left.
    """

    function: str
    first_line: int
    marks: Marks


@dataclass(frozen=True, kw_only=True, slots=True)
class _Module:
    file: str
    source: Source
    outline: Outline
    annotations: Annotations


@dataclass(slots=True)
class _Found:
    tasks: dict[str, Task] = field(default_factory=dict)
    problems: list[ProblemError] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    computed: list[Computed] = field(default_factory=list)


def read_file(file: str, data: bytes, imported: Sequence[Marked] | None = None) -> FileScan:
    """Read one file without importing it.

    Args:
        file: Relative to the project's root, with `/`.
        data: Its bytes.
        imported: The marked functions, when an import of the file has told them; otherwise the
            decorators are read from the syntax tree.
    """
    try:
        return _read(file, Source(data), imported)
    except ProblemError as problem:
        return FileScan(issues=(_issue(file, problem),))
    except RecursionError:
        message = "the file is nested too deeply to be read"
        return FileScan(issues=(Issue(file=file, line=0, message=message),))


def _read(file: str, source: Source, imported: Sequence[Marked] | None) -> FileScan:
    outline = read_outline(source.tree)
    annotations = Annotations(source, outline.names)
    module = _Module(file=file, source=source, outline=outline, annotations=annotations)
    found = _Found(problems=[*outline.problems, *_shadowed(outline)])
    if imported is None:
        found.computed.extend(outline.computed)
        _add(module, ((name, node, None) for name, node in outline.marked.items()), found)
    else:
        _add(module, _located(module, imported, found), found)
    factories = _factories(module, found) if _is_factory_file(file) else ()
    return FileScan(
        tasks=tuple(sorted(found.tasks.values(), key=lambda task: task.line)),
        factories=factories,
        issues=tuple(
            _issue(file, problem) for problem in sorted(found.problems, key=lambda each: each.line)
        ),
        rejected=tuple(found.rejected),
        computed=tuple(found.computed),
    )


def _add(
    module: _Module, candidates: Iterable[tuple[str, Function, Marks | None]], found: _Found
) -> None:
    for name, node, marks in candidates:
        try:
            task = _task(module, name, node, marks or read_marks(node, module.outline.names))
        except ProblemError as problem:
            found.problems.append(problem)
            found.rejected.append(name)
        except ComputedError as computed:
            found.computed.append(Computed(line=computed.line, what=computed.what, function=name))
        else:
            earlier = found.tasks.setdefault(task.name, task)
            if earlier is not task:
                message = f"two tasks of this file are named {task.name!r} (line {earlier.line})"
                found.problems.append(ProblemError(task.line, message))


def _task(module: _Module, name: str, node: Function, marks: Marks) -> Task:
    if is_generator(node) and all(
        mark_of(one, module.outline.names) for one in node.decorator_list
    ):
        message = f"{name!r} is a generator, which cannot be a task: a call runs no line of it"
        hint = "take out `yield`: return a list, or loop over a generator in the task"
        raise ProblemError(node.lineno, message, hint)
    if node.args.posonlyargs:
        argument = node.args.posonlyargs[0].arg
        message = f"{name!r} has the positional-only parameter {argument!r}"
        raise ProblemError(node.lineno, message, "remove the / : tasks are called by keyword")
    fields = check_options(marks.options, name, marks.line)
    if marks.options.get("inputs") is None:
        fields["inputs"] = outputs_read(node) if fields.get("after") else ()
    else:
        fields["after"] = tuple(dict.fromkeys((*fields.get("after", ()), *fields["inputs"])))
    parameters = _parameters(module, node)
    return Task(
        id=f"{module.file}::{fields['name']}",
        file=module.file,
        line=node.lineno,
        function=name,
        params=parameters,
        parametrize=check_cases(marks.cases, parameters, name),
        doc=read_doc(node),
        **fields,
    )


def _located(
    module: _Module, imported: Sequence[Marked], found: _Found
) -> Iterable[tuple[str, Function, Marks]]:
    """Find the `def` of each function that an import showed, wherever in the file it stands."""
    nodes = {
        min([node.lineno, *(each.lineno for each in node.decorator_list)]): node
        for node in ast.walk(module.source.tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    for marked in imported:
        node = nodes.get(marked.first_line)
        if node is None:
            message = f"the task {marked.function!r} has no def in this file"
            found.problems.append(ProblemError(marked.first_line, message))
        else:
            yield marked.function, node, marked.marks


def _shadowed(outline: Outline) -> Iterable[ProblemError]:
    for node, line in outline.shadowed:
        message = f"{node.name!r} is defined again: the task on line {node.lineno} is lost"
        yield ProblemError(line, message, "give one of the two another name")


def _is_factory_file(file: str) -> bool:
    return file.rpartition("/")[2] == FACTORY_FILE


def _factories(module: _Module, found: _Found) -> tuple[Factory, ...]:
    factories: list[Factory] = []
    for name, node in module.outline.public.items():
        if name.startswith("_") or any(
            mark_of(each, module.outline.names) for each in node.decorator_list
        ):
            continue
        if isinstance(node, ast.AsyncFunctionDef):
            message = f"{name!r} is an async function, which cannot be an executor factory"
            found.problems.append(ProblemError(node.lineno, message))
            continue
        factories.append(_factory(module, name, node))
    return tuple(sorted(factories, key=lambda factory: factory.line))


def _factory(module: _Module, name: str, node: Function) -> Factory:
    return Factory(
        name=name,
        file=module.file,
        line=node.lineno,
        directory=module.file.rpartition("/")[0],
        params=_parameters(module, node),
        returns=module.annotations.read(node.returns).text if node.returns else "",
        doc=read_doc(node),
    )


def _parameters(module: _Module, node: Function) -> tuple[Parameter, ...]:
    return read_parameters(node, module.source, module.outline.names, module.annotations)


def _issue(file: str, problem: ProblemError) -> Issue:
    return Issue(file=file, line=problem.line, message=problem.message, hint=problem.hint)
