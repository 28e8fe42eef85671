"""Hosts and names in every region of botocore's endpoint data, without network.

What boto3 signs, what the template allows, what the page may contact and what the client recognizes must agree.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import botocore.loaders
import botocore.session
import pytest
from botocore.stub import Stubber
from support.resolved_template import TEMPLATE, Resolver
from support.thorough import every

from infra import sessions
from infra.deployment import code_bucket, page
from safelight.transport.aws_credentials import find_region, is_gateway
from shared.aws import clients
from shared.aws.s3 import upload_forms
from shared.jobs.upload_declaration import UploadDeclaration

ROOT: Final = Path(__file__).parents[2]
ACCOUNT: Final = "123456789012"
#: Partitions that docs/deploy.md lists.
SUPPORTED: Final = ("aws", "aws-cn", "aws-us-gov")
MAX_BUCKET_NAME: Final = 63
LONGEST_PREFIX: Final = "p" * 30
#: Names of interface endpoints in China that begin with cn, from aws-cdk-lib/aws-ec2/lib/vpc-endpoint.ts.
CHINESE_ENDPOINTS: Final = {"sqs"}


LOADER: Final = botocore.loaders.create_loader()


def _partitions() -> dict[str, dict[str, Any]]:
    data = LOADER.load_data("endpoints")
    return {each["partition"]: each for each in data["partitions"]}


PARTITIONS: Final = _partitions()
REGIONS: Final = [(name, region) for name, each in PARTITIONS.items() for region in sorted(each["regions"])]
SUPPORTED_REGIONS: Final = [each for each in REGIONS if each[0] in SUPPORTED]
every_region = pytest.mark.parametrize(("partition", "region"), every(5, REGIONS))
supported_region = pytest.mark.parametrize(("partition", "region"), every(5, SUPPORTED_REGIONS))


@cache
def stack(partition: str, region: str, **parameters: str) -> Resolver:
    """Return the template as CloudFormation resolves it in a region."""
    pseudo = {
        "AWS::Region": region,
        "AWS::Partition": partition,
        "AWS::URLSuffix": PARTITIONS[partition]["dnsSuffix"],
        "AWS::AccountId": ACCOUNT,
    }
    return Resolver(**pseudo, **parameters)


@pytest.fixture(autouse=True)
def shared_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse each service model once for all tests."""
    monkeypatch.setattr(botocore.session, "create_loader", lambda _path=None: LOADER)


@pytest.fixture
def here(region: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the region the one of the environment, with a new default session of boto3."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    yield
    boto3.DEFAULT_SESSION = None


def _outputs(found: Resolver) -> dict[str, str]:
    names = ("ApiUrl", "ImageBucketUrl", "CognitoDomain", "CognitoClientId")
    return {name: value for name in names if (value := found.output(name)) is not None}


def _named(text: str) -> str:
    """Replace the references to resources with names."""
    return re.sub(r"<(\w+)>", lambda found: found[1].lower(), text)


def _allows(policy: str, directive: str, url: str) -> bool:
    """Return True if a Content-Security-Policy allows a URL."""
    (sources,) = [each.split()[1:] for each in policy.split(";") if each.split()[0] == directive]
    host = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
    patterns = [re.escape(_named(each)).replace(r"\*", r"[a-z0-9-]+") for each in sources]
    return any(re.fullmatch(pattern, host) for pattern in patterns)


@pytest.mark.usefixtures("here")
@every_region
def test_links_and_forms_have_the_host_that_the_page_can_contact(partition: str, region: str) -> None:
    """In the policy of the page, in that of CloudFront, and in the output ImageBucketUrl."""
    presigner = clients.make_presigner("")
    link = presigner.generate_presigned_url("get_object", Params={"Bucket": "imagebucket", "Key": "processed/x"})
    form = upload_forms.sign_form(
        presigner,
        "imagebucket",
        "raw/direct/x",
        UploadDeclaration(media_type="image/png"),
        max_bytes=1,
        lifetime=timedelta(minutes=1),
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    found = stack(partition, region, UiCloudFront="true")
    expected = _named(found.output("ImageBucketUrl"))
    start = page.build_files(_outputs(found), "iam")[page.START_PAGE].data.decode()
    (own,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', start)
    headers = found.resource("UiHeaders")
    assert headers is not None
    header = headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]["ContentSecurityPolicy"]
    for url in (link, form.url):
        assert f"https://{urlsplit(url).netloc}" == expected
        for directive in ("connect-src", "img-src"):
            assert _allows(own, directive, url)
            assert _allows(header["ContentSecurityPolicy"], directive, url)
    assert _allows(own, "connect-src", _named(found.output("ApiUrl")))
    assert _allows(header["ContentSecurityPolicy"], "connect-src", _named(found.output("ApiUrl")))


@every_region
def test_api_and_images_allow_the_origin_of_the_page(partition: str, region: str) -> None:
    """The origin of UiUrl is in the CORS rule of the image bucket and in UI_ORIGINS."""
    found = stack(partition, region, PublicUi="true")
    address = urlsplit(found.output("UiUrl"))
    origin = f"{address.scheme}://{address.netloc}"
    images, function = found.resource("ImageBucket"), found.resource("ApiFunction")
    assert images is not None
    assert function is not None
    assert origin in images["CorsConfiguration"]["CorsRules"][0]["AllowedOrigins"]
    assert origin in function["Environment"]["Variables"]["UI_ORIGINS"].split(",")
    s3 = boto3.client("s3", region_name=region, config=sessions.REGIONAL_S3)
    assert urlsplit(s3.meta.endpoint_url).netloc == address.netloc.removeprefix("<UiBucket>.")


@every_region
def test_the_template_has_a_url_of_its_region(partition: str, region: str) -> None:
    """CloudFormation reads the template from the code bucket, whose name is valid."""
    connected = sessions.aws_clients(None, region)
    with Stubber(connected.s3) as storage, Stubber(connected.sts) as identity:
        storage.add_response("put_object", {})
        identity.add_response("get_caller_identity", {"Account": ACCOUNT})
        identity.add_response("get_caller_identity", {"Account": ACCOUNT})
        bucket = code_bucket.bucket_name(connected, LONGEST_PREFIX)
        url = urlsplit(code_bucket.upload_template(connected, bucket, "Resources: {}"))
    assert url.netloc == f"s3.{region}.{PARTITIONS[partition]['dnsSuffix']}"
    assert url.path.startswith(f"/{bucket}/templates/")
    assert partition not in SUPPORTED or len(bucket) <= MAX_BUCKET_NAME


@every_region
def test_the_client_recognizes_the_api(partition: str, region: str) -> None:
    """It signs requests to the host of ApiUrl, for this region."""
    host = urlsplit(_named(stack(partition, region).output("ApiUrl"))).netloc
    assert is_gateway(host)
    assert find_region(host, {"AWS_REGION": "elsewhere"}) == region
    assert not is_gateway(f"{host}.evil.test")


@supported_region
def test_the_sign_in_page_has_the_domain_of_its_partition(partition: str, region: str) -> None:
    """GovCloud has only FIPS endpoints; China has no Cognito user pools."""
    if "cognito-idp" not in PARTITIONS[partition]["services"]:
        pytest.skip("no Cognito in this partition")
    found = stack(partition, region, ApiAuth="cognito", LoginDomain="ours", UiCloudFront="true")
    part = "auth-fips" if partition == "aws-us-gov" else "auth"
    domain = f"https://ours.{part}.{region}.amazoncognito.com"
    assert found.output("CognitoDomain") == domain
    start = page.build_files(_outputs(found), "cognito")[page.START_PAGE].data.decode()
    (own,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', start)
    headers = found.resource("UiHeaders")
    assert headers is not None
    header = headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]["ContentSecurityPolicy"]
    assert _allows(own, "connect-src", domain)
    assert _allows(header["ContentSecurityPolicy"], "connect-src", domain)


@supported_region
def test_vpc_endpoints_have_the_names_of_their_partition(partition: str, region: str) -> None:
    """Some services have another name in China."""
    found = stack(partition, region, VpcId="vpc-1", VpcSubnetIds="subnet-1", VpcRouteTableIds="rtb-1")
    for resource, service in {
        "S3Endpoint": "s3",
        "DynamoDbEndpoint": "dynamodb",
        "SqsEndpoint": "sqs",
        "SnsEndpoint": "sns",
    }.items():
        prefix = "cn." if partition == "aws-cn" and service in CHINESE_ENDPOINTS else ""
        endpoint = found.resource(resource)
        assert endpoint is not None
        assert endpoint["ServiceName"] == f"{prefix}com.amazonaws.{region}.{service}"


@supported_region
def test_every_arn_names_the_partition(partition: str, region: str) -> None:
    """With every optional resource except ImportPolicy: docs/bulk.md says where imports work."""
    found = stack(
        partition,
        region,
        ApiAuth="cognito",
        LoginDomain="ours",
        UiCloudFront="true",
        Reviewer="true",
        Tracing="true",
        VpcId="vpc-1",
        VpcSubnetIds="subnet-1",
        VpcRouteTableIds="rtb-1",
    )
    text = str([found.resource(name) for name in TEMPLATE["Resources"] if name != "ImportPolicy"])
    assert set(re.findall(r"arn:(aws[a-z-]*):", text)) == {partition}
    assert set(re.findall(r"[a-z]{2}(?:-gov)?-[a-z]+-\d\b", text)) <= {region}


@pytest.mark.parametrize("document", ["docs/openapi.json", "api/openapi/examples.json"])
def test_documented_links_have_the_host_of_their_region(document: str) -> None:
    """No example shows the global host of S3."""
    text = (ROOT / document).read_text(encoding="utf-8")
    hosts = set(re.findall(r"https://([a-z0-9-]+\.s3\.[a-z0-9.-]+)/", text))
    assert hosts
    assert {each for each in hosts if not re.search(r"\.s3\.[a-z]+-[a-z]+-\d\.amazonaws\.com$", each)} == set()
