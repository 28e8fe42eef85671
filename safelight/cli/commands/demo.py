"""``safelight demo``: start a local stack and process sample images."""

from pathlib import Path
from typing import Annotated

import typer

from safelight.address import find_state_dir
from safelight.cli.options import EXIT_PARTIAL_FAILURE, EXIT_SUCCESS, Json
from safelight.cli.wiring import Wiring

EXAMPLES = """Examples:

safelight demo

safelight demo --out /tmp/results --json"""


def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")] = Path("demo-results"),
    as_json: Json = False,
) -> None:
    """Start a local stack and process sample images.

    One sample file is not an image. Its job fails, as expected.
    """
    from safelight.cli.demo import run_demo  # noqa: PLC0415 - --help must not wait for httpx and rich

    wiring: Wiring = context.obj
    stack = wiring.start_engine(find_state_dir(), lambda line: typer.echo(line, err=as_json))
    with wiring.connect(stack.api_url) as client:
        as_expected = run_demo(client, out=out, ui_url=stack.ui_url, as_json=as_json)
    raise typer.Exit(EXIT_SUCCESS if as_expected else EXIT_PARTIAL_FAILURE)
