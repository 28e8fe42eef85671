"""The commands: what they print, and how they end."""

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
    """A state directory of the test's own."""
    monkeypatch.setenv(commands.STATE_VARIABLE, str(tmp_path))
    return tmp_path


def test_json_is_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --json standard output is the stack and standard error is silent."""
    monkeypatch.setattr(local_stack, "up", lambda *_, report, **__: report("working") or STACK)
    result = runner.invoke(commands.app, ["up", "--json"])
    assert result.exit_code == 0
    assert Stack(**json.loads(result.stdout)) == STACK
    assert result.stderr == ""


def test_up_tells_its_steps_and_the_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off a terminal the steps are plain lines, apart from the result."""
    monkeypatch.setattr(local_stack, "up", lambda *_, report, **__: report("working") or STACK)
    result = runner.invoke(commands.app, ["up"])
    assert result.stderr == "working\n"
    assert STACK.api_url in result.stdout


def test_a_fault_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An expected fault ends with code 2 and its sentence, never with a traceback."""

    def fail(*_: object, **__: object) -> None:
        raise SetupError("The engine is out of film.")

    monkeypatch.setattr(local_stack, "up", fail)
    result = runner.invoke(commands.app, ["up", "--json"])
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "The engine is out of film.\n")


def test_an_unusable_folder_is_one_sentence(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory that can't be made is an expected fault too."""
    (state / "file").touch()
    monkeypatch.setenv(commands.STATE_VARIABLE, str(state / "file" / "below"))
    result = runner.invoke(commands.app, ["up", "--json"])
    assert result.exit_code == 2
    assert result.stderr.startswith("The state directory can't be used")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--json"], "add --yes"), (["--yes", "--parameter", "LinkSeconds"], "must be NAME=VALUE")],
)
def test_deploy_refuses_what_it_cannot_do(arguments: list[str], sentence: str) -> None:
    """A deployment that could not ask, or would not understand, does not begin."""
    result = runner.invoke(commands.app, ["deploy", *arguments])
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_destroy_needs_a_yes(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is deleted on anything but a yes."""
    monkeypatch.setattr(aws_account, "destroy_aws", lambda _: pytest.fail("deleted"))
    assert runner.invoke(commands.app, ["destroy"], input=answer).exit_code == 1


@pytest.mark.parametrize(("level", "code"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_doctor_fails_only_on_a_failure(level: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning is no reason to stop a script; a failure is."""
    findings = [doctor.Finding(doctor.Level(level), "the lamp [red]")]
    monkeypatch.setattr(doctor, "diagnose", lambda _: findings)
    result = runner.invoke(commands.app, ["doctor"])
    assert (result.exit_code, result.stdout) == (code, f"{level:<5}the lamp [red]\n")


def test_doctor_finds_this_set_up_well(state: Path) -> None:
    """Where the tests run, everything that the embedded engine needs is there."""
    assert not [finding for finding in doctor.diagnose(state) if finding.level is doctor.Level.FAIL]


def test_doctor_sees_a_dead_engine(state: Path) -> None:
    """A record whose process is gone is a warning that says what to do."""
    (state / "engine.json").write_text('{"port": 1, "pid": 1, "created": 1.0}')
    texts = [finding.text for finding in doctor.diagnose(state) if finding.level is doctor.Level.WARN]
    assert any("has stopped unexpectedly; run `safelight up`" in text for text in texts)
