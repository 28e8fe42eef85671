"""The options of commands that store the job spec of later jobs: upload tokens and watches."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypedDict, get_type_hints

import typer

from safelight.cli.options import (
    Enlarge,
    Fit,
    Format,
    Formats,
    Grayscale,
    Height,
    Pipeline,
    PresetName,
    Quality,
    Webhook,
    Width,
    Widths,
    collect_shorthand,
    parse_tags,
    read_pipeline,
)

_SPEC = "spec"


class JobSpecArguments(TypedDict):
    """The arguments that methods of the client have for a job spec."""

    pipeline: dict[str, Any] | None
    preset: str | None
    options: dict[str, Any]
    webhook: str | None
    tags: dict[str, str]


def take_job_spec(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the options of a job spec in place of its parameter ``spec``, a ``JobSpecArguments``."""
    own, declared = inspect.signature(command), inspect.signature(_read_job_spec)

    @functools.wraps(command)
    def run(*positional: Any, **named: Any) -> None:  # noqa: ANN401 - the command's own
        spec = _read_job_spec(**{name: named.pop(name) for name in declared.parameters})
        command(*positional, **named, spec=spec)

    parameters: list[inspect.Parameter] = []
    for name, parameter in own.parameters.items():
        parameters += declared.parameters.values() if name == _SPEC else [parameter]
    hints = get_type_hints(_read_job_spec, include_extras=True) | get_type_hints(command, include_extras=True)
    # Typer reads the signature and the annotations.
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {name: hint for name, hint in hints.items() if name != _SPEC} | {"return": None}
    return run


def _read_job_spec(  # noqa: PLR0913 - each option is an argument
    *,
    preset: PresetName = None,
    pipeline: Pipeline = None,
    width: Width = None,
    height: Height = None,
    fit: Fit = None,
    enlarge: Enlarge = None,
    grayscale: Grayscale = None,
    format_: Format = None,
    quality: Quality = None,
    widths: Widths = None,
    formats: Formats = None,
    webhook: Webhook = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="NAME=VALUE", help="Tag of each job. Can be repeated.")
    ] = None,
) -> JobSpecArguments:
    options = collect_shorthand(
        pipeline,
        preset,
        width=width,
        height=height,
        fit=fit,
        enlarge=enlarge,
        grayscale=grayscale,
        format=format_,
        quality=quality,
        widths=widths,
        formats=formats,
    )
    return {
        "pipeline": read_pipeline(pipeline),
        "preset": preset,
        "options": options,
        "webhook": webhook,
        "tags": parse_tags(tag),
    }
