"""Expected errors of starting an engine or deploying a stack."""


class SetupError(Exception):
    """An expected error. Its message is one sentence that says what to do."""
