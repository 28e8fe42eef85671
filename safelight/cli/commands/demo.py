"""``safelight demo``: a local stack, a handful of images, and what became of them."""

from pathlib import Path
from typing import Annotated

import typer

from safelight.address import find_state_dir
from safelight.cli.options import ALL_WELL, SOME_FAILED, Json
from safelight.cli.wiring import Wiring

EXAMPLES = """Examples:

safelight demo

safelight demo --out /tmp/pictures --json"""


def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the results go.")] = Path("demo-results"),
    as_json: Json = False,
) -> None:
    """Start a local Safelight if none runs, and put a handful of images through it.

    One of them is no image at all, to show how that ends.
    """
    from safelight.cli.demo import run_demo  # noqa: PLC0415 - --help must not wait for httpx and rich

    wiring: Wiring = context.obj
    stack = wiring.start_engine(find_state_dir(), lambda line: typer.echo(line, err=as_json))
    with wiring.connect(stack.api_url) as client:
        as_expected = run_demo(client, out=out, ui_url=stack.ui_url, as_json=as_json)
    raise typer.Exit(ALL_WELL if as_expected else SOME_FAILED)
