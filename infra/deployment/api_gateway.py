"""Checks of the account's settings of API Gateway before a deployment."""

from collections.abc import Mapping

from infra.errors import SetupError
from infra.sessions import Clients


def check_access_logs(clients: Clients, values: Mapping[str, str]) -> None:
    """Check that API Gateway can write access logs, if the parameters turn them on.

    The role is a setting of the whole account and region, so the template does not change it. Raises SetupError if it
    is missing.
    """
    if values["AccessLogs"] == "true" and not clients.connect("apigateway").get_account().get("cloudwatchRoleArn"):
        raise SetupError(
            f"AccessLogs=true needs a role with which API Gateway writes logs, and the account has none in "
            f"{clients.region}. docs/deploy.md shows how to set it (Access logs). Or set AccessLogs=false."
        )
