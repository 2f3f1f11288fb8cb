"""What one file says as compact JSON and back; neither the file's name nor its place is in it."""

from __future__ import annotations

from typing import Any

from nemorun_discover.discovery.filescan import Computed, FileScan
from nemorun_discover.model.task import (
    ANY,
    MISSING,
    Factory,
    Issue,
    Parameter,
    Parametrize,
    Task,
    TypeKind,
    TypeSpec,
)

# Types without parts are their text alone; most annotations are these.
_PLAIN = {
    kind.value: TypeSpec(kind=kind, text=kind.value)
    for kind in (TypeKind.INT, TypeKind.FLOAT, TypeKind.BOOL, TypeKind.STR)
} | {ANY.text: ANY}


def encode_scan(scan: FileScan) -> list[Any]:
    """Return a scan as JSON lists; a type that several parameters have is written once."""
    types: dict[TypeSpec, int] = {}
    tasks = [_encode_task(task, types) for task in scan.tasks]
    factories = [_encode_factory(factory, types) for factory in scan.factories]
    return [
        [encode_type(spec) for spec in types],
        tasks,
        factories,
        [[issue.line, issue.message, issue.hint] for issue in scan.issues],
        scan.rejected,
        [[each.line, each.what, each.function] for each in scan.computed],
    ]


def decode_scan(file: str, data: list[Any]) -> FileScan:
    """Return the scan that `encode_scan` wrote, for a file with the same bytes.

    Raises:
        ValueError, TypeError, LookupError: The data is something else.
    """
    encoded, tasks, factories, issues, rejected, computed = data
    types = [decode_type(each) for each in encoded]
    return FileScan(
        tasks=tuple([_decode_task(file, row, types) for row in tasks]),
        factories=tuple([_decode_factory(file, row, types) for row in factories]),
        issues=tuple(
            [Issue(file=file, line=line, message=text, hint=hint) for line, text, hint in issues]
        ),
        rejected=tuple(rejected),
        computed=tuple(
            [
                Computed(line=line, what=what, function="".join(function))
                for line, what, *function in computed
            ]
        ),
    )


def encode_type(spec: TypeSpec) -> Any:  # noqa: ANN401 - JSON
    """Return a type as its plain name, or as kind, text, args, values and fields."""
    if _PLAIN.get(spec.text) == spec:
        return spec.text
    args = [encode_type(arg) for arg in spec.args]
    fields = [[name, encode_type(kind), has_default] for name, kind, has_default in spec.fields]
    return [spec.kind.value, spec.text, args, spec.values, fields]


def decode_type(data: Any) -> TypeSpec:  # noqa: ANN401 - JSON
    """Return the type that `encode_type`, or the child interpreter, wrote."""
    if isinstance(data, str):
        return _PLAIN[data]
    kind, text, args, values, fields = data
    return TypeSpec(
        kind=TypeKind(kind),
        text=text,
        args=tuple([decode_type(arg) for arg in args]),
        values=tuple(values),
        fields=tuple(
            [(name, decode_type(inner), has_default) for name, inner, has_default in fields]
        ),
    )


def _encode_task(task: Task, types: dict[TypeSpec, int]) -> list[Any]:
    cases = [[case.names, case.rows, case.ids] for case in task.parametrize]
    return [
        task.name,
        task.line,
        task.function,
        [_encode_parameter(parameter, types) for parameter in task.params],
        cases,
        task.tags,
        task.after,
        task.inputs,
        task.executors,
        task.timeout_s,
        task.retries,
        task.doc,
    ]


def _decode_task(file: str, row: list[Any], types: list[TypeSpec]) -> Task:
    name, line, function, params, cases, tags, after, inputs, executors, timeout_s, retries, doc = (
        row
    )
    return Task(
        id=f"{file}::{name}",
        name=name,
        file=file,
        line=line,
        function=function,
        params=tuple([_decode_parameter(parameter, types) for parameter in params]),
        parametrize=tuple([_decode_case(case) for case in cases]),
        tags=tuple(tags),
        after=tuple(after),
        inputs=tuple(inputs),
        executors=tuple(executors),
        timeout_s=timeout_s,
        retries=retries,
        doc=doc,
    )


def _decode_case(data: list[Any]) -> Parametrize:
    names, rows, ids = data
    return Parametrize(names=tuple(names), rows=tuple(map(tuple, rows)), ids=tuple(ids))


def _encode_parameter(parameter: Parameter, types: dict[TypeSpec, int]) -> list[Any]:
    index = types.setdefault(parameter.type, len(types))
    row = [parameter.name, index, parameter.default_text]
    return row if parameter.default is MISSING else [*row, parameter.default]


def _decode_parameter(row: list[Any], types: list[TypeSpec]) -> Parameter:
    name, kind, text, *default = row
    return Parameter(
        name=name,
        type=types[kind],
        default=default[0] if default else MISSING,
        default_text=text,
    )


def _encode_factory(factory: Factory, types: dict[TypeSpec, int]) -> list[Any]:
    params = [_encode_parameter(parameter, types) for parameter in factory.params]
    return [factory.name, factory.line, params, factory.returns, factory.doc]


def _decode_factory(file: str, row: list[Any], types: list[TypeSpec]) -> Factory:
    name, line, params, returns, doc = row
    return Factory(
        name=name,
        file=file,
        line=line,
        directory=file.rpartition("/")[0],
        params=tuple([_decode_parameter(parameter, types) for parameter in params]),
        returns=returns,
        doc=doc,
    )
