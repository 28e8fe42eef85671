"""``safelight init-hook``: write the folder that a container mounts at ``/etc/localstack/init/ready.d``."""

# ruff: noqa: PLC0415 - see infra/commands.py

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from infra.commands import parse_parameters, report_expected_errors
from infra.deployment.packaging import SOURCE_ROOT

if TYPE_CHECKING:
    from infra.deployment.packaging import Package

app = typer.Typer()

LAUNCHER: Final = "safelight.py"
ARCHIVE: Final = "safelight.pyz"
_OWN: Final = Path(__file__).parent
_TEMPLATE: Final = "template.yaml"
#: What the page's configuration has in place of the path of the API, which the engine chooses.
_PATH: Final = "@path-of-the-api@"


@app.command("init-hook")
def init_hook(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to write, such as ready.d.")],
    *,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="NAME=VALUE", help="Template parameter. Can be repeated."),
    ] = None,
) -> None:
    """Write a folder with which a LocalStack-compatible container deploys Safelight when it is ready.

    Mount it at /etc/localstack/init/ready.d. The container then prints the path of the API.
    """
    with report_expected_errors():
        from infra import local_stack
        from infra.engines import localstack

        given = local_stack.local_parameters() | localstack.get_parameters() | parse_parameters(parameter or [])
        write_folder(folder, localstack.build_packages(SOURCE_ROOT), given)
    typer.echo(f"{folder} is written. Mount it at /etc/localstack/init/ready.d.")


def write_folder(folder: Path, packages: Mapping[str, "Package"], given: Mapping[str, str]) -> None:
    """Write the launcher and the archive with the packages, the template and the web page.

    ``given`` has the template parameters that differ from the defaults. Raises SetupError if they are not valid.
    """
    from infra.deployment import change_sets, page, template
    from infra.deployment.parameters import check_parameters
    from infra.local_stack import STACK_NAME
    from infra.stack import LOCAL_API_PREFIX

    declared = template.load_template()
    values = template.parameter_defaults(declared) | dict(given)
    values |= {f"{name.capitalize()}CodeKey": package.key for name, package in packages.items()}
    check_parameters(values, template.parameter_names(declared))
    outputs = {"ApiUrl": f"{_PATH}/v1", "UiBucketName": ""}
    files = page.build_files(outputs, values["ApiAuth"])
    settings: dict[str, Any] = {
        "stack_name": values.get("NamePrefix", STACK_NAME),
        "parameters": values,
        "capabilities": [*change_sets.CAPABILITIES],
        "template": _TEMPLATE,
        "objects": [_TEMPLATE, *(package.key for package in packages.values())],
        "page": {key: [file.media_type, file.cache] for key, file in files.items()},
        "path_placeholder": _PATH,
        "api_prefix": LOCAL_API_PREFIX,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LAUNCHER).write_bytes((_OWN / "launcher.py").read_bytes())
    with zipfile.ZipFile(folder / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__main__.py", (_OWN / "deployer.py").read_bytes())
        archive.writestr("settings.json", json.dumps(settings))
        archive.writestr(_TEMPLATE, template.TEMPLATE.read_bytes())
        for package in packages.values():
            archive.writestr(package.key, package.data)
        for key, file in files.items():
            archive.writestr(f"page/{key}", file.data)
