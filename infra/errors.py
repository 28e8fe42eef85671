"""Expected errors of starting an engine or deploying a stack."""


class SetupError(Exception):
    """An expected error. Its message is one sentence that says what to do."""


def describe_unusable_state(error: OSError) -> str:
    """Return what is wrong with the state directory, and what to do."""
    reason = f"{error.filename} ({error.strerror})" if error.filename else str(error)
    return (
        f"The state directory can't be used: {reason}. Run the command in a folder that you can write to, or set "
        "SAFELIGHT_STATE_DIR to one."
    )
