"""The one-shot container: it waits for the engine, deploys and prints addresses for the host."""

import json
from pathlib import Path

import pytest

from infra import container, local_stack
from infra.engines import localstack
from infra.errors import SetupError

OUTPUTS = {
    name: name
    for name in (
        *(
            "ApiId",
            "StageName",
            "ImageBucketName",
            "UiBucketName",
            "TableName",
            "JobQueueUrl",
            "BulkQueueUrl",
            "DeadLetterQueueUrl",
        ),
        *("ApiFunctionName", "WorkerFunctionName", "DeadLetterFunctionName", "ReconcilerFunctionName"),
        *("WalkerFunctionName", "UploadFunctionName", "NotifierFunctionName", "WebhookFunctionName"),
    )
}
ENGINE, PUBLIC = "http://localstack:4566", "http://127.0.0.1:4999"


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Replace the engine; return the parameters of the stack."""
    given: dict[str, str] = {}

    def deploy_on(url: str, _name: str, _packages: object, parameters: dict[str, str], _report: object) -> object:
        assert url == ENGINE
        given.update(parameters)
        return {"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]}

    monkeypatch.setenv("ENGINE_URL", ENGINE)
    monkeypatch.setenv("PUBLIC_URL", PUBLIC)
    monkeypatch.setattr(container, "wait_for_engine", lambda _: None)
    monkeypatch.setattr(localstack, "build_packages", lambda _: {})
    monkeypatch.setattr(local_stack, "deploy_to_engine", deploy_on)
    monkeypatch.setattr(local_stack, "wait_until_healthy", lambda _: None)
    return given


def test_it_prints_addresses_for_the_host(
    deployed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The addresses are for the host; the deployment uses the engine's name in the network."""
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    monkeypatch.setattr(container, "STATE", tmp_path)
    assert container.main() == 0
    printed = capsys.readouterr().out
    assert f"{PUBLIC}/_aws/execute-api/ApiId/StageName/v1" in printed
    assert "localstack:4566" not in printed
    assert json.loads((tmp_path / "stack.json").read_text())["endpoint_url"] == PUBLIC
    assert deployed["LogLevel"] == "DEBUG"
    assert deployed["PublicEndpointUrl"] == "caller"


@pytest.mark.usefixtures("deployed")
def test_an_engine_that_does_not_start_ends_the_container(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a sentence and exit code 1."""

    def fail(_: str) -> None:
        raise SetupError("The engine is out of film.")

    monkeypatch.setattr(container, "wait_for_engine", fail)
    assert container.main() == 1
    assert capsys.readouterr() == ("", "The engine is out of film.\n")


def test_a_timeout_names_the_engine() -> None:
    """The message has the address and the last error."""
    with pytest.raises(SetupError, match=r"The engine at http://127\.0\.0\.1:9 is not healthy after 0 s"):
        container.wait_for_engine("http://127.0.0.1:9", seconds=0)
