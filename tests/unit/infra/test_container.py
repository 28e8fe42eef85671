"""The one-shot container: it waits, deploys beside the engine, and tells the host's addresses."""

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
        *("NotifierFunctionName", "WebhookFunctionName"),
    )
}
ENGINE, PUBLIC = "http://localstack:4566", "http://127.0.0.1:4999"


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Replace the engine; return what the stack is given."""
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


def test_it_prints_what_the_host_can_reach(
    deployed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The addresses are those of the host, while the deployment goes to the engine's name in the network."""
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
def test_a_fault_is_one_sentence_and_a_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An engine that does not come up ends the container with its sentence and code 1."""

    def fail(_: str) -> None:
        raise SetupError("The engine is out of film.")

    monkeypatch.setattr(container, "wait_for_engine", fail)
    assert container.main() == 1
    assert capsys.readouterr() == ("", "The engine is out of film.\n")


def test_an_engine_that_never_answers_is_named() -> None:
    """After the time is up the sentence has the address and the last fault."""
    with pytest.raises(SetupError, match=r"The engine at http://127\.0\.0\.1:9 is not healthy after 0 s"):
        container.wait_for_engine("http://127.0.0.1:9", seconds=0)
