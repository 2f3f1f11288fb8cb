"""What discovery finds: tasks, their parameters and types, executor factories, and what it could not read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

# What JSON can hold; parameters and results travel as this.
Json = Any


class Missing(Enum):
    """The type of MISSING: a value that is not there, where None is a value."""

    MISSING = "MISSING"


MISSING = Missing.MISSING


class TypeKind(StrEnum):
    """The shapes of annotation a value on the command line can be converted to."""

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    STR = "str"
    PATH = "path"
    NONE = "none"
    ANY = "any"
    LIST = "list"
    TUPLE = "tuple"
    DICT = "dict"
    UNION = "union"
    LITERAL = "literal"
    ENUM = "enum"
    DATACLASS = "dataclass"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeSpec:
    """An annotation, read without importing anything.

    Attributes:
        kind: Its shape. ANY for a parameter without annotation; UNKNOWN for a name that the syntax
            tree does not explain (a class of another module).
        text: The annotation as it is written, for messages and `list`.
        args: The item of a list, the items of a tuple, key and value of a dict, the members of a union.
        values: The values of a Literal (JSON), or the member names of an Enum.
        fields: The fields of a dataclass: (name, type, has_default).
    """

    kind: TypeKind
    text: str
    args: tuple[TypeSpec, ...] = ()
    values: tuple[Json, ...] = ()
    fields: tuple[tuple[str, TypeSpec, bool], ...] = ()


ANY = TypeSpec(kind=TypeKind.ANY, text="Any")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter of a task's signature.

    Attributes:
        default: The default as JSON; MISSING when there is none, or when it is not a literal.
        default_text: The default as it is written; None when the parameter has no default. A default
            that is not a literal is never sent: Python applies it inside the job.
    """

    name: str
    type: TypeSpec = ANY
    default: Json | Missing = MISSING
    default_text: str | None = None

    @property
    def is_required(self) -> bool:
        """True when a value must come from parametrize, the config or the command line."""
        return self.default_text is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Parametrize:
    """One `@nemorun.parametrize`: rows of values for one or more parameters.

    Attributes:
        names: The parameters, in order.
        rows: One tuple of JSON values per case, as long as `names`.
        ids: One label per row; None where the label is made from the values.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[Json, ...], ...]
    ids: tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """What a script task runs: a file through its interpreter, a text, or an argv.

    Attributes:
        path: The script, relative to the project's root; with `is_module`, a module's dotted name.
        inline: The script's text itself, instead of a file.
        command: The argv, when there is neither.
        entrypoint: The argv of the interpreter (`("bash", "-e")`); empty to choose by the file.
        is_module: Run `path` as `python -m` does.
        env: Variables of this task, over the executor's.
    """

    path: str | None = None
    inline: str | None = None
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    is_module: bool = False
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A function marked `@nemorun.task`, or a script declared in nemorun.toml; found, not run.

    Attributes:
        id: The node id: `tasks/train.py::train`, or `nemorun.toml::prepare` for a script task.
        name: What `-k` matches and job ids begin with.
        file: Relative to the project's root, with `/`; the config file for a script task.
        line: Of the `def` (from 1), or 0 where it is not known.
        function: The function's own name in `file`; None for a script task.
        after: Node ids of the tasks this one waits for, resolved.
        inputs: Those of them whose outputs this one gets, wherever they ran.
        after_on: By such an id, the executors on which that task is meant, where `after` names them (`prep@a`).
        timeout_s: Wall-clock limit of one attempt; None for none.
        retries: Attempts after the first; None leaves it to the executor.
        values: What `[tasks.NAME] params` of the config says, by parameter: JSON, over the signature's
            defaults.
    """

    id: str
    name: str
    file: str
    line: int
    function: str | None = None
    params: tuple[Parameter, ...] = ()
    parametrize: tuple[Parametrize, ...] = ()
    tags: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    after_on: dict[str, tuple[str, ...]] = field(default_factory=dict)
    executors: tuple[str, ...] = ()
    timeout_s: float | None = None
    retries: int | None = None
    doc: str = ""
    script: Script | None = None
    values: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Factory:
    """A public function of an `executors.py`.

    Attributes:
        directory: Where the file stands, relative to the project's root (`""` for the root itself): a
            factory is seen by tasks at or below it, and the nearest one of a name wins.
        returns: The return annotation as written, for `list`; "" when there is none.
    """

    name: str
    file: str
    line: int
    directory: str
    params: tuple[Parameter, ...] = ()
    returns: str = ""
    doc: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """Something that kept a file, or a task in it, from being collected."""

    file: str
    line: int
    message: str
    hint: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NotImported:
    """Something that only an import of its file would tell, where imports are forbidden.

    Attributes:
        function: The marked function; "" when it is not known which there are.
        reason: What a syntax tree does not tell: `tags= on line 7 is computed`.
    """

    file: str
    line: int
    function: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """All that a scan found, in the order of files and lines."""

    tasks: tuple[Task, ...] = ()
    factories: tuple[Factory, ...] = ()
    issues: tuple[Issue, ...] = ()
    not_imported: tuple[NotImported, ...] = ()
