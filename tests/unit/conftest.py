"""Settings of the unit tests."""

from support import slow_machines  # noqa: F401 - settings of hypothesis
