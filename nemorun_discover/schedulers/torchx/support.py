"""What of a TorchX executor's settings cannot be carried out, said before anything is submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import did_you_mean, one_of
from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.schedulers.checking import packager_refusal
from nemorun_discover.schedulers.torchx.calls import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.executors.torchx import TorchxExecutor
    from nemorun_discover.schedulers.torchx.sdk import Sdk

RESOURCES = ("cpu", "gpu", "memMB", "capabilities", "devices", "named_resource")
# Fields that TorchX's schedulers pass over in silence (torchx 0.7); of others nobody knows.
_PASSED_OVER = {
    "local_cwd": ("image", "mounts", "cpu", "memMB", "capabilities", "devices", "named_resource"),
    "slurm": ("image", "mounts", "capabilities", "devices"),
    "lsf": ("capabilities", "devices"),
}
_NEED_AN_IMAGE = ("local_docker", "kubernetes", "kubernetes_mcad", "aws_batch", "gcp_batch")


def refuse_what_cannot_be(name: str, executor: TorchxExecutor, sdk: Sdk) -> None:
    """Raise ExecutorRefused for the first setting that cannot be carried out.

    Args:
        name: The executor's name.
        executor: Its settings.
        sdk: TorchX.
    """
    launcher_of(executor)
    sdk.require(name, executor.scheduler)
    _refuse_cfg(name, executor, sdk)
    for sentence, hint in _problems(executor):
        raise ExecutorRefused(f"{name}: {sentence}", hint=hint)
    named = executor.resource.get("named_resource")
    if named is not None:
        ask(f"{name}: resource.named_resource", lambda: sdk.named_resource(str(named)))


def _refuse_cfg(name: str, executor: TorchxExecutor, sdk: Sdk) -> None:
    scheduler, what = executor.scheduler, f"{name}: {executor.scheduler}"
    options = ask(what, lambda: sdk.options(scheduler))
    for key in executor.cfg:
        if key not in options:
            raise ExecutorRefused(
                f"{name}: cfg.{key}: {scheduler} has no such option{did_you_mean(key, options)}",
                hint=f"its options: {', '.join(options) or 'none'}",
            )
    ask(f"{name}: cfg", lambda: sdk.require_options(scheduler, executor.cfg))


def _problems(executor: TorchxExecutor) -> Iterator[tuple[str, str]]:
    scheduler, resource = executor.scheduler, executor.resource
    for key in resource:
        if key not in RESOURCES:
            near = did_you_mean(key, RESOURCES)
            yield (
                f"resource.{key}: there is no such resource{near}",
                f"there are {one_of(RESOURCES)}",
            )
    if "named_resource" in resource and len(resource) > 1:
        yield "resource: named_resource says all, and excludes the others", "give one of them"
    given = [*resource, *(one for one in ("image", "mounts") if getattr(executor, one))]
    for key in given:
        if key in _PASSED_OVER.get(scheduler, ()):
            field = f"resource.{key}" if key in RESOURCES else key
            yield f"{field} has no meaning for TorchX's {scheduler}", "take it out of the profile"
    if scheduler in _NEED_AN_IMAGE and not executor.image:
        yield f"TorchX's {scheduler} runs images, and none is given", "set image"
    refused = packager_refusal(executor.packager, why_not="a job of TorchX has none")
    yield from [refused] if refused else []
    yield from _about_files(executor)


def _about_files(executor: TorchxExecutor) -> Iterator[tuple[str, str]]:
    if executor.sees_this_machine:
        if executor.code_dir:
            yield (
                f"code_dir has no meaning where jobs see this machine's files, as with {executor.scheduler}",
                "take it out of the profile, or set shares_files = false",
            )
        return
    if executor.secrets:
        yield (
            f"secrets: {executor.scheduler} would show the value of {executor.secrets[0]} to others",
            "take it out of secrets, and let the job find it where the scheduler keeps secrets",
        )
    if executor.code_dir and executor.packager.kind != "none":
        yield (
            "code_dir says that the image holds the code, and packager sends a copy of it",
            "give one of them",
        )
