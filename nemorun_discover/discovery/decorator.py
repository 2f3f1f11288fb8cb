"""`@nemorun.task` and `@nemorun.parametrize`: marks on plain functions, nothing else.

Discovery reads these decorators from the syntax tree; at run time they only leave a mark, so that
a task stays callable, picklable and importable where there is nothing but the standard library
(Python 3.9, no imports here at all).
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TypeVar, overload

    F = TypeVar("F", bound=Callable[..., Any])

    @overload
    def task(function: F, /) -> F: ...
    @overload
    def task(
        *,
        name: str | None = None,
        tags: Sequence[str] = (),
        after: Sequence[str | Callable[..., Any]] | str | Callable[..., Any] = (),
        inputs: Sequence[str | Callable[..., Any]] | str | Callable[..., Any] = (),
        executors: Sequence[str] | str = (),
        timeout: float | str | None = None,
        retries: int | None = None,
    ) -> Callable[[F], F]: ...
    def task(function: Any = None, /, **options: Any) -> Any: ...  # noqa: D103 - documented below


TASK_MARK = "__nemorun_task__"
PARAMETRIZE_MARK = "__nemorun_parametrize__"


if not TYPE_CHECKING:

    def task(function=None, /, **options):  # noqa: ANN001, ANN003, ANN201 - the overloads type it
        """Mark a function as a task: `nemorun list` finds it and `nemorun run` runs it.

        Args:
            function: The function, when the decorator is used without parentheses.
            **options: `name` (default: the function's), `tags` for `-m`, `after` (names of tasks that must
                succeed first; `prep@gpu` names an executor too), `inputs` (likewise, and their outputs are brought
                to where the task runs), `executors` (used when `-e` is not given), `timeout` (seconds, or text such as
                "90s", "30m", "2h", "1:30:00") and `retries` (attempts after the first that failed).

        Returns:
            The same function, marked.

        Raises:
            TypeError: An option has a name that is not one of these.
        """
        known = ("name", "tags", "after", "inputs", "executors", "timeout", "retries")
        for option in options:
            if option not in known:
                raise TypeError(
                    f"@nemorun.task has no option {option!r}; it knows {', '.join(known)}"
                )

        def mark(marked):  # noqa: ANN001, ANN202
            setattr(marked, TASK_MARK, options)
            return marked

        return mark if function is None else mark(function)


def parametrize(
    names: str | Sequence[str],
    values: Iterable[Any],
    *,
    ids: Sequence[str] | None = None,
) -> Callable[[F], F]:
    """Run a task once per value; several `parametrize` on one task give the product.

    The one at the top varies fastest, as with pytest.

    Args:
        names: One parameter, or several (`"lr,seed"` or a list), each value then being a tuple.
        values: The values, one job each.
        ids: One label per value, used in the job's id instead of `name=value`.

    Returns:
        A decorator that returns the same function, marked.
    """
    case = (names, tuple(values), None if ids is None else tuple(ids))

    def mark(marked: F) -> F:
        # The decorator nearest to the function runs first, and comes first here.
        setattr(marked, PARAMETRIZE_MARK, (*getattr(marked, PARAMETRIZE_MARK, ()), case))
        return marked

    return mark
