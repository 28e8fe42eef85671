"""Who is an operator: the callers that the deployment names."""

from fnmatch import fnmatchcase

from shared.errors import Forbidden


def demand_operator(caller: str, operators: str) -> None:
    """Let an operator pass. Raises Forbidden.

    ``operators`` are patterns of callers, with commas between them, ``*`` for any characters, such as
    ``iam:arn:aws:sts::123456789012:assumed-role/Admin``. None at all means that nobody is one.
    """
    patterns = (pattern.strip() for pattern in operators.split(","))
    if not any(fnmatchcase(caller, pattern) for pattern in patterns if pattern):
        raise Forbidden("Only operators may do this.")
