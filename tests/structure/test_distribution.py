"""The page by CloudFront: nobody else reads its bucket, its headers say what the page says, and the API knows it."""

import re

import pytest
from support.resolved_template import Resolver

from infra import page

PLAIN = Resolver(UiCloudFront="true")
NAMED = Resolver(
    UiCloudFront="true",
    UiDomain="pictures.example.com",
    UiCertificateArn="arn:aws:acm:us-east-1:123456789012:certificate/1",
    UiLogBucket="our-logs",
    ApiAuth="cognito",
    LoginDomain="ours",
    UiOrigins="https://other.example.com",
)
BOTH = pytest.mark.parametrize("stack", [PLAIN, NAMED], ids=["CloudFront's name", "a name of one's own"])
BUCKET = "https://<UiBucket>.s3.eu-west-1.amazonaws.com"
IMAGES = "https://<ImageBucket>.s3.eu-west-1.amazonaws.com"


@pytest.mark.parametrize("resource", ["UiDistribution", "UiHeaders", "UiAccessControl"])
def test_there_is_none_unless_asked_for(resource: str) -> None:
    """Without a word there is neither distribution nor headers."""
    assert Resolver().resource(resource) is None
    assert PLAIN.resource(resource) is not None


@BOTH
def test_the_bucket_is_closed_to_everybody_but_the_distribution(stack: Resolver) -> None:
    """The one statement that allows anything names CloudFront, and this distribution; plain HTTP is refused."""
    bucket, policy = stack.resource("UiBucket"), stack.resource("UiBucketPolicy")
    assert bucket is not None
    assert policy is not None
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    allow, deny = policy["PolicyDocument"]["Statement"]
    assert (allow["Effect"], allow["Action"], allow["Resource"]) == ("Allow", "s3:GetObject", "<UiBucket.Arn>/*")
    assert allow["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    source = "arn:aws:cloudfront::<AWS::AccountId>:distribution/<UiDistribution>"
    assert allow["Condition"] == {"StringEquals": {"AWS:SourceArn": source}}
    assert deny["Sid"] == "DenyPlainHttp"


@BOTH
def test_the_bucket_is_read_with_signatures(stack: Resolver) -> None:
    """The one origin is the page's bucket, reached with an access control that always signs."""
    distribution, control = stack.resource("UiDistribution"), stack.resource("UiAccessControl")
    assert distribution is not None
    assert control is not None
    (origin,) = distribution["DistributionConfig"]["Origins"]
    assert origin["DomainName"] == "<UiBucket.RegionalDomainName>"
    assert origin["OriginAccessControlId"] == "<UiAccessControl.Id>"
    assert origin["S3OriginConfig"] == {"OriginAccessIdentity": ""}, "no identity of the old kind beside it"
    config = control["OriginAccessControlConfig"]
    assert (config["OriginAccessControlOriginType"], config["SigningBehavior"], config["SigningProtocol"]) == (
        "s3", "always", "sigv4",
    )  # fmt: skip


@BOTH
def test_the_page_comes_by_tls_and_is_only_read(stack: Resolver) -> None:
    """Plain HTTP leads to TLS, nothing but GET and HEAD is taken, and the start page is the address itself."""
    distribution = stack.resource("UiDistribution")
    assert distribution is not None
    config = distribution["DistributionConfig"]
    behavior = config["DefaultCacheBehavior"]
    assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["AllowedMethods"] == ["GET", "HEAD"]
    assert behavior["ResponseHeadersPolicyId"] == "<UiHeaders>"
    assert config["DefaultRootObject"] == page.START
    assert "CacheBehaviors" not in config


def test_a_name_of_ones_own_has_its_certificate_and_tls_1_2() -> None:
    """CloudFront's own name has CloudFront's certificate; one's own takes TLS 1.2 at least."""
    plain, named = PLAIN.resource("UiDistribution"), NAMED.resource("UiDistribution")
    assert plain is not None
    assert named is not None
    assert plain["DistributionConfig"]["ViewerCertificate"] == {"CloudFrontDefaultCertificate": True}
    assert "Aliases" not in plain["DistributionConfig"]
    assert named["DistributionConfig"]["Aliases"] == ["pictures.example.com"]
    assert named["DistributionConfig"]["ViewerCertificate"] == {
        "AcmCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
        "SslSupportMethod": "sni-only",
        "MinimumProtocolVersion": "TLSv1.2_2021",
    }


def test_the_log_goes_where_it_was_asked_for() -> None:
    """There is a log of fetches in the bucket that was named, and none otherwise."""
    plain, named = PLAIN.resource("UiDistribution"), NAMED.resource("UiDistribution")
    assert plain is not None
    assert named is not None
    assert "Logging" not in plain["DistributionConfig"]
    assert named["DistributionConfig"]["Logging"]["Bucket"] == "our-logs.s3.amazonaws.com"


@BOTH
def test_the_headers_say_what_the_page_says(stack: Resolver) -> None:
    """The policy is the page's own, with all buckets of the region for the one that can't be named, and no frames."""
    headers = stack.resource("UiHeaders")
    assert headers is not None
    said = headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    names = ("ApiUrl", "ImageBucketUrl", "CognitoDomain", "CognitoClientId")
    outputs = {name: value for name in names if (value := stack.output(name)) is not None}
    start = page.files(outputs, str(stack.read({"Ref": "ApiAuth"})))[page.START].data.decode()
    (own,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', start)
    expected = own.replace(IMAGES, "https://*.s3.eu-west-1.amazonaws.com") + "; frame-ancestors 'none'"
    assert IMAGES in own
    assert said["ContentSecurityPolicy"] == {"Override": True, "ContentSecurityPolicy": expected}
    assert said["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 365 * 24 * 3600
    assert said["FrameOptions"] == {"FrameOption": "DENY", "Override": True}
    assert said["ReferrerPolicy"] == {"ReferrerPolicy": "no-referrer", "Override": True}
    assert said["ContentTypeOptions"] == {"Override": True}


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        (Resolver(), [BUCKET]),
        (PLAIN, [BUCKET, "https://<UiDistribution.DomainName>"]),
        (
            NAMED,
            [
                BUCKET,
                "https://<UiDistribution.DomainName>",
                "https://pictures.example.com",
                "https://other.example.com",
            ],
        ),
    ],
    ids=["bucket", "distribution", "name and others"],
)
def test_api_and_images_take_the_page_wherever_it_is(stack: Resolver, expected: list[str]) -> None:
    """The function's origins and those of the image bucket are the page's own addresses, and UiOrigins."""
    images, function = stack.resource("ImageBucket"), stack.resource("ApiFunction")
    assert images is not None
    assert function is not None
    assert images["CorsConfiguration"]["CorsRules"][0]["AllowedOrigins"] == expected
    origins = function["Environment"]["Variables"]["UI_ORIGINS"]
    assert [each for each in origins.split(",") if each] == expected


def test_the_address_is_told() -> None:
    """UiUrl is one's own name, else CloudFront's, else the bucket's if anybody may read it."""
    assert NAMED.output("UiUrl") == "https://pictures.example.com/"
    assert PLAIN.output("UiUrl") == "https://<UiDistribution.DomainName>/"
    assert Resolver(PublicUi="true").output("UiUrl") == f"{BUCKET}/index.html"
    assert Resolver().output("UiUrl") is None


def test_whoever_signs_in_comes_back_to_the_page() -> None:
    """Cognito's page leads back to the page's own addresses, signed in or out; the page is told where that page is."""
    client = NAMED.resource("CallerPoolClient")
    assert client is not None
    here = ["https://<UiDistribution.DomainName>/", "https://pictures.example.com/"]
    assert client["CallbackURLs"] == client["LogoutURLs"] == ["http://localhost:8000/", *here]
    assert NAMED.output("CognitoDomain") == "https://ours.auth.eu-west-1.amazoncognito.com"
    assert NAMED.output("CognitoClientId") == "<CallerPoolClient>"
    assert Resolver(ApiAuth="cognito").output("CognitoDomain") is None
