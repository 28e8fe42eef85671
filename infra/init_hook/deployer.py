"""Deploy the stack in this archive to the engine at AWS_ENDPOINT_URL: the program ``__main__`` of ``safelight.pyz``.

It runs in the container of an engine, so it imports only the standard library and botocore, which LocalStack and
MiniStack both have. ``settings.json`` in the archive has what ``infra.init_hook.export`` has computed.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import zipfile
from typing import Any

import botocore.session
from botocore.config import Config

#: Time for the slowest step on a busy machine.
SECONDS = 600
#: Tests and programs find the URL of the API by this line.
READY = "Safelight is ready: "


def main() -> int:
    """Deploy, wait until the API is healthy, and print its path. Return the exit code."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566").rstrip("/")
    session = botocore.session.get_session()
    key, secret = (os.environ.get(name, "test") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    session.set_credentials(key, secret)

    def connect(service: str) -> Any:  # noqa: ANN401 - of botocore
        config = Config(s3={"addressing_style": "path"}, proxies={})
        region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
        return session.create_client(service, region_name=region, endpoint_url=endpoint, config=config)

    with zipfile.ZipFile(sys.argv[0]) as archive:
        settings = json.loads(archive.read("settings.json"))
        stack = find_stack(connect("cloudformation"), settings["stack_name"])
        if stack is None:
            stack = create_stack(archive, settings, connect, endpoint)
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        path = f"{settings['api_prefix']}/{outputs['ApiId']}/{outputs['StageName']}"
        publish_page(archive, settings, connect("s3"), outputs["UiBucketName"], path)
    wait_until_healthy(f"{endpoint}{path}/v1/health")
    print(f"{READY}{path}/v1", flush=True)  # noqa: T201 - the log of the container
    return 0


def find_stack(client: Any, name: str) -> Any:  # noqa: ANN401 - of botocore
    """Return the stack, or None if it does not exist. A container that keeps its state has it already."""
    try:
        return client.describe_stacks(StackName=name)["Stacks"][0]
    except client.exceptions.ClientError:
        return None


def create_stack(archive: zipfile.ZipFile, settings: dict[str, Any], connect: Any, endpoint: str) -> Any:  # noqa: ANN401 - of botocore
    """Upload the packages and the template, create the stack and return it. Raises RuntimeError if that fails."""
    s3, client = connect("s3"), connect("cloudformation")
    account = connect("sts").get_caller_identity()["Account"]
    bucket = f"{settings['parameters']['NamePrefix']}-code-{account}-{client.meta.region_name}"
    s3.create_bucket(Bucket=bucket)
    for key in settings["objects"]:
        s3.put_object(Bucket=bucket, Key=key, Body=archive.read(key))
    parameters = {**settings["parameters"], "CodeBucket": bucket}
    client.create_stack(
        StackName=settings["stack_name"],
        TemplateURL=f"{endpoint}/{bucket}/{settings['template']}",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=settings["capabilities"],
    )
    deadline = time.monotonic() + SECONDS
    while True:
        stack = client.describe_stacks(StackName=settings["stack_name"])["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return stack
        if not stack["StackStatus"].endswith("IN_PROGRESS") or time.monotonic() > deadline:
            pages = client.get_paginator("describe_stack_events").paginate(StackName=settings["stack_name"])
            events = [event for page in pages for event in page["StackEvents"]]
            reasons = [each.get("ResourceStatusReason", "") for each in events if "FAILED" in each["ResourceStatus"]]
            raise RuntimeError(f"The stack is {stack['StackStatus']}: {'; '.join(filter(None, reasons))}")
        time.sleep(0.5)


def publish_page(archive: zipfile.ZipFile, settings: dict[str, Any], s3: Any, bucket: str, path: str) -> None:  # noqa: ANN401 - of botocore
    """Store the files of the web page, whose configuration gets the path of the API."""
    for key, (media_type, cache) in settings["page"].items():
        data = archive.read(f"page/{key}").replace(settings["path_placeholder"].encode(), path.encode())
        s3.put_object(Bucket=bucket, Key=key, Body=data, ContentType=media_type, CacheControl=cache)


def wait_until_healthy(url: str) -> None:
    """Wait until the API answers. Raises TimeoutError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with opener.open(url, timeout=60):
                return
        except urllib.error.HTTPError as error:
            if error.code in {401, 403}:  # the gateway requires credentials
                return
            last: Exception = error
        except OSError as error:
            last = error
        if time.monotonic() > deadline:
            raise TimeoutError(f"The API at {url} is not healthy: {last}")
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
