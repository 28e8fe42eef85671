"""``safelight verify``: do a job again from its receipt and compare."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.cli.options import ALL_WELL, COULD_NOT_RUN, SOME_FAILED, ApiUrl, Json
from safelight.cli.wiring import Finding, Wiring, connect

if TYPE_CHECKING:
    from safelight.cli.receipt_evidence import Gathered

EXAMPLES = """Examples:

safelight verify 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight verify 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --receipt receipt.json --json

safelight verify 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --asset logo=logo.png"""

#: States of findings, see ``worker.receipt_check``.
WELL, UNDONE = frozenset({"same", "other"}), "not-done"


def verify(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job.", show_default=False)],
    receipt: Annotated[
        Path | None, typer.Option("--receipt", metavar="FILE", help="A receipt that was kept, in place of the API's.")
    ] = None,
    assets: Annotated[
        list[str] | None,
        typer.Option("--asset", metavar="NAME=FILE", help="A stored picture that the pipeline refers to; repeatable."),
    ] = None,
    pixels: Annotated[bool, typer.Option("--pixels", help="Equal pixels are enough where the files differ.")] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Compare a job's images with its receipt, do the job again here and compare that, bit for bit.

    Exit code 0: all the same. 1: something differs, was changed or is missing. 2: it could not be done.
    """
    from safelight.cli.receipt_evidence import gather  # noqa: PLC0415 - --help must not wait for httpx

    wiring: Wiring = context.obj
    stored = _read_assets(assets or [])
    with connect(context, api_url) as client:
        gathered = gather(client, job_id, receipt)
    findings = wiring.verify(gathered.document, gathered.raw, gathered.outputs, stored)
    _show(job_id, gathered, findings, as_json=as_json)
    raise typer.Exit(_exit_code(gathered, findings, pixels=pixels))


def _read_assets(given: list[str]) -> dict[str, bytes]:
    stored = {}
    for each in given:
        name, sign, file = each.partition("=")
        try:
            stored[name] = Path(file).read_bytes() if sign else b""
        except OSError as error:
            raise typer.BadParameter(f"{file} can't be read ({error.strerror or error}).") from error
        if not sign:
            raise typer.BadParameter("--asset takes NAME=FILE.")
    return stored


def _show(job_id: str, gathered: "Gathered", findings: list[Finding], *, as_json: bool) -> None:
    from safelight.cli.rendering import documents, text  # noqa: PLC0415 - as above

    lines = [{"what": each.what, "state": str(each.state), "detail": each.detail} for each in findings]
    if _is_replaced(gathered):
        lines.insert(0, {"what": "receipt", "state": "changed", "detail": f"the API's is {gathered.kept}"})
    if as_json:
        documents.print_document({"id": job_id, "findings": lines})
        return
    for line in lines:
        typer.echo("\t".join(text.printable(line[part]) for part in ("what", "state", "detail")))


def _is_replaced(gathered: "Gathered") -> bool:
    """Tell whether the API has another receipt now than the one that is verified."""
    return gathered.kept is not None and gathered.kept != gathered.document.get("digest")


def _exit_code(gathered: "Gathered", findings: list[Finding], *, pixels: bool) -> int:
    well = WELL | ({"equal-pixels"} if pixels else set())
    bad = {str(each.state) for each in findings} - well
    if _is_replaced(gathered) or bad - {UNDONE}:
        return SOME_FAILED
    return COULD_NOT_RUN if bad else ALL_WELL
