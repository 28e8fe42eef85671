"""The command: what it prints, where, and with which exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from typer.testing import CliRunner, Result

from safelight.cli.app import app
from safelight.cli.command_group import load_command
from safelight.cli.commands import COMMANDS

Invoke = Callable[..., Result]
PNG = b"\x89PNG\r\n\x1a\n"
HEAVY = {"httpx", "pydantic", "rich.progress", "boto3", "PIL", "aws_lambda_powertools"}


def query_of(api: Any) -> dict[str, list[str]]:
    """Read the first request's query as a server would."""
    return parse_qs(urlsplit(str(api.requests[0].url)).query)


def test_submit_prints_a_line_per_file(invoke: Invoke, picture: Path) -> None:
    """Off a terminal, each job is a line of its own with tabs between the fields."""
    result = invoke("submit", picture)
    assert result.exit_code == 0
    assert result.stdout == f"{picture}\tJOB00000\tPENDING\n"
    assert result.stderr == ""


def test_one_bad_file_does_not_stop_the_others(invoke: Invoke, api: Any, picture: Path, tmp_path: Path) -> None:
    """Good files become jobs, each bad one is explained, and the exit code says that not all went well."""
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.png").write_text("no picture")
    names = ["missing.png", "empty.png", "folder", "text.png", picture.name]
    result = invoke("submit", *names, "--parallel", "2")
    assert result.exit_code == 1
    assert len(api.jobs) == 1
    for says in ("missing.png does not exist", "empty.png is empty", "folder is a folder", "UNSUPPORTED_TYPE"):
        assert says in result.stdout
    assert result.stderr == "4 of 5 files failed.\n"


def test_submit_json(invoke: Invoke, picture: Path) -> None:
    """For machines there is one document, with the files in the order in which they were given."""
    result = invoke("submit", picture, "missing.png", picture, "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["succeeded"], document["failed"]) == (2, 1)
    assert [each["file"] for each in document["files"]] == [str(picture), "missing.png", str(picture)]
    good, bad, _ = document["files"]
    assert (good["ok"], good["error"], good["saved"], good["job"]["status"]) == (True, None, [], "PENDING")
    assert (bad["ok"], bad["job"]) == (False, None)
    assert bad["error"] == {"code": "LOCAL_FILE", "message": "missing.png does not exist."}


def test_submit_waits_and_downloads(invoke: Invoke, picture: Path, tmp_path: Path) -> None:
    """With --out the results are in that folder, which is made, under the images' names."""
    result = invoke("submit", picture, "--out", "results/today")
    saved = Path("results/today/holiday.png")
    assert result.exit_code == 0
    assert saved.read_bytes().startswith(b"pixels")
    assert result.stdout == f"{picture}\tJOB00000\tCOMPLETED\t{saved}\n"
    assert list((tmp_path / "results" / "today").iterdir()) == [tmp_path / saved]


def test_results_of_one_name_do_not_overwrite_each_other(invoke: Invoke, picture: Path, tmp_path: Path) -> None:
    """Two images of one name from two folders end as two results."""
    other = tmp_path / "other" / "HOLIDAY.jpg"
    other.parent.mkdir()
    other.write_bytes(picture.read_bytes())
    assert invoke("submit", picture, other, "--out", "results").exit_code == 0
    assert len(list((tmp_path / "results").iterdir())) == 2


def test_a_job_that_fails_is_told_when_waited_for(invoke: Invoke, tmp_path: Path) -> None:
    """With --wait, a failed job is a failed file."""
    bad = tmp_path / "not-a-picture.png"
    bad.write_bytes(PNG + b"text")
    assert invoke("submit", bad).exit_code == 0
    result = invoke("submit", bad, "--wait")
    assert result.exit_code == 1
    assert "FAILED NOT_AN_IMAGE\tThe file is not an image." in result.stdout


def test_a_job_that_takes_too_long_is_told_with_its_id(invoke: Invoke, picture: Path) -> None:
    """The job's ID is not lost when patience is."""
    result = invoke("submit", picture, "--wait", "--timeout", "0")
    assert result.exit_code == 1
    assert "JOB00000" in result.stdout
    assert "continues to run" in result.stdout


def test_the_short_options_are_sent(invoke: Invoke, api: Any, picture: Path) -> None:
    """Each short option becomes the query parameter of that name; what was not asked is not sent."""
    invoke(
        "submit",
        picture,
        *["--width", "30", "--height", "40", "--fit", "cover", "--format", "webp", "--quality", "80", "--color"],
    )
    asked = {name: value for name, (value,) in query_of(api).items()}
    assert asked == {
        "filename": "holiday.png",
        "width": "30",
        "height": "40",
        "fit": "cover",
        "format": "webp",
        "quality": "80",
        "grayscale": "false",
    }


def test_a_pipeline_comes_as_text_or_file(invoke: Invoke, api: Any, picture: Path, tmp_path: Path) -> None:
    """The pipeline may stand on the command line or in a file."""
    (tmp_path / "p.json").write_text('{"operations": []}')
    invoke("submit", picture, "--pipeline", '{"operations":  []}')
    invoke("submit", picture, "--pipeline", "@p.json")
    assert query_of(api)["pipeline"] == ['{"operations":[]}']
    assert api.requests[0].url.query == api.requests[1].url.query


@pytest.mark.parametrize(
    "options",
    [
        ["--pipeline", "{"],
        ["--pipeline", "[]"],
        ["--pipeline", "@missing.json"],
        ["--pipeline", "{}", "--width", "3"],
        ["--width", "0"],
        ["--quality", "101"],
        ["--fit", "round"],
        ["--parallel", "0"],
    ],
)
def test_wrong_options_are_refused_before_anything_is_sent(
    invoke: Invoke, api: Any, picture: Path, options: list[str]
) -> None:
    """The exit code is that of a command that could not run."""
    result = invoke("submit", picture, *options)
    assert result.exit_code == 2
    assert result.stderr
    assert api.requests == []


def test_an_api_that_is_away_is_told_once(invoke: Invoke, api: Any, picture: Path) -> None:
    """Without an API no file can be sent, so the others are not even tried: exit code 2."""
    api.answers = [httpx.ConnectError("[Errno 111] Connection refused")] * 5
    result = invoke("submit", picture, picture, picture, "--parallel", "1")
    assert result.exit_code == 2
    assert len(api.requests) == 5
    assert "http://api.test/v1 can't be reached (Connection refused)." in result.stdout


def test_names_can_not_write_on_the_terminal(invoke: Invoke, tmp_path: Path) -> None:
    """Control characters in names are shown, not obeyed."""
    path = tmp_path / "a\x1b[31m\n\u202eb[red].png"
    path.write_bytes(PNG + b"x")
    result = invoke("submit", path)
    assert result.exit_code == 0
    assert r"a\x1b[31m\n\u202eb[red].png" in result.stdout
    assert result.stdout.count("\n") == 1


def test_status_prints_jobs_and_explains_the_missing(invoke: Invoke, picture: Path) -> None:
    """Jobs go to standard output, complaints to standard error, and code 1 says that there were some."""
    invoke("submit", picture, "--wait")
    result = invoke("status", "JOB00000", "nope")
    assert result.exit_code == 1
    assert result.stdout == "JOB00000\tCOMPLETED\tholiday.png\t18 B\t4 B 2×1\t1.50 s\n"
    assert result.stderr == "nope: The job does not exist. (JOB_NOT_FOUND, request r-1)\n"


def test_status_json(invoke: Invoke, picture: Path) -> None:
    """Jobs and errors come in one document; the API's own fields are all there."""
    invoke("submit", picture)
    result = invoke("status", "JOB00000", "nope", "--json")
    document = json.loads(result.stdout)
    assert document["jobs"][0]["news"] == "a field that this client does not know"
    assert document["errors"][0].items() >= {"id": "nope", "code": "JOB_NOT_FOUND", "status": 404}.items()


def test_status_of_a_failed_job_is_a_success(invoke: Invoke, tmp_path: Path) -> None:
    """The question was answered, so the exit code is 0."""
    bad = tmp_path / "not-a-picture.png"
    bad.write_bytes(PNG + b"text")
    invoke("submit", bad, "--wait")
    assert invoke("status", "JOB00000").exit_code == 0


@pytest.mark.parametrize("command", [["status", "x"], ["list"], ["result", "x"]])
def test_an_api_that_is_away_is_a_sentence(invoke: Invoke, api: Any, command: list[str]) -> None:
    """Every command says in one line that the API can't be reached."""
    api.answers = [httpx.ConnectError("refused")] * 5
    result = invoke(*command)
    assert result.exit_code == 2
    assert result.stderr.endswith("http://api.test/v1 can't be reached (refused).\n")
    assert result.stderr.count("\n") == 1


def test_list_is_limited_and_filtered(invoke: Invoke, picture: Path) -> None:
    """The list has one line a job; a status may be written in lower case."""
    invoke("submit", picture, picture, picture, "--wait")
    invoke("submit", picture)
    assert len(invoke("list", "--limit", "2").stdout.splitlines()) == 2
    assert len(invoke("list", "--status", "completed").stdout.splitlines()) == 3
    document = json.loads(invoke("list", "--json").stdout)
    assert len(document["jobs"]) == 4
    assert document["errors"] == []


def test_an_empty_list_is_no_error(invoke: Invoke) -> None:
    """No jobs, no lines."""
    result = invoke("list")
    assert (result.exit_code, result.stdout) == (0, "")


def test_result_goes_to_the_current_folder(invoke: Invoke, picture: Path, tmp_path: Path) -> None:
    """Without -o the image's own name is used, and a file of that name is not replaced."""
    invoke("submit", picture, "--wait")
    before = picture.read_bytes()
    refused = invoke("result", "JOB00000")
    assert (refused.exit_code, picture.read_bytes()) == (2, before)
    assert refused.stderr == "holiday.png is there already; name the file with -o.\n"
    picture.unlink()
    assert invoke("result", "JOB00000").stdout == "holiday.png (26 B)\n"
    assert (tmp_path / "holiday.png").exists()


def test_result_goes_where_it_is_wanted(invoke: Invoke, picture: Path, tmp_path: Path) -> None:
    """-o takes a file, a folder, or standard output."""
    invoke("submit", picture, "--wait")
    (tmp_path / "folder").mkdir()
    document = json.loads(invoke("result", "JOB00000", "-o", "a.png", "--json").stdout)
    assert document == {"id": "JOB00000", "output": None, "file": "a.png", "size": 26}
    assert invoke("result", "JOB00000", "-o", "folder", "--output", "image").exit_code == 0
    assert (tmp_path / "folder" / "holiday.png").read_bytes().endswith(b"/image")
    assert invoke("result", "JOB00000", "-o", "-").stdout_bytes == b"pixels of /JOB00000/result"


def test_result_can_be_a_link(invoke: Invoke, picture: Path) -> None:
    """--link prints the address alone, whole, for other programs to fetch."""
    invoke("submit", picture, "--wait")
    assert invoke("result", "JOB00000", "--link").stdout == "http://store.test/JOB00000/result?secret=1\n"
    assert json.loads(invoke("result", "JOB00000", "--link", "--json").stdout)["url"].startswith("http://store.test/")


def test_a_result_that_is_not_there_is_a_sentence(invoke: Invoke, tmp_path: Path) -> None:
    """A failed job's result is refused in the API's words."""
    bad = tmp_path / "not-a-picture.png"
    bad.write_bytes(PNG + b"text")
    invoke("submit", bad, "--wait")
    result = invoke("result", "JOB00000", "-o", "x.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "The job has no result. (JOB_FAILED)\n"


def test_without_an_address_the_way_to_one_is_told() -> None:
    """A new user is told about `safelight up`."""
    result = CliRunner().invoke(app, ["list"])
    assert result.exit_code == 2
    assert "run `safelight up`" in result.stderr


@pytest.mark.parametrize("command", [row.name for row in COMMANDS])
def test_every_command_has_help(command: str) -> None:
    """--help works on each command."""
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_a_command_loads_under_its_name(row: Any) -> None:
    """Each row of the table names a module that has the command."""
    assert load_command(row).help


@pytest.mark.parametrize("command", ["demo", "submit", "status", "result", "list"])
def test_help_has_examples(command: str) -> None:
    """Each command of the client shows how it is used."""
    assert f"safelight {command}" in CliRunner().invoke(app, [command, "--help"]).output.split("Examples:")[1]


def test_a_terminal_without_unicode_is_served(picture: Path, tmp_path: Path) -> None:
    """Where the encoding lacks a character, its number is printed instead of a traceback."""
    path = picture.rename(tmp_path / "ü😀.png")
    command = [sys.executable, "-m", "safelight", "submit", str(path / "missing"), "--api-url", "http://127.0.0.1:9/v1"]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, capture_output=True, encoding="latin-1", check=False, env=environment)
    assert done.returncode == 1
    assert r"\U0001f600.png" in done.stdout


def test_help_loads_nothing_heavy() -> None:
    """`safelight --help` answers before httpx, pydantic and the AWS libraries would be loaded."""
    code = (
        "import sys\nfrom safelight.cli.app import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        f"print('loaded:', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_a_client_without_infra_says_what_to_install() -> None:
    """Where the libraries for local engines are missing, the client works and the rest explains itself."""
    code = (
        "import sys\nsys.modules['infra'] = None\n"
        "from safelight.cli.app import app\n"
        "try: app(sys.argv[1:])\nexcept SystemExit as end: print(end.code)"
    )
    for command in ("up", "demo"):
        done = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True, check=True)
        assert done.stdout == "2\n"
        assert "needs a checkout" in done.stderr
        assert "`make up`" in done.stderr
        assert done.stderr.count("\n") == 1
    done = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True, check=True)
    assert "No Safelight is known here" in done.stderr
