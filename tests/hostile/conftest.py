"""Settings of the tests with hostile files."""

from support import slow_machines  # noqa: F401 - settings of hypothesis
