"""``python -m client`` is the ``safelight`` command, for where scripts are not on the path."""

from client.cli import app

app(prog_name="safelight")
