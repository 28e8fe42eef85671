"""The page through CloudFront: private bucket, strict headers, and an API that allows its origin."""

import re

import pytest
from support.resolved_template import Resolver

from infra.deployment import page

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
def test_no_distribution_by_default(resource: str) -> None:
    """Neither a distribution nor a header policy."""
    assert Resolver().resource(resource) is None
    assert PLAIN.resource(resource) is not None


@BOTH
def test_only_the_distribution_reads_the_bucket(stack: Resolver) -> None:
    """The one allowing statement names CloudFront and this distribution; plain HTTP is denied."""
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
def test_the_origin_signs_its_requests(stack: Resolver) -> None:
    """The only origin is the page's bucket, with an origin access control that always signs."""
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
def test_the_page_needs_tls_and_is_read_only(stack: Resolver) -> None:
    """Plain HTTP redirects to HTTPS, only GET and HEAD are allowed, and / is the start page."""
    distribution = stack.resource("UiDistribution")
    assert distribution is not None
    config = distribution["DistributionConfig"]
    behavior = config["DefaultCacheBehavior"]
    assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["AllowedMethods"] == ["GET", "HEAD"]
    assert behavior["ResponseHeadersPolicyId"] == "<UiHeaders>"
    assert config["DefaultRootObject"] == page.START_PAGE
    assert "CacheBehaviors" not in config


def test_a_custom_domain_has_its_certificate_and_tls_1_2() -> None:
    """CloudFront's own domain uses CloudFront's certificate."""
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


def test_access_logs_go_to_the_given_bucket() -> None:
    """No bucket, no log."""
    plain, named = PLAIN.resource("UiDistribution"), NAMED.resource("UiDistribution")
    assert plain is not None
    assert named is not None
    assert "Logging" not in plain["DistributionConfig"]
    assert named["DistributionConfig"]["Logging"]["Bucket"] == "our-logs.s3.amazonaws.com"


@BOTH
def test_the_headers_repeat_the_policy_of_the_page(stack: Resolver) -> None:
    """With all buckets of the region instead of the image bucket, and without frames."""
    headers = stack.resource("UiHeaders")
    assert headers is not None
    said = headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    names = ("ApiUrl", "ImageBucketUrl", "CognitoDomain", "CognitoClientId")
    outputs = {name: value for name in names if (value := stack.output(name)) is not None}
    start = page.build_files(outputs, str(stack.read({"Ref": "ApiAuth"})))[page.START_PAGE].data.decode()
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
def test_api_and_images_allow_the_page(stack: Resolver, expected: list[str]) -> None:
    """The allowed origins are the page's own addresses and UiOrigins."""
    images, function = stack.resource("ImageBucket"), stack.resource("ApiFunction")
    assert images is not None
    assert function is not None
    assert images["CorsConfiguration"]["CorsRules"][0]["AllowedOrigins"] == expected
    origins = function["Environment"]["Variables"]["UI_ORIGINS"]
    assert [each for each in origins.split(",") if each] == expected


def test_the_output_has_the_address_of_the_page() -> None:
    """UiUrl is the custom domain, CloudFront's domain, or the bucket's address if it is public."""
    assert NAMED.output("UiUrl") == "https://pictures.example.com/"
    assert PLAIN.output("UiUrl") == "https://<UiDistribution.DomainName>/"
    assert Resolver(PublicUi="true").output("UiUrl") == f"{BUCKET}/index.html"
    assert Resolver().output("UiUrl") is None


def test_sign_in_returns_to_the_page() -> None:
    """Cognito redirects to the page's own addresses after sign-in and sign-out."""
    client = NAMED.resource("CallerPoolClient")
    assert client is not None
    here = ["https://<UiDistribution.DomainName>/", "https://pictures.example.com/"]
    assert client["CallbackURLs"] == client["LogoutURLs"] == ["http://localhost:8000/", *here]
    assert NAMED.output("CognitoDomain") == "https://ours.auth.eu-west-1.amazoncognito.com"
    assert NAMED.output("CognitoClientId") == "<CallerPoolClient>"
    assert Resolver(ApiAuth="cognito").output("CognitoDomain") is None


def test_a_domain_name_of_the_api_replaces_its_url() -> None:
    """The output, the events and CloudFront's policy have the custom domain name, the policy only its host."""
    stack = Resolver(UiCloudFront="true", PublicApiUrl="https://images.example.com/safelight")
    headers, notifier = stack.resource("UiHeaders"), stack.resource("NotifierFunction")
    assert headers is not None
    assert notifier is not None
    assert stack.output("ApiUrl") == "https://images.example.com/safelight/v1"
    assert notifier["Environment"]["Variables"]["API_URL"] == "https://images.example.com/safelight"
    security = headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    policy = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert "connect-src 'self' https://images.example.com https://*.s3." in policy
    assert "execute-api" not in policy
