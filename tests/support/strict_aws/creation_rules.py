"""What AWS checks when a resource is created or updated. Each rule returns why AWS refuses it, or an empty string."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from support.strict_aws.account import NAMES, Account, Resource

Properties = Mapping[str, Any]
Rule = Callable[[Account, Properties], str]
#: Characters without spaces; https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_MANAGED_POLICY: Final = 6144
MAX_INLINE_POLICIES: Final = 10_240
MAX_MANAGED_POLICIES: Final = 10
#: Bytes; https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ENVIRONMENT: Final = 4096
QUEUE_ACTIONS: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
STREAM_ACTIONS: Final = (
    *("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"),
)


def find_refusal(account: Account, kind: str, properties: Properties, *, is_new: bool) -> str:
    """Return why AWS refuses to create or update a resource, or an empty string."""
    name = properties.get(NAMES.get(kind, ""))
    if is_new and name is not None and account.find_by_name(kind, name):
        return f"{name} already exists"
    rule = RULES.get(kind)
    return rule(account, properties) if rule else ""


def list_actions(account: Account, role: str) -> set[str]:
    """Return the actions that a role allows at this time, by its own and by its attached policies."""
    properties = account.find(role, "AWS::IAM::Role").properties
    documents = [each["PolicyDocument"] for each in properties.get("Policies", [])]
    documents += [
        policy.properties["PolicyDocument"]
        for policy in account.list_of("AWS::IAM::ManagedPolicy")
        if policy.id in properties.get("ManagedPolicyArns", []) or role in policy.properties.get("Roles", [])
    ]
    return {action for document in documents for action in _list_document_actions(document)}


def _list_document_actions(document: Properties) -> Iterator[str]:
    for statement in document["Statement"]:
        actions = statement["Action"]
        yield from [actions] if isinstance(actions, str) else actions


def _size(document: Any) -> int:
    return len(json.dumps(document, separators=(",", ":")))


def _check_role(account: Account, role: Properties) -> str:
    if sum(_size(each["PolicyDocument"]) for each in role.get("Policies", [])) > MAX_INLINE_POLICIES:
        return "Maximum policy size of 10240 bytes exceeded"
    attached = role.get("ManagedPolicyArns", [])
    if len(attached) > MAX_MANAGED_POLICIES:
        return "Cannot exceed quota for PoliciesPerRole: 10"
    existing = {each.id for each in account.list_of("AWS::IAM::ManagedPolicy")}
    missing = [each for each in attached if each not in existing]
    return f"Policy {missing[0]} does not exist" if missing else ""


def _check_managed_policy(_account: Account, policy: Properties) -> str:
    return "Cannot exceed quota for PolicySize: 6144" if _size(policy["PolicyDocument"]) > MAX_MANAGED_POLICY else ""


def _check_function(account: Account, function: Properties) -> str:
    code = function["Code"]
    if code["S3Key"] not in account.buckets.get(code["S3Bucket"], {}):
        return "Error occurred while GetObject. S3 Error Code: NoSuchKey"
    if _size(function.get("Environment", {}).get("Variables", {})) > MAX_ENVIRONMENT:
        return "Lambda was unable to configure your environment variables because they exceed the 4KB limit"
    needed = set()
    if "VpcConfig" in function:
        needed |= {"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"}
    if function.get("TracingConfig", {}).get("Mode") == "Active":
        needed |= {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    if "KmsKeyArn" in function:  # the first invocation would fail
        needed |= {"kms:Decrypt"}
    missing = sorted(needed - list_actions(account, _role(function)))
    return f"The provided execution role does not have permissions to call {', '.join(missing)}" if missing else ""


def _role(function: Properties) -> str:
    return str(function["Role"]).removesuffix(".Arn")


def _check_mapping(account: Account, mapping: Properties) -> str:
    function = account.find(mapping["FunctionName"], "AWS::Lambda::Function").properties
    source = mapping["EventSourceArn"]
    allowed = list_actions(account, _role(function))
    needed: set[str] = set()
    if source.endswith(".StreamArn"):
        table = account.find(source.removesuffix(".StreamArn"), "AWS::DynamoDB::Table").properties
        if "StreamSpecification" not in table:
            return "Stream not found"
        needed |= {*STREAM_ACTIONS, *(["kms:Decrypt"] if table["SSESpecification"].get("SSEType") == "KMS" else [])}
    else:
        queue = account.find(source.removesuffix(".Arn"), "AWS::SQS::Queue").properties
        if int(queue.get("VisibilityTimeout", 30)) < int(function["Timeout"]):
            return "Queue visibility timeout is less than Function timeout"
        needed |= {*QUEUE_ACTIONS, *(["kms:Decrypt"] if "KmsMasterKeyId" in queue else [])}
    if "DestinationConfig" in mapping:
        needed.add("sqs:SendMessage")
    missing = sorted(needed - allowed)
    return f"The provided execution role does not have permissions to call {', '.join(missing)}" if missing else ""


def _check_bucket(account: Account, bucket: Properties) -> str:
    for each in bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", []):
        queue = each["Queue"].removesuffix(".Arn")
        statements = [
            statement
            for policy in account.list_of("AWS::SQS::QueuePolicy")
            if queue in policy.properties["Queues"]
            for statement in policy.properties["PolicyDocument"]["Statement"]
        ]
        if not any(each["Principal"] == {"Service": "s3.amazonaws.com"} for each in statements):
            return "Unable to validate the following destination configurations"
    return ""


def _check_bucket_policy(account: Account, policy: Properties) -> str:
    blocked = account.find(policy["Bucket"], "AWS::S3::Bucket").properties["PublicAccessBlockConfiguration"]
    opens = any(
        statement["Effect"] == "Allow" and statement["Principal"] == "*"
        for statement in policy["PolicyDocument"]["Statement"]
    )
    return (
        "public policies are blocked by the BlockPublicPolicy setting" if opens and blocked["BlockPublicPolicy"] else ""
    )


def _check_deployment(account: Account, deployment: Properties) -> str:
    methods = [
        each
        for each in account.list_of("AWS::ApiGateway::Method")
        if each.properties["RestApiId"] == deployment["RestApiId"]
    ]
    return "" if methods else "The REST API doesn't contain any methods"


def _check_stage(account: Account, stage: Properties) -> str:
    if "AccessLogSetting" in stage and not account.log_role:
        return "CloudWatch Logs role ARN must be set in account settings to enable logging"
    return ""


def _check_plan(account: Account, plan: Properties) -> str:
    stages = {each.id for each in account.list_of("AWS::ApiGateway::Stage")}
    missing = [each["Stage"] for each in plan["ApiStages"] if each["Stage"] not in stages]
    return f"API Stage not found: {missing[0]}" if missing else ""


def _check_endpoint(account: Account, endpoint: Properties) -> str:
    for other in account.list_of("AWS::EC2::VPCEndpoint"):
        if (other.properties["VpcId"], other.properties["ServiceName"]) != (endpoint["VpcId"], endpoint["ServiceName"]):
            continue
        if endpoint.get("PrivateDnsEnabled") and other.properties.get("PrivateDnsEnabled"):
            return "private-dns-enabled cannot be set because there is already a conflicting DNS domain in the VPC"
        if set(endpoint.get("RouteTableIds", [])) & set(other.properties.get("RouteTableIds", [])):
            return "route table already has a route with destination-prefix-list-id"
    zones = [each.rpartition("-")[2] for each in endpoint.get("SubnetIds", [])]
    return "DuplicateSubnetsInSameZone" if len(set(zones)) < len(zones) else ""


def _check_dashboard(_account: Account, dashboard: Properties) -> str:
    try:
        json.loads(dashboard["DashboardBody"])
    except ValueError as error:
        return f"The field DashboardBody must be a valid JSON object: {error}"
    return ""


def _check_user(account: Account, user: Properties) -> str:
    groups = {each.id for each in account.list_of("AWS::IAM::Group")}
    missing = [each for each in user.get("Groups", []) if each not in groups]
    return f"The group with name {missing[0]} cannot be found" if missing else ""


def _check_topic_policy(account: Account, policy: Properties) -> str:
    topics = {each.id for each in account.list_of("AWS::SNS::Topic")}
    return "" if set(policy["Topics"]) <= topics else "Invalid parameter: Topic does not exist"


RULES: Final[Mapping[str, Rule]] = {
    "AWS::ApiGateway::Deployment": _check_deployment,
    "AWS::ApiGateway::Stage": _check_stage,
    "AWS::ApiGateway::UsagePlan": _check_plan,
    "AWS::CloudWatch::Dashboard": _check_dashboard,
    "AWS::EC2::VPCEndpoint": _check_endpoint,
    "AWS::IAM::ManagedPolicy": _check_managed_policy,
    "AWS::IAM::Role": _check_role,
    "AWS::IAM::User": _check_user,
    "AWS::Lambda::EventSourceMapping": _check_mapping,
    "AWS::Lambda::Function": _check_function,
    "AWS::S3::Bucket": _check_bucket,
    "AWS::S3::BucketPolicy": _check_bucket_policy,
    "AWS::SNS::TopicPolicy": _check_topic_policy,
}


def find_deletion_refusal(account: Account, resource: Resource) -> str:
    """Return why AWS refuses to delete a resource that others still use, or an empty string."""
    users: Mapping[str, Callable[[Resource], bool]] = {
        "AWS::EC2::SecurityGroup": lambda each: f"{resource.id}.GroupId" in json.dumps(dict(each.properties)),
        "AWS::IAM::ManagedPolicy": lambda each: resource.id in each.properties.get("ManagedPolicyArns", []),
        "AWS::IAM::Group": lambda each: resource.id in each.properties.get("Groups", []),
        "AWS::ApiGateway::Deployment": lambda each: each.properties.get("DeploymentId") == resource.id,
        "AWS::Cognito::UserPool": lambda each: (
            each.kind == "AWS::Cognito::UserPoolDomain" and each.properties["UserPoolId"] == resource.id
        ),
        # Lambda deletes the network interfaces of a function with the function's role.
        "AWS::IAM::Role": lambda each: each.properties.get("Role") == f"{resource.id}.Arn",
    }
    is_user = users.get(resource.kind)
    found = [each.id for each in account.resources.values() if is_user and each is not resource and is_user(each)]
    return f"{resource.id} is used by {found[0]}" if found else ""
