"""`safelight up --watch`: from a broken worker to a finished job."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import sample_images
from support.running_stack import wait_until

from infra import hot_reload, local_stack
from infra.deployment import packaging
from infra.function_errors import FunctionErrors
from infra.sessions import local_session
from safelight import Safelight

PROCESSOR = "worker/image_processor.py"
#: The first line of an attempt, after the job is claimed.
FIRST_LINE = "        raw, data = job.raw, None\n"

pytestmark = [
    pytest.mark.thorough,  # unit/infra/test_hot_reload.py tests each step
    pytest.mark.not_on("localstack", reason="a change takes a minute there"),
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the code."""
    for package in ("api", "worker", "notifier", "shared", "requirements", "web"):
        shutil.copytree(packaging.SOURCE_ROOT / package, tmp_path / "source" / package)
    return tmp_path / "source"


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    """The state of a stack that is removed after the test."""
    yield tmp_path / "state"
    local_stack.down(tmp_path / "state", wipe=True)


def test_job_of_a_broken_worker_ends_after_the_fix(source: Path, state_dir: Path) -> None:
    """A syntax error is not deployed, an exception is shown, and after the fix no message has to become visible."""
    told: list[str] = []

    def save(text: str) -> str:
        (source / PROCESSOR).write_text(text)
        hot_reload.deploy_changes(state_dir, "embedded", told.append, source, [source / PROCESSOR])
        return told.pop()

    good = (source / PROCESSOR).read_text()
    assert good.count(FIRST_LINE) == 1
    # The first message stays hidden until the end of the test, also on a busy machine.
    state_dir.mkdir()
    local_stack.save_parameters(state_dir, {"QueueVisibilityTimeout": "43200"})
    stack = local_stack.up(state_dir, source=source)
    errors = FunctionErrors(stack)
    assert f"{PROCESSOR}:" in save(good.replace(FIRST_LINE, "        raw, data = = job\n"))
    assert save(good.replace(FIRST_LINE, f"        raise ValueError('broken on purpose')\n{FIRST_LINE}")).startswith(
        "redeployed in"
    )
    with Safelight(stack.api_url) as client:
        job = client.submit(sample_images.make_jpeg())
        shown: list[str] = []

        def has_error() -> bool:
            shown.extend(error for error in errors.read() if job.id in error)
            return bool(shown)

        wait_until(has_error)
        assert shown[0].startswith("worker: ")
        assert f'File "{PROCESSOR}", line ' in shown[0]
        assert shown[0].endswith("ValueError: broken on purpose")
        assert client.status(job.id).status == "PROCESSING"
        assert save(good).endswith("; workers look at 1 open job now")
        assert client.wait(job.id).succeeded
    sqs = local_session(stack.endpoint_url).client("sqs")
    names = ["ApproximateNumberOfMessagesNotVisible"]
    hidden = sqs.get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=names)["Attributes"][names[0]]
    assert int(hidden) >= 1, "the first message is still hidden"
