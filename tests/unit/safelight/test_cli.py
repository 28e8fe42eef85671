"""The output and the exit codes of the commands."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
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
    """Return the query of the first request."""
    return parse_qs(urlsplit(str(api.requests[0].url)).query)


def test_submit_prints_one_line_per_file(invoke: Invoke, image_file: Path) -> None:
    """Without a terminal, the fields are separated by tabs."""
    result = invoke("submit", image_file)
    assert result.exit_code == 0
    assert result.stdout == f"{image_file}\tJOB00000\tPENDING\t-\t-\t-\n"
    assert result.stderr == ""


def test_every_line_of_submit_has_the_same_columns(invoke: Invoke, tmp_path: Path, image_file: Path) -> None:
    """File, job ID, status, error code, results and message, also without a job."""
    bad = tmp_path / "not-an-image.png"
    bad.write_bytes(PNG + b"text")
    (tmp_path / "text.png").write_text("no picture")
    lines = invoke("submit", image_file, bad, "missing.png", "text.png", "--out", "out").stdout.splitlines()
    rows = {Path(row[0]).name: row[1:] for row in (line.split("\t") for line in lines)}
    assert {len(row) for row in rows.values()} == {5}
    assert rows["missing.png"] == ["-", "NOT SENT", "LOCAL_FILE", "-", "missing.png does not exist."]
    assert rows["text.png"][:4] == ["-", "REFUSED", "UNSUPPORTED_TYPE", "-"]
    assert rows["holiday.png"][1:] == ["COMPLETED", "-", "out/holiday.png", "-"]
    assert rows["not-an-image.png"][1:] == ["FAILED", "NOT_AN_IMAGE", "-", "The file is not an image."]


def test_lost_response_leaves_the_status_unknown(invoke: Invoke, api: Any, image_file: Path) -> None:
    """The job may exist."""
    api.answers = [httpx.ReadError("broken pipe")] * 5
    assert "\t-\tUNKNOWN\tCONNECTION_LOST\t-\t" in invoke("submit", image_file).stdout


def test_stored_image_is_not_a_file(invoke: Invoke, api: Any, image_file: Path) -> None:
    """A file with such a name needs its folder."""
    Path("job:a").write_bytes(image_file.read_bytes())
    result = invoke("submit", "job:01M82VQ5S0EET9YRA6Y1ZJ28P4", "./job:a", "--width", "9", "--concurrency", "1")
    assert result.exit_code == 0
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == [
        "job:01M82VQ5S0EET9YRA6Y1ZJ28P4",
        "job:a",
    ]
    assert json.loads(api.bodies[0]) == {"source": "job:01M82VQ5S0EET9YRA6Y1ZJ28P4", "width": 9}
    assert api.bodies[1] == image_file.read_bytes()


def test_version_is_printed(invoke: Invoke) -> None:
    """The version of the package."""
    result = invoke("--version")
    assert (result.exit_code, result.stdout) == (0, f"safelight {version('safelight')}\n")


@pytest.mark.parametrize(
    "command",
    [
        *(["status"], ["result"], ["cancel"], ["retry"], ["delete"], ["receipt"], ["verify"]),
        ["dead-letters", "redrive"],
    ],
    ids=" ".join,
)
def test_file_instead_of_a_job_id_is_explained(invoke: Invoke, api: Any, image_file: Path, command: list[str]) -> None:
    """No request is sent. ``verify`` names the option for saved receipts."""
    result = invoke(*command, image_file.name)
    message = " ".join(result.stderr.replace("│", "").split())
    assert result.exit_code == 2
    assert "'holiday.png' is a file, not the ID of a job." in message
    assert ("--receipt 'holiday.png'" if command == ["verify"] else "safelight list") in message
    assert not api.requests


def test_path_instead_of_a_job_id_is_explained(invoke: Invoke, api: Any) -> None:
    """A file that does not exist is not taken for a wrong address of the API."""
    result = invoke("status", "photos/holiday.png")
    assert result.exit_code == 2
    assert "'photos/holiday.png' is a path, not the ID of a job." in " ".join(result.stderr.replace("│", "").split())
    assert not api.requests


def test_failed_file_does_not_stop_the_others(invoke: Invoke, api: Any, image_file: Path, tmp_path: Path) -> None:
    """The others become jobs. The exit code is 1."""
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.png").write_text("no picture")
    names = ["missing.png", "empty.png", "folder", "text.png", image_file.name]
    result = invoke("submit", *names, "--parallel", "2")
    assert result.exit_code == 1
    assert len(api.jobs) == 1
    for says in ("missing.png does not exist", "empty.png is empty", "folder is a folder", "UNSUPPORTED_TYPE"):
        assert says in result.stdout
    assert result.stderr == "4 of 5 files failed.\n"


def test_submit_json(invoke: Invoke, image_file: Path) -> None:
    """One document has the files in the order of the arguments."""
    result = invoke("submit", image_file, "missing.png", image_file, "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["succeeded"], document["failed"]) == (2, 1)
    assert [each["file"] for each in document["files"]] == [str(image_file), "missing.png", str(image_file)]
    good, bad, _ = document["files"]
    assert (good["ok"], good["error"], good["saved"], good["job"]["status"]) == (True, None, [], "PENDING")
    assert (bad["ok"], bad["job"]) == (False, None)
    assert bad["error"] == {"code": "LOCAL_FILE", "message": "missing.png does not exist."}


def test_submit_waits_and_downloads(invoke: Invoke, image_file: Path, tmp_path: Path) -> None:
    """--out creates the folder and names the results after the images."""
    result = invoke("submit", image_file, "--out", "results/today")
    saved = Path("results/today/holiday.png")
    assert result.exit_code == 0
    assert saved.read_bytes().startswith(b"pixels")
    assert result.stdout == f"{image_file}\tJOB00000\tCOMPLETED\t-\t{saved}\t-\n"
    assert list((tmp_path / "results" / "today").iterdir()) == [tmp_path / saved]


def test_images_with_equal_names_have_two_results(invoke: Invoke, image_file: Path, tmp_path: Path) -> None:
    """Names are compared without case."""
    other = tmp_path / "other" / "HOLIDAY.jpg"
    other.parent.mkdir()
    other.write_bytes(image_file.read_bytes())
    assert invoke("submit", image_file, other, "--out", "results").exit_code == 0
    assert len(list((tmp_path / "results").iterdir())) == 2


def test_wait_reports_a_failed_job(invoke: Invoke, tmp_path: Path) -> None:
    """Without --wait, the submission alone counts."""
    bad = tmp_path / "not-an-image.png"
    bad.write_bytes(PNG + b"text")
    assert invoke("submit", bad).exit_code == 0
    result = invoke("submit", bad, "--wait")
    assert result.exit_code == 1
    assert "FAILED\tNOT_AN_IMAGE\t-\tThe file is not an image." in result.stdout


def test_timeout_reports_the_job_id(invoke: Invoke, image_file: Path) -> None:
    """The job continues to run."""
    result = invoke("submit", image_file, "--wait", "--timeout", "0")
    assert result.exit_code == 3
    assert "JOB00000" in result.stdout
    assert "after 0 s. It continues to run" in result.stdout
    assert result.stderr == "1 of 1 jobs have not ended yet.\n"


def test_shorthand_options_are_sent(invoke: Invoke, api: Any, image_file: Path) -> None:
    """Each option is the query parameter with that name. Others are not sent."""
    invoke(
        "submit",
        image_file,
        *["--width", "30", "--height", "40", "--fit", "Contain", "--enlarge", "--format", "JPG", "--quality", "80"],
        *["--color", "--webhook", "shop"],
    )
    sent = {name: value for name, (value,) in query_of(api).items()}
    assert sent == {
        "filename": "holiday.png",
        "width": "30",
        "height": "40",
        "fit": "contain",
        "enlarge": "true",
        "format": "jpeg",
        "quality": "80",
        "grayscale": "false",
        "webhook": "shop",
    }


def test_widths_and_formats_are_sent(invoke: Invoke, api: Any, image_file: Path) -> None:
    """Separated by commas, without spaces and with the usual names."""
    invoke("submit", image_file, "--widths", "320, 640", "--formats", "AVIF,jpg")
    assert (query_of(api)["widths"], query_of(api)["formats"]) == (["320,640"], ["avif,jpeg"])


def test_pipeline_is_json_or_a_file(invoke: Invoke, api: Any, image_file: Path, tmp_path: Path) -> None:
    """Both send the same request."""
    (tmp_path / "p.json").write_text('{"operations": []}')
    invoke("submit", image_file, "--pipeline", '{"operations":  []}')
    invoke("submit", image_file, "--pipeline", "@p.json")
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
        ["--format", "bmp"],
        ["--widths", "320,wide"],
        ["--widths", "320,"],
        ["--widths", "0"],
        ["--widths", "320", "--formats", "webp,bmp"],
        ["--widths", "320", "--preset", "web"],
        ["--parallel", "0"],
    ],
)
def test_invalid_options_send_no_request(invoke: Invoke, api: Any, image_file: Path, options: list[str]) -> None:
    """The exit code is 2."""
    result = invoke("submit", image_file, *options)
    assert result.exit_code == 2
    assert result.stderr
    assert api.requests == []


def test_unreachable_api_stops_the_submission(invoke: Invoke, api: Any, image_file: Path) -> None:
    """The other files are not tried. The exit code is 2."""
    api.answers = [httpx.ConnectError("[Errno 111] Connection refused")] * 5
    result = invoke("submit", image_file, image_file, image_file, "--parallel", "1")
    assert result.exit_code == 2
    assert len(api.requests) == 5
    assert "http://api.test/v1 can't be reached (Connection refused)." in result.stdout


def test_control_characters_are_escaped(invoke: Invoke, tmp_path: Path) -> None:
    """File names are untrusted."""
    path = tmp_path / "a\x1b[31m\n\u202eb[red].png"
    path.write_bytes(PNG + b"x")
    result = invoke("submit", path)
    assert result.exit_code == 0
    assert r"a\x1b[31m\n\u202eb[red].png" in result.stdout
    assert result.stdout.count("\n") == 1


def test_status_prints_jobs_and_errors(invoke: Invoke, image_file: Path) -> None:
    """Every ID has a line with the same fields. Messages go to standard error. The exit code is 1."""
    invoke("submit", image_file, "--wait")
    result = invoke("status", "JOB00000", "nope")
    assert result.exit_code == 1
    assert result.stdout == (
        "JOB00000\tCOMPLETED\t-\tholiday.png\t2026-11-22T16:34:00Z\t18 B\t4 B 2×1\t1.50 s\n"
        "nope\t-\tJOB_NOT_FOUND\t-\t-\t-\t-\t-\n"
    )
    assert result.stderr == "nope: The job does not exist. (JOB_NOT_FOUND, request r-1)\n"


def test_status_json(invoke: Invoke, image_file: Path) -> None:
    """One document has jobs, with all fields of the API, and errors."""
    invoke("submit", image_file)
    result = invoke("status", "JOB00000", "nope", "--json")
    document = json.loads(result.stdout)
    assert document["jobs"][0]["news"] == "a field that this client does not know"
    assert document["errors"][0].items() >= {"id": "nope", "code": "JOB_NOT_FOUND", "status": 404}.items()


def test_status_of_a_failed_job_exits_with_0(invoke: Invoke, tmp_path: Path) -> None:
    """The job was found."""
    bad = tmp_path / "not-an-image.png"
    bad.write_bytes(PNG + b"text")
    invoke("submit", bad, "--wait")
    assert invoke("status", "JOB00000").exit_code == 0


@pytest.mark.parametrize("command", [["status", "x"], ["list"], ["result", "x"]])
def test_unreachable_api_is_reported_in_one_line(invoke: Invoke, api: Any, command: list[str]) -> None:
    """The exit code is 2."""
    api.answers = [httpx.ConnectError("refused")] * 5
    result = invoke(*command)
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "http://api.test/v1 can't be reached (refused). Check the address: SAFELIGHT_API_URL or --api-url.\n"
    )
    assert result.stderr.count("\n") == 1


def test_list_limits_and_filters_jobs(invoke: Invoke, image_file: Path) -> None:
    """One line per job. A status can be in lower case."""
    invoke("submit", image_file, image_file, image_file, "--wait")
    invoke("submit", image_file)
    assert len(invoke("list", "--limit", "2").stdout.splitlines()) == 2
    assert len(invoke("list", "--status", "completed").stdout.splitlines()) == 3
    document = json.loads(invoke("list", "--json").stdout)
    assert len(document["jobs"]) == 4
    assert document["errors"] == []


def test_empty_list_exits_with_0(invoke: Invoke) -> None:
    """Nothing is printed."""
    result = invoke("list")
    assert (result.exit_code, result.stdout) == (0, "")


def test_result_is_saved_in_the_current_folder(invoke: Invoke, image_file: Path, tmp_path: Path) -> None:
    """Without -o, it has the image's own name, and no file is replaced."""
    invoke("submit", image_file, "--wait")
    before = image_file.read_bytes()
    refused = invoke("result", "JOB00000")
    assert (refused.exit_code, image_file.read_bytes()) == (2, before)
    assert refused.stderr == "holiday.png exists. Choose another file with -o.\n"
    image_file.unlink()
    assert invoke("result", "JOB00000").stdout == "holiday.png\t26 B\n"
    assert (tmp_path / "holiday.png").exists()


def test_result_is_written_to_the_target(invoke: Invoke, image_file: Path, tmp_path: Path) -> None:
    """A file, a folder or standard output."""
    invoke("submit", image_file, "--wait")
    (tmp_path / "folder").mkdir()
    document = json.loads(invoke("result", "JOB00000", "-o", "a.png", "--json").stdout)
    assert document == {"id": "JOB00000", "output": None, "file": "a.png", "size": 26}
    assert invoke("result", "JOB00000", "-o", "folder", "--variant", "image").exit_code == 0
    assert (tmp_path / "folder" / "holiday.png").read_bytes().endswith(b"/image")
    for name in ("--output", "--file"):
        assert invoke("result", "JOB00000", name, f"{name}.png").exit_code == 0
        assert (tmp_path / f"{name}.png").exists()
    assert invoke("result", "JOB00000", "-o", "-").stdout_bytes == b"pixels of /JOB00000/result"


def test_link_is_printed_instead_of_a_download(invoke: Invoke, image_file: Path) -> None:
    """Only the complete address."""
    invoke("submit", image_file, "--wait")
    assert invoke("result", "JOB00000", "--link").stdout == "http://store.test/JOB00000/result?secret=1\n"
    assert json.loads(invoke("result", "JOB00000", "--link", "--json").stdout)["url"].startswith("http://store.test/")


def test_missing_result_prints_the_error_of_the_api(invoke: Invoke, tmp_path: Path) -> None:
    """A failed job has no result."""
    bad = tmp_path / "not-an-image.png"
    bad.write_bytes(PNG + b"text")
    invoke("submit", bad, "--wait")
    result = invoke("result", "JOB00000", "-o", "x.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "The job has no result. (JOB_FAILED)\n"


def test_unknown_address_suggests_up() -> None:
    """Nothing is configured on a new machine."""
    result = CliRunner().invoke(app, ["list"])
    assert result.exit_code == 2
    assert "run `safelight up`" in result.stderr


@pytest.mark.parametrize("command", [row.name for row in COMMANDS])
def test_command_has_help(command: str) -> None:
    """For every command."""
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_table_has_the_first_sentence_of_the_help(row: Any) -> None:
    """``safelight --help`` and ``safelight COMMAND --help`` agree."""
    text = " ".join(load_command(row).help.split())
    assert text.partition(". ")[0].rstrip(".") + "." == row.help


@pytest.mark.parametrize("command", [row.name for row in COMMANDS if row.module.startswith("safelight.")])
def test_help_has_examples(command: str) -> None:
    """The examples call the command."""
    assert f"safelight {command}" in CliRunner().invoke(app, [command, "--help"]).output.split("Examples:")[1]


def test_characters_outside_the_encoding_are_escaped(image_file: Path, tmp_path: Path) -> None:
    """No traceback."""
    path = image_file.rename(tmp_path / "ü😀.png")
    command = [sys.executable, "-m", "safelight", "submit", str(path / "missing"), "--api-url", "http://127.0.0.1:9/v1"]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, capture_output=True, encoding="latin-1", check=False, env=environment)
    assert done.returncode == 1
    assert r"\U0001f600.png" in done.stdout


def test_help_imports_no_slow_library() -> None:
    """`safelight --help` is fast."""
    code = (
        "import sys\nfrom safelight.cli.app import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        f"print('loaded:', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_ingest_imports_nothing_for_terminals() -> None:
    """The command line of httpx and the progress bar would delay the first upload."""
    code = (
        "import sys\nfrom safelight.cli.app import app\n"
        "try: app(['ingest', 'missing', '--api-url', 'http://127.0.0.1:9/v1'])\nexcept SystemExit: pass\n"
        "print('loaded:', 'httpx' in sys.modules, sorted({'click', 'pygments', 'rich.progress'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: True []"


def test_missing_infra_is_explained() -> None:
    """The client alone works. Other commands report what to install."""
    code = (
        "import sys\nsys.modules['infra'] = None\n"
        "from safelight.cli.app import app\n"
        "try: app(sys.argv[1:])\nexcept SystemExit as end: print(end.code)"
    )
    for command in ("up", "demo"):
        done = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True, check=True)
        assert done.stdout == "2\n"
        assert 'pip install "safelight[local]"' in done.stderr
        assert "make up" in done.stderr
        assert "set SAFELIGHT_API_URL, or pass --api-url" in done.stderr
        assert done.stderr.count("\n") == 1
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert "To try it, run:" not in done.stdout
    assert "Set SAFELIGHT_API_URL" in done.stdout
    assert done.stdout.index("Only with the extra local") > done.stdout.index("Operators")
    panel = done.stdout.split("Only with the extra local")[1].split("╰")[0]
    assert {
        "demo",
        "verify",
        "up",
        "logs",
        "env",
        "init-hook",
        "invoke",
        "reset",
        "down",
        "deploy",
        "destroy",
        "doctor",
    } == {line.split()[1] for line in panel.splitlines() if re.match(r"│ \w", line)}
    done = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True, check=True)
    assert "The URL of the API is not set" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "choices"),
    [
        (("list", "--status", "DONE"), "AWAITING_UPLOAD, PENDING"),
        (("backfill", "--preset", "web", "--status", "DONE"), "AWAITING_UPLOAD, PENDING"),
        (("backfill", "--preset", "web", "--raw-format", "SVG"), "JPEG, PNG, WEBP, GIF, TIFF, BMP, AVIF"),
        (("submit", "a.png", "--format", "bmp"), "png, jpeg, webp, avif, gif, tiff"),
        (("submit", "a.png", "--fit", "round"), "inside, cover, contain, exact"),
    ],
)
def test_invalid_choice_names_the_allowed_values(
    invoke: Invoke, api: Any, arguments: tuple[str, ...], choices: str
) -> None:
    """No request is sent. The exit code is 2."""
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert f"is not one of {choices}" in " ".join(result.stderr.replace("│", "").split())
    assert not api.requests
