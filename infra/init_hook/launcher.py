"""Deploy Safelight when this container is ready. ``safelight init-hook`` has written this folder.

LocalStack runs this file with ``exec``, without a name of its own, and MiniStack as a program. The archive beside it
runs in a process of its own, with the same interpreter, because that one has botocore.
"""

import os
import subprocess
import sys
from pathlib import Path

ARCHIVE = "safelight.pyz"
#: Where containers mount hooks, if the engine does not say which file it runs.
FOLDERS = ("/etc/localstack/init/ready.d", "/docker-entrypoint-initaws.d/ready.d")


def find_archive() -> Path:
    """Return the path of the archive. Raises FileNotFoundError."""
    own = globals().get("__file__")
    frame = sys._getframe()  # noqa: SLF001 - to find the variable of LocalStack's runner that has the name of this file
    while own is None and frame.f_back is not None:
        frame = frame.f_back
        own = frame.f_locals.get("path")
    for folder in (Path(own or ".").parent, *map(Path, FOLDERS)):
        if (folder / ARCHIVE).is_file():
            return folder / ARCHIVE
    raise FileNotFoundError(f"{ARCHIVE} is in none of {', '.join(FOLDERS)}.")


def find_endpoint() -> str:
    """Return the URL of the engine in this container."""
    try:
        from localstack import config  # noqa: PLC0415 - only in LocalStack's own interpreter
    except ImportError:
        return "http://127.0.0.1:4566"
    return str(config.internal_service_url())


def run() -> None:
    """Run the archive. Raises CalledProcessError if it fails, which the engine reports."""
    environment = {"AWS_ENDPOINT_URL": find_endpoint(), **os.environ}
    subprocess.run([sys.executable, str(find_archive())], env=environment, check=True)


if not __name__.startswith("infra."):  # not imported
    run()
