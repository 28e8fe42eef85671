"""Uploads of the template: CloudFormation reads it from S3."""

from urllib.parse import urlsplit

import boto3
import pytest
from moto import mock_aws

from infra.deployment import code_bucket, template
from infra.sessions import Clients

TEXT = template.TEMPLATE.read_text(encoding="utf-8")
#: CloudFormation's limit for a template in S3.
MAX_BYTES = 1_000_000


@pytest.mark.thorough
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_cloudformation_reads_the_template_from_its_url(region: str) -> None:
    """Unchanged, from the bucket and key of the URL."""
    with mock_aws():
        session = boto3.Session(region_name=region)
        s3, cloudformation = session.client("s3"), session.client("cloudformation")
        clients = Clients(cloudformation, s3, session.client("sts"), region)
        code_bucket.upload_packages(clients, "code-bucket", [])
        url = code_bucket.upload_template(clients, "code-bucket", TEXT)
        _, bucket, key = urlsplit(url).path.split("/", 2)
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() == TEXT
        found = cloudformation.get_template_summary(TemplateURL=url)
        assert {each["ParameterKey"] for each in found["Parameters"]} >= {"NamePrefix", "UiCloudFront"}
        assert url == code_bucket.upload_template(clients, "code-bucket", TEXT), "the same template has one address"


def test_the_template_is_within_the_limits_of_cloudformation() -> None:
    """It is too long for a request and short enough for S3."""
    assert 51_200 < len(TEXT.encode()) <= MAX_BYTES
