"""The infra commands: output and exit codes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra import commands, doctor, local_stack
from infra.deployment import aws_account
from infra.engines import compose, embedded, localstack
from infra.engines.record import EnginePaths, EngineRecord
from infra.errors import SetupError
from infra.stack import Stack

STACK = Stack(
    engine="embedded",
    endpoint_url="http://127.0.0.1:4566",
    api_url="http://127.0.0.1:4566/_aws/execute-api/a/prod/v1",
    ui_url="http://127.0.0.1:4566/_aws/execute-api/a/prod/v1/docs",
    bucket="bucket",
    table="table",
    queue_url="jobs",
    bulk_queue_url="bulk",
    dead_letter_queue_url="dead",
    functions={"api": "a", "worker": "w", "dead_letters": "d"},
)
runner = CliRunner()


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory for one test."""
    monkeypatch.setenv(commands.STATE_VARIABLE, str(tmp_path))
    return tmp_path


def test_json_prints_only_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --json, standard output is the stack and standard error is empty."""
    monkeypatch.setattr(local_stack, "up", lambda *_, report, **__: report("working") or STACK)
    result = runner.invoke(commands.app, ["up", "--json"])
    assert result.exit_code == 0
    assert Stack(**json.loads(result.stdout)) == STACK
    assert result.stderr == ""


def test_up_prints_steps_and_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal, steps are plain lines on standard error."""
    monkeypatch.setattr(local_stack, "up", lambda *_, report, **__: report("working") or STACK)
    result = runner.invoke(commands.app, ["up"])
    assert result.stderr == "working\n"
    assert STACK.api_url in result.stdout


def test_parameters_are_remembered(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later commands deploy with them too, until they are reset. A failed deployment changes nothing."""
    deployed: list[dict[str, str]] = []

    def deploy_to_engine(*arguments: Any) -> None:
        deployed.append(dict(arguments[3]))
        raise SetupError("enough")

    def up(*arguments: str) -> dict[str, str]:
        with pytest.raises(SetupError, match="enough"):
            local_stack.up(state, report=lambda _: None)
        assert runner.invoke(commands.app, ["up", *arguments]).exit_code == 2
        return deployed[-1]

    engine = replace(local_stack.ENGINES["embedded"], start=lambda *_: "http://e", packages=lambda _: {})
    monkeypatch.setattr(local_stack, "ENGINES", {"embedded": engine})
    monkeypatch.setattr(local_stack, "deploy_to_engine", deploy_to_engine)
    assert up("--parameter", "UiOrigins=http://a.test", "--parameter", "LinkSeconds=60")["LinkSeconds"] == "60"
    assert local_stack.read_parameters(state) == {}
    monkeypatch.setattr(local_stack, "up", lambda *_, **__: STACK)
    for arguments in (["LinkSeconds=60"], ["UiOrigins=http://a.test?x=1", "--parameter", "LogLevel="]):
        assert runner.invoke(commands.app, ["up", "--parameter", *arguments]).exit_code == 0
    monkeypatch.undo()
    monkeypatch.setenv(commands.STATE_VARIABLE, str(state))
    monkeypatch.setattr(local_stack, "ENGINES", {"embedded": engine})
    monkeypatch.setattr(local_stack, "deploy_to_engine", deploy_to_engine)
    found = up()
    assert (found["LinkSeconds"], found["UiOrigins"], found["LogLevel"]) == ("60", "http://a.test?x=1", "")
    assert up("--reset-parameters")["UiOrigins"] == "*"
    assert "LinkSeconds" not in deployed[-1]


def test_damaged_parameters_are_reported(state: Path) -> None:
    """Deploying with other parameters than the user's would be worse."""
    (state / "parameters.json").write_text("[]")
    with pytest.raises(SetupError, match="damaged"):
        local_stack.read_parameters(state)


@pytest.mark.parametrize(
    ("engine", "is_running", "step"),
    [
        ("embedded", False, "starting the embedded engine"),
        ("embedded", True, "the embedded engine is already running"),
        ("localstack", False, "starting LocalStack"),
        ("localstack", True, "LocalStack is already running"),
    ],
)
def test_up_starts_only_an_engine_that_does_not_run(
    engine: str, is_running: bool, step: str, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first step shows which of the two happens."""
    steps: list[str] = []

    def stop(*_: object) -> str:
        raise SetupError("enough")

    fake = replace(local_stack.ENGINES[engine], is_running=lambda *_: is_running, start=stop, parameters=dict)
    monkeypatch.setattr(local_stack, "ENGINES", {engine: fake})
    with pytest.raises(SetupError, match="enough"):
        local_stack.up(state, engine, report=steps.append)
    assert steps == [step]


def test_embedded_engine_with_other_settings_is_restarted(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine runs as requested only if its environment has the same settings."""
    EngineRecord(1, environment={"A": "1"}).save(EnginePaths.below(state).record)
    monkeypatch.setattr(embedded, "is_running", lambda _: True)
    assert embedded.is_running_with(state, {"A": "1"})
    assert not embedded.is_running_with(state)


def test_an_expected_error_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An expected error exits with code 2 and a sentence, without a traceback."""

    def fail(*_: object, **__: object) -> None:
        raise SetupError("The engine is out of film.")

    monkeypatch.setattr(local_stack, "up", fail)
    result = runner.invoke(commands.app, ["up", "--json"])
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "The engine is out of film.\n")


def test_an_unusable_state_directory_is_one_sentence(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory that cannot be created is an expected error."""
    (state / "file").touch()
    monkeypatch.setenv(commands.STATE_VARIABLE, str(state / "file" / "below"))
    result = runner.invoke(commands.app, ["up", "--json"])
    assert result.exit_code == 2
    assert result.stderr.startswith("The state directory can't be used")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--json"], "add --yes"), (["--yes", "--parameter", "LinkSeconds"], "must be NAME=VALUE")],
)
def test_deploy_refuses_invalid_options(arguments: list[str], sentence: str) -> None:
    """A deployment that cannot ask for confirmation, or cannot read a parameter, does not start."""
    result = runner.invoke(commands.app, ["deploy", *arguments])
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_destroy_needs_confirmation(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is deleted without a yes."""
    monkeypatch.setattr(aws_account, "destroy_aws", lambda _: pytest.fail("deleted"))
    assert runner.invoke(commands.app, ["destroy"], input=answer).exit_code == 1


@pytest.mark.parametrize(("level", "code"), [("ok", 0), ("optional", 0), ("warn", 0), ("fail", 1)])
def test_doctor_exits_with_1_only_on_a_failure(level: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning keeps exit code 0."""
    findings = [doctor.Finding(doctor.Level(level), "the lamp [red]")]
    monkeypatch.setattr(doctor, "diagnose", lambda _: findings)
    result = runner.invoke(commands.app, ["doctor"])
    assert (result.exit_code, result.stdout) == (code, f"{level:<9}the lamp [red]\n")


def test_doctor_marks_missing_docker_as_optional(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded engine does not need LocalStack, but a missing program is not OK either."""
    monkeypatch.setattr(localstack, "find_running", lambda: None)
    monkeypatch.setattr(compose, "find_missing", lambda: "Docker is not installed.")
    (finding,) = (each for each in doctor.diagnose(state) if "LocalStack" in each.text)
    assert (finding.level, "Docker is not installed." in finding.text) == (doctor.Level.OPTIONAL, True)


def test_doctor_accepts_the_test_environment(state: Path) -> None:
    """The test environment has everything that the embedded engine needs."""
    assert not [finding for finding in doctor.diagnose(state) if finding.level is doctor.Level.FAIL]


def test_doctor_warns_of_a_dead_engine(state: Path) -> None:
    """A record without its process is a warning that says what to do."""
    (state / "engine.json").write_text('{"port": 1, "pid": 1, "created": 1.0}')
    texts = [finding.text for finding in doctor.diagnose(state) if finding.level is doctor.Level.WARN]
    assert any("has stopped unexpectedly; run `safelight up`" in text for text in texts)
