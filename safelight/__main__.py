"""Run the ``safelight`` command with ``python -m safelight``."""

from safelight.cli.app import app

app(prog_name="safelight")
