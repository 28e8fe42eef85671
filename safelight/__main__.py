"""``python -m safelight`` is the ``safelight`` command, for where scripts are not on the path."""

from safelight.cli.app import app

app(prog_name="safelight")
