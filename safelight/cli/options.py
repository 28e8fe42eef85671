"""Options that several commands share, and the parsers of their values."""

import json
import re
import sys
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from safelight.api_options import (
    FITS,
    JOB_STATUSES,
    LOSSY_FORMATS,
    OUTPUT_FORMAT_SPELLINGS,
    OUTPUT_FORMATS,
    RAW_FORMATS,
)
from safelight.errors import ApiError, ClientError, WaitedTooLong
from safelight.local_files import is_file

EXIT_SUCCESS, EXIT_PARTIAL_FAILURE, EXIT_NOT_RUN, EXIT_STILL_RUNNING, EXIT_INTERRUPTED = 0, 1, 2, 3, 130
#: Statuses of the API's errors about what a command names: it does not exist, or its state does not allow the action.
_ABOUT_A_NAME = frozenset({404, 409, 410, 412})
#: Codes of the client's errors about the result of a job.
_ABOUT_A_RESULT = frozenset({"DOWNLOAD_FAILED", "NO_MARKUP"})
#: Seconds by the unit of a duration.
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
#: Bytes by the unit of a size.
_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
#: The value of ``--status`` that selects every status.
ANY_STATUS = "ANY"
#: The API's option by the value of ``--facts``.
FACTS_OPTIONS: Final[Mapping[str, bool | dict[str, bool]]] = {"on": True, "off": False, "gps": {"gps": True}}


def choose_exit_code(error: ClientError) -> int:
    """Return the exit code of a command that an error has ended."""
    if isinstance(error, WaitedTooLong):
        return EXIT_STILL_RUNNING
    # Errors without a code of the API come from another server, or the URL is incomplete: the address is wrong.
    is_of_the_api = isinstance(error, ApiError) and not error.code.startswith(("HTTP_", "ROUTE_NOT_FOUND"))
    is_about_a_name = is_of_the_api and getattr(error, "status", None) in _ABOUT_A_NAME
    return EXIT_PARTIAL_FAILURE if is_about_a_name or error.code in _ABOUT_A_RESULT else EXIT_NOT_RUN


def make_choice_parser(
    choices: Collection[str], normalize: Callable[[str], str], spellings: Mapping[str, str] | None = None
) -> Callable[[str | None], str | None]:
    """Return a callback that normalizes a value. It raises BadParameter if the value is not one of the choices."""

    def parse(value: str | None) -> str | None:
        if value is None:
            return None
        normalized = normalize(value)
        normalized = (spellings or {}).get(normalized, normalized)
        if normalized not in choices:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(choices)}.")
        return normalized

    return parse


def join_choices(values: Collection[str]) -> str:
    """Return values as text: ``jpeg, webp or avif``."""
    *others, last = values
    return f"{', '.join(others)} or {last}"


def parse_widths(value: str | None) -> str | None:
    """Return the value of ``--widths`` without spaces. Raises BadParameter if a part is not a number."""
    if value is None:
        return None
    parts = [part.strip() for part in value.split(",")]
    if wrong := next((part for part in parts if not (part.isascii() and part.isdigit() and int(part))), None):
        raise typer.BadParameter(f"{wrong!r} is not a number of pixels. Separate widths with commas: 320,640.")
    if "" in parts:
        raise typer.BadParameter("a width is missing. Separate widths with commas: 320,640.")
    return ",".join(parts)


def parse_formats(value: str | None) -> str | None:
    """Return the value of ``--formats``, with the usual names. Raises BadParameter for an unknown format."""
    if value is None:
        return None
    parse = make_choice_parser(OUTPUT_FORMATS, str.lower, OUTPUT_FORMAT_SPELLINGS)
    return ",".join(parse(part.strip()) or "" for part in value.split(","))


def parse_duration(text: str | None) -> int | None:
    """Return a duration such as ``15m`` in seconds. Raises BadParameter."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text.strip().lower())
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a duration such as 90s, 15m, 2h or 7d.")
    return int(found[1]) * _UNITS[found[2]]


def parse_time(text: str | None, now: datetime) -> str | None:
    """Return a time in ISO 8601, given so or as a duration before ``now``. Raises BadParameter."""
    if text is None:
        return None
    duration = re.fullmatch(r"\d{1,9}[smhd]", text.strip().lower())
    if duration is not None:
        return (now - timedelta(seconds=parse_duration(text) or 0)).isoformat()
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is neither a time such as 2026-11-01 nor a duration such as 2h.") from error
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=now.tzinfo)).isoformat()


def parse_size(text: str | None) -> int | None:
    """Return a size such as ``50MB`` or ``50MiB`` in bytes. Raises BadParameter."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,12})\s*([kmg]i?|)b?", text.strip().lower())
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a size such as 5000000, 50MB or 50MiB.")
    return int(found[1]) * _SIZES[found[2]]


def parse_tags(texts: list[str] | None) -> dict[str, str]:
    """Return tags of the form ``NAME=VALUE`` by name. Raises BadParameter."""
    tags: dict[str, str] = {}
    for text in texts or ():
        name, separator, value = text.partition("=")
        if not name or not separator or name in tags:
            raise typer.BadParameter(f"{text!r} is not of the form NAME=VALUE, or the name occurs twice.")
        tags[name] = value
    return tags


def require_job_ids(context: typer.Context, value: Any) -> Any:  # noqa: ANN401 - one ID, a list of IDs or None
    """Return the value of an argument that takes job IDs. Raises BadParameter if an ID is a file or a path."""
    for each in [value] if isinstance(value, str) else value or ():
        kind = "file" if is_file(each) else "path" if "/" in each else None
        if kind is not None:
            advice = "To list the IDs of your jobs, run: safelight list"
            if context.info_name == "verify":
                advice = f"To verify a job against a saved receipt, run: safelight verify ID --receipt {each!r}"
            raise typer.BadParameter(f"{each!r} is a {kind}, not the ID of a job. {advice}")
    return value


ApiUrl = Annotated[
    str | None,
    typer.Option(
        "--api-url",
        metavar="URL",
        help="URL of the API, ending in /v1. Default: SAFELIGHT_API_URL, or else the URL of the local stack.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the output as one JSON document.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="Job ID.", show_default=False, callback=require_job_ids)]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=0,
        metavar="SECONDS",
        help="Stop waiting after this time, with exit code 3. Jobs continue to run. Default: no limit.",
    ),
]
Pipeline = Annotated[
    str | None,
    typer.Option(
        "--pipeline",
        metavar="JSON|@FILE",
        help="Pipeline as JSON. Pass the JSON text itself, @FILE to read a file, or @- to read standard input.",
    ),
]
PresetName = Annotated[
    str | None,
    typer.Option(
        "--preset", metavar="NAME", help="Name of a preset, such as web. To list the names, run: safelight presets list"
    ),
]
Webhook = Annotated[
    str | None, typer.Option("--webhook", metavar="NAME", help="Name of the webhook to notify when a job ends.")
]
Facts = Annotated[
    str | None,
    typer.Option(
        "--facts",
        metavar="NAME",
        callback=make_choice_parser(tuple(FACTS_OPTIONS), str.lower),
        help=f"Facts about each image to collect: {join_choices(tuple(FACTS_OPTIONS))}. gps adds the position.",
    ),
]
Width = Annotated[
    int | None, typer.Option("--width", min=1, metavar="PIXELS", help="Width to fit the image into. See --fit.")
]
Height = Annotated[
    int | None, typer.Option("--height", min=1, metavar="PIXELS", help="Height to fit the image into. See --fit.")
]
Fit = Annotated[
    str | None,
    typer.Option(
        "--fit",
        metavar="NAME",
        callback=make_choice_parser(FITS, str.lower),
        help=f"How to fit the image into the width and height: {join_choices(FITS)}. inside keeps the whole image, "
        "cover crops it, contain adds a background, and exact distorts it.",
    ),
]
Enlarge = Annotated[
    bool | None,
    typer.Option(
        "--enlarge", help="Also enlarge images that are smaller than the width and height.", show_default=False
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        callback=make_choice_parser(OUTPUT_FORMATS, str.lower, OUTPUT_FORMAT_SPELLINGS),
        help=f"Format of the result: {join_choices(OUTPUT_FORMATS)}.",
    ),
]
Quality = Annotated[
    int | None,
    typer.Option("--quality", min=1, max=100, help=f"Quality of the result, only for {join_choices(LOSSY_FORMATS)}."),
]
Widths = Annotated[
    str | None,
    typer.Option(
        "--widths",
        metavar="PIXELS,...",
        callback=parse_widths,
        help="Widths of several results, such as 320,640,1280. Widths larger than the image are skipped.",
    ),
]
Formats = Annotated[
    str | None,
    typer.Option(
        "--formats",
        metavar="NAME,...",
        callback=parse_formats,
        help=f"Formats of each width, such as avif,webp. {join_choices(OUTPUT_FORMATS)}.",
    ),
]
Grayscale = Annotated[
    bool | None, typer.Option("--grayscale/--color", help="Convert to grayscale, or keep the colors.")
]
Status = Annotated[
    str | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        callback=make_choice_parser(JOB_STATUSES, str.upper),
        help=f"List only jobs with this status: {join_choices(JOB_STATUSES)}.",
    ),
]
StatusOrAny = Annotated[
    str,
    typer.Option(
        "--status",
        metavar="STATUS",
        callback=make_choice_parser((*JOB_STATUSES, ANY_STATUS), str.upper),
        help=f"Process only the images of jobs with this status: {join_choices((*JOB_STATUSES, ANY_STATUS))}.",
    ),
]
RawFormat = Annotated[
    str | None,
    typer.Option(
        "--raw-format",
        metavar="NAME",
        callback=make_choice_parser(
            RAW_FORMATS, str.upper, {short.upper(): name.upper() for short, name in OUTPUT_FORMAT_SPELLINGS.items()}
        ),
        help=f"Process only images in this format: {join_choices(RAW_FORMATS)}.",
    ),
]


def read_pipeline(text: str | None) -> dict[str, Any] | None:
    """Return the value of ``--pipeline``: JSON, ``@FILE``, or ``@-`` for standard input. Raises BadParameter."""
    if text is None:
        return None
    try:
        document = json.loads(_read_file(text[1:]) if text.startswith("@") else text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"the pipeline is not valid JSON ({error}).") from error
    if not isinstance(document, dict):
        raise typer.BadParameter('the pipeline must be a JSON object, such as {"operations": []}.')
    return document


def read_facts(choice: str | None) -> bool | dict[str, bool] | None:
    """Return the API's option for the value of ``--facts``."""
    return None if choice is None else FACTS_OPTIONS[choice]


def collect_shorthand(pipeline: str | None, preset: str | None, **shorthand: object) -> dict[str, Any]:
    """Return the shorthand options that were given, such as ``width``.

    Raises BadParameter unless at most one of a pipeline, a preset and shorthand options is given.
    """
    options = {name: value for name, value in shorthand.items() if value is not None}
    if pipeline is not None and preset is not None:
        raise typer.BadParameter("give --pipeline or --preset, not both.")
    if options and (pipeline is not None or preset is not None):
        other = "--pipeline" if pipeline is not None else "--preset"
        raise typer.BadParameter(f"{other} can't be combined with --{', --'.join(options)}.")
    return options


def _read_file(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{name} can't be read ({error.strerror or error}).") from error
