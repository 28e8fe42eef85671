"""``safelight verify``: verify a job's images against its receipt."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from safelight.cli.options import EXIT_NOT_RUN, EXIT_PARTIAL_FAILURE, EXIT_SUCCESS, ApiUrl, JobId, Json
from safelight.cli.wiring import Finding, Wiring, connect

if TYPE_CHECKING:
    from safelight.cli.receipt_evidence import Evidence

EXAMPLES = """Examples:

safelight verify 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight verify 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --receipt receipt.json --json

safelight verify 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --asset logo=logo.png"""

#: States of findings. ``worker.receipt_check`` defines them.
SUCCESS_STATES, NOT_DONE = frozenset({"same", "other"}), "not-done"


def verify(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    job_id: JobId,
    receipt: Annotated[
        Path | None,
        typer.Option(
            "--receipt",
            metavar="FILE",
            help="Verify against this saved receipt instead of the receipt that the API returns.",
        ),
    ] = None,
    assets: Annotated[
        list[str] | None,
        typer.Option(
            "--asset", metavar="NAME=FILE", help="Name and file of an asset that the pipeline uses. Repeatable."
        ),
    ] = None,
    pixels: Annotated[
        bool,
        typer.Option("--pixels", help="Also accept a new result whose file differs, if all its pixels are the same."),
    ] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Verify a job's images against its receipt.

    The command compares the stored images with the receipt. It also processes the raw image again on this machine, and
    compares the digests of the new results with the receipt. It needs the extra `local`.

    The exit code is 0 if everything matches, 1 if something differs or is missing, also the job, and 2 if the job could
    not be verified.
    """
    from safelight.cli.receipt_evidence import collect_evidence  # noqa: PLC0415 - --help must not wait for httpx

    wiring: Wiring = context.obj
    asset_files = _read_assets(assets or [])
    with connect(context, api_url) as client:
        evidence = collect_evidence(client, job_id, receipt)
    findings = wiring.verify(evidence.document, evidence.raw, evidence.outputs, asset_files)
    _print_findings(job_id, evidence, findings, as_json=as_json)
    raise typer.Exit(_choose_exit_code(evidence, findings, pixels=pixels))


def _read_assets(values: list[str]) -> dict[str, bytes]:
    files = {}
    for each in values:
        name, sign, file = each.partition("=")
        try:
            files[name] = Path(file).read_bytes() if sign else b""
        except OSError as error:
            raise typer.BadParameter(f"{file} can't be read ({error.strerror or error}).") from error
        if not sign:
            raise typer.BadParameter(f"--asset needs NAME=FILE, not {each!r}.")
    return files


def _print_findings(job_id: str, evidence: "Evidence", findings: list[Finding], *, as_json: bool) -> None:
    from safelight.cli.rendering import documents, tables  # noqa: PLC0415 - see above

    lines = [{"what": each.what, "state": str(each.state), "detail": each.detail} for each in findings]
    if _is_replaced(evidence):
        lines.insert(
            0, {"what": "receipt", "state": "changed", "detail": f"the API's digest is {evidence.current_digest}"}
        )
    if as_json:
        documents.print_document({"id": job_id, "findings": lines})
        return
    console = Console()
    rows = [
        (line["what"], line["state"], _shorten_digests(line["detail"]) if console.is_terminal else line["detail"])
        for line in lines
    ]
    tables.print_rows(("Checked", "State", "Detail"), rows, console)


def _shorten_digests(detail: str) -> str:
    """Shorten SHA-256 digests, so that they fit into a line of a terminal."""
    return re.sub(r"\b([0-9a-f]{16})[0-9a-f]{48}\b", r"\1…", detail)


def _is_replaced(evidence: "Evidence") -> bool:
    """Return True if the receipt that the API returns differs from the verified receipt."""
    return evidence.current_digest is not None and evidence.current_digest != evidence.document.get("digest")


def _choose_exit_code(evidence: "Evidence", findings: list[Finding], *, pixels: bool) -> int:
    accepted = SUCCESS_STATES | ({"equal-pixels"} if pixels else set())
    rejected = {str(each.state) for each in findings} - accepted
    if _is_replaced(evidence) or rejected - {NOT_DONE}:
        return EXIT_PARTIAL_FAILURE
    return EXIT_NOT_RUN if rejected else EXIT_SUCCESS
