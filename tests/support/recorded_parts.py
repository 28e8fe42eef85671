"""The ``safelight`` command, which records the parts of uploads that it sends: ``python -m support.recorded_parts``.

For each request that sends the part N, it appends ``start N``, and ``end N`` or ``failed N``, to the file that
``RECORDED_PARTS`` names. If ``HELD_PART`` is ``before N`` or ``after N``, it appends this line at that moment, and
waits once for ``continue``.
"""

import os
import time
from pathlib import Path
from typing import Any

from safelight.cli.app import app
from safelight.errors import ClientError
from safelight.transport import upload_form

FILE = Path(os.environ["RECORDED_PARTS"])


def record(line: str) -> None:
    """Append a line."""
    with FILE.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def hold(moment: str) -> None:
    """Wait if the command is held at this moment."""
    if moment == os.environ.get("HELD_PART") and "continue\n" not in FILE.read_text("utf-8"):
        record(moment)
        while "continue\n" not in FILE.read_text("utf-8"):
            time.sleep(0.02)


def main() -> None:
    """Run the command."""
    send_part = upload_form.send_part

    def send(part: Any, *more: Any) -> None:
        record(f"start {part.number}")
        hold(f"before {part.number}")
        try:
            send_part(part, *more)
        except ClientError:  # no answer within the time of the client, which sends the part again
            record(f"failed {part.number}")
            raise
        hold(f"after {part.number}")
        record(f"end {part.number}")

    vars(upload_form)["send_part"] = send
    app(prog_name="safelight")


if __name__ == "__main__":
    main()
