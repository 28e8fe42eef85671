"""The web page in its bucket."""

import json
from pathlib import Path

import pytest

from infra.deployment import page
from infra.deployment.packaging import SOURCE_ROOT
from infra.errors import SetupError

LOCAL = {"ApiId": "abc", "StageName": "prod", "UiBucketName": "ui"}
AWS = {
    "ApiUrl": "https://abc.execute-api.eu-west-1.amazonaws.com/prod/v1",
    "ImageBucketUrl": "https://images.s3.eu-west-1.amazonaws.com",
    "UiBucketName": "ui",
}
COGNITO = {"CognitoDomain": "https://login.test", "CognitoClientId": "client"}


def _policy(files: dict[str, page.File]) -> dict[str, list[str]]:
    text = files[page.START_PAGE].data.decode()
    content = text.split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
    parts = [each.split() for each in content.split(";")]
    return {name: values for name, *values in parts}


def test_a_local_page_needs_only_its_own_host() -> None:
    """The API is a path of the same host, so the policy names no other."""
    files = page.build_files(LOCAL, "none")
    config = json.loads(files[page.CONFIG].data)
    assert (config["api_url"], config["auth"]) == ("/_aws/execute-api/abc/prod/v1", "none")
    assert _policy(files)["connect-src"] == ["'self'"]


def test_a_page_on_aws_can_reach_only_its_services() -> None:
    """The policy allows the API, the image bucket and the sign-in page."""
    files = page.build_files(AWS | COGNITO, "cognito")
    config = json.loads(files[page.CONFIG].data)
    assert config["cognito"] == {"domain": "https://login.test", "client_id": "client"}
    api, images = "https://abc.execute-api.eu-west-1.amazonaws.com", AWS["ImageBucketUrl"]
    assert _policy(files)["connect-src"] == ["'self'", api, images, "https://login.test"]
    assert images in _policy(files)["img-src"]
    assert _policy(page.build_files(AWS | COGNITO, "iam"))["connect-src"] == ["'self'", api, images]


def test_the_policy_is_strict() -> None:
    """No inline code, evaluated code, plug-ins, frames or forms to other hosts."""
    policy = _policy(page.build_files(LOCAL, "none"))
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["base-uri"] == policy["form-action"] == ["'none'"]


def test_the_app_folder_is_cached_forever(tmp_path: Path) -> None:
    """Its name changes with its content; the start page is revalidated."""
    source = _copy(tmp_path)
    before = page.build_files(LOCAL, "none", source)
    (source / "web" / "app" / "main.js").write_text("// other\n")
    after = page.build_files(LOCAL, "none", source)
    folders = [{key.partition("/")[0] for key in each if "/" in key} for each in (before, after)]
    assert len(folders[0]) == len(folders[1]) == 1
    assert folders[0] != folders[1]
    (folder,) = folders[1]
    assert f'src="{folder}/main.js"' in after[page.START_PAGE].data.decode()
    assert {file.cache for key, file in after.items() if "/" in key} == {page.CACHE_FOREVER}
    assert after[page.START_PAGE].cache == after[page.CONFIG].cache == page.REVALIDATE


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    """The error names the file."""
    source = _copy(tmp_path)
    (source / "web" / "app" / "notes.docx").write_bytes(b"")
    with pytest.raises(SetupError, match=r"notes\.docx"):
        page.build_files(LOCAL, "none", source)


def _copy(folder: Path) -> Path:
    for name, text in {
        "index.html": (SOURCE_ROOT / "web" / "index.html").read_text(encoding="utf-8"),
        "app/main.js": "// one\n",
        "app/style.css": "",
    }.items():
        path = folder / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_type_declarations_are_not_deployed() -> None:
    """Only editors and type checkers read them."""
    declarations = list((SOURCE_ROOT / "web").rglob("*.d.ts"))
    assert declarations
    assert not [name for name in page.build_files(LOCAL, "none") if name.endswith(".d.ts")]
