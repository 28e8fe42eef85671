"""An upload in parts is killed at 60 %, with its client or with the engine. The same command continues it.

The file has 18 MB; ``SAFELIGHT_UPLOAD_MEGABYTES=90`` sets another size.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

import httpx
import psutil
import pytest
from PIL import Image
from support.running_stack import HTTP_SECONDS, MAX_WAIT_SECONDS, Site, wait_until

from infra import local_stack
from infra.engines.record import SNAPSHOT_PATH, EngineRecord
from infra.stack import Stack
from shared.jobs.part_plan import MIN_PART_BYTES

MEGABYTES = float(os.environ.get("SAFELIGHT_UPLOAD_MEGABYTES", "18"))
TESTS = Path(__file__).parents[1]
#: No other test on the stack, and no example of the API, uses this name.
NAME = "interrupted-upload.tif"


@dataclass(frozen=True)
class Sender:
    """The command that uploads one file, and the record of the parts that it has sent."""

    folder: Path
    image: Path

    @property
    def count(self) -> int:
        """Return the number of parts."""
        return -(-self.image.stat().st_size // MIN_PART_BYTES)

    @property
    def held(self) -> int:
        """Return the number of the part after 60 % of the file."""
        return int(self.count * 0.6) + 1

    def start(self, api_url: str, moment: str = "") -> subprocess.Popen[str]:
        """Start the command. It waits ``before`` or ``after`` it sends the held part, if this is given."""
        environment = {
            **os.environ,
            "SAFELIGHT_API_URL": api_url,
            "SAFELIGHT_STATE_DIR": str(self.folder / "state"),
            "HELD_PART": f"{moment} {self.held}",
            "RECORDED_PARTS": str(self.folder / "parts"),
            "PYTHONPATH": os.pathsep.join((str(TESTS.parent), str(TESTS))),
        }
        command = (sys.executable, "-m", "support.recorded_parts", "submit", str(self.image))
        options = ("--preset", "thumbnail", "--json")
        pipe = subprocess.PIPE
        return subprocess.Popen((*command, *options), env=environment, stdout=pipe, stderr=pipe, text=True)

    def start_and_hold(self, api_url: str, moment: str) -> subprocess.Popen[str]:
        """Start the command, and wait until it waits."""
        run = self.start(api_url, moment)

        def is_held() -> bool:
            assert run.poll() is None, run.communicate()
            return f"{moment} {self.held}" in self.read()

        wait_until(is_held)
        return run

    def read(self) -> list[str]:
        """Return what was recorded."""
        with suppress(FileNotFoundError):
            return (self.folder / "parts").read_text("utf-8").splitlines()
        return []

    def release(self) -> None:
        """Let the command continue."""
        with (self.folder / "parts").open("a", encoding="utf-8") as file:
            file.write("continue\n")

    def finish(self, api_url: str) -> None:
        """Run the command to its end."""
        run = self.start(api_url)
        _, errors = run.communicate(timeout=MAX_WAIT_SECONDS)
        assert run.returncode == 0, errors

    def check_parts(self) -> None:
        """Check that S3 got every part, and that no part was sent again after S3 had answered, except one at most."""
        lines = Counter(self.read())
        ended = {number for number in range(1, self.count + 1) if lines[f"end {number}"]}
        again = [number for number in ended if lines[f"end {number}"] > 1]
        lost = set(range(1, self.count + 1)) - ended
        assert not again
        assert len(lost) <= 1  # S3 has it, but its response went to the killed client
        sent = {number: lines[f"start {number}"] - lines[f"failed {number}"] for number in range(1, self.count + 1)}
        assert {number for number, times in sent.items() if times > 1} <= {self.held}


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    """Return the command for a TIFF file without compression, whose parts all differ."""
    side = int((MEGABYTES * 1_000_000 / 3) ** 0.5)
    image = tmp_path / NAME
    Image.frombytes("RGB", (side, side), Random(1).randbytes(side * side * 3)).save(image)
    return Sender(tmp_path, image)


def check_one_job(client: httpx.Client, sender: Sender) -> None:
    """Check that the file has one job, which completes with the file's bytes."""
    listed = client.get("jobs", params={"filename": NAME}).raise_for_status().json()["jobs"]
    (job_id,) = [each["id"] for each in listed]
    wait_until(lambda: client.get(f"jobs/{job_id}").json()["done"])
    job = client.get(f"jobs/{job_id}").json()
    assert (job["status"], job["error"]) == ("COMPLETED", None)
    assert job["raw"]["digest"] == sha256(sender.image.read_bytes()).hexdigest()


def test_upload_continues_after_its_client_was_killed(site: Site, sender: Sender) -> None:
    """At most one part is sent again, and the file has one job."""
    run = sender.start_and_hold(site.stack.api_url, "after")
    run.kill()
    run.communicate()
    sender.finish(site.stack.api_url)
    sender.check_parts()
    check_one_job(site.http, sender)


@pytest.fixture
def own_folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of an engine that the test kills."""
    folder = tmp_path / "engine"
    yield folder
    local_stack.down(folder, wipe=True)


def kill_engine(folder: Path) -> None:
    """Kill the engine of a folder, without any warning."""
    record = EngineRecord.read(folder / "engine.json")
    assert record is not None
    process = psutil.Process(record.pid)
    process.kill()
    process.wait(timeout=MAX_WAIT_SECONDS)


def start_engine(folder: Path) -> Stack:
    """Start the engine and its stack."""
    return local_stack.up(folder, "embedded", {"NamePrefix": "interrupted"})


@pytest.mark.thorough
@pytest.mark.not_on("localstack", reason="its free edition stores nothing when it is killed")
def test_upload_continues_after_the_engine_was_killed(own_folder: Path, sender: Sender) -> None:
    """The engine has the parts on its disk. At most one is sent again, and the file has one job."""
    stack = start_engine(own_folder)
    run = sender.start_and_hold(stack.api_url, "before")
    # The engine writes its tables every two seconds.
    httpx.post(stack.endpoint_url + SNAPSHOT_PATH, timeout=HTTP_SECONDS, trust_env=False).raise_for_status()
    kill_engine(own_folder)
    sender.release()
    run.communicate(timeout=MAX_WAIT_SECONDS)
    stack = start_engine(own_folder)
    sender.finish(stack.api_url)
    sender.check_parts()
    with httpx.Client(base_url=stack.api_url + "/", timeout=HTTP_SECONDS, trust_env=False) as client:
        check_one_job(client, sender)
