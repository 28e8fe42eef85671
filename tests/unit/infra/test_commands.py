"""The infra commands: output and exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra import commands, doctor, local_stack
from infra.deployment import aws_account
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


@pytest.mark.parametrize(("level", "code"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_doctor_exits_with_1_only_on_a_failure(level: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning keeps exit code 0."""
    findings = [doctor.Finding(doctor.Level(level), "the lamp [red]")]
    monkeypatch.setattr(doctor, "diagnose", lambda _: findings)
    result = runner.invoke(commands.app, ["doctor"])
    assert (result.exit_code, result.stdout) == (code, f"{level:<5}the lamp [red]\n")


def test_doctor_accepts_the_test_environment(state: Path) -> None:
    """The test environment has everything that the embedded engine needs."""
    assert not [finding for finding in doctor.diagnose(state) if finding.level is doctor.Level.FAIL]


def test_doctor_warns_of_a_dead_engine(state: Path) -> None:
    """A record without its process is a warning that says what to do."""
    (state / "engine.json").write_text('{"port": 1, "pid": 1, "created": 1.0}')
    texts = [finding.text for finding in doctor.diagnose(state) if finding.level is doctor.Level.WARN]
    assert any("has stopped unexpectedly; run `safelight up`" in text for text in texts)
