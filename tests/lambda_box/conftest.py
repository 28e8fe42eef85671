"""Fixtures of the Lambda box: an embedded engine as AWS, the real zips, and a box for each function.

The engine runs no function: its event source mappings and schedules are off. The tests pass the messages of its queues
and the records of its table to the boxes, as Lambda does.
"""

import io
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lambda_box.box import find_missing_program, find_other_system
from support.lambda_box.stack import BoxedStack
from support.running_stack import Site, run_site

from infra.deployment import packaging, wheels
from infra.sessions import local_session

_OBSTACLE = find_other_system() or find_missing_program()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests of this folder where no box can be built. In CI, a missing program is a failure."""
    must_run = bool(os.environ.get("CI")) and find_other_system() is None
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.lambda_box)
        if _OBSTACLE is not None and not must_run:
            item.add_marker(pytest.mark.skip(reason=_OBSTACLE))


@pytest.fixture(scope="session")
def code() -> dict[str, Path]:
    """Return the folders with the unpacked zips, which are built as for AWS."""
    assert _OBSTACLE is None, _OBSTACLE
    cache = packaging.SOURCE_ROOT / "build"
    packages = wheels.build_full(cache / "wheels")
    unpacked = {}
    for name, package in packages.items():
        folder = cache / "lambda-box" / Path(package.key).stem
        if not folder.exists():
            scratch = folder.with_suffix(f".{os.getpid()}")
            zipfile.ZipFile(io.BytesIO(package.data)).extractall(scratch)
            scratch.replace(folder)
        for outdated in set(folder.parent.glob(f"{name}-*")) - {folder}:
            shutil.rmtree(outdated)
        unpacked[name] = folder
    return unpacked


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start the engine with the stack of the template, and turn off everything that invokes its functions."""
    for site in run_site(tmp_path_factory.mktemp("safelight"), "embedded", {"UiOrigins": ""}, environment={}):
        for mapping in site.functions.list_event_source_mappings()["EventSourceMappings"]:
            site.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        schedules = local_session(site.stack.endpoint_url).client("events")
        for rule in schedules.list_rules()["Rules"]:
            schedules.disable_rule(Name=rule["Name"])
        yield site


@pytest.fixture(scope="session")
def stack(site: Site, code: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxedStack]:
    """Return the stack, whose functions run in boxes."""
    with BoxedStack(site, code, tmp_path_factory.mktemp("boxes")) as boxed:
        yield boxed
