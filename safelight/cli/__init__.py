"""The ``safelight`` command."""
