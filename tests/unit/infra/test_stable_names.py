"""IDs of REST APIs and names of buckets in the embedded engine."""

from types import SimpleNamespace
from typing import Any

from infra.engines.patches import stable_names
from infra.engines.patches.stable_names import derive_api_id


def make_gateway() -> Any:
    """Return a double of MiniStack's module: it creates APIs with random IDs, unless a tag has one."""
    gateway: Any = SimpleNamespace(apis={})
    gateway.find_api_scope = gateway.apis.get
    gateway._resolve_custom_rest_api_id = lambda tags: (tags.get("ms-custom-id"), None)

    def create(data: Any) -> str:
        found, error = gateway._resolve_custom_rest_api_id(data.get("tags", {}))
        assert error is None
        made = found or f"random-{len(gateway.apis)}"
        gateway.apis[made] = data.get("name")
        return str(made)

    gateway._create_rest_api = create
    stable_names.install_api_ids(gateway)
    return gateway


def test_the_id_follows_from_the_name() -> None:
    """Another engine gives the same API the same ID."""
    first, second = make_gateway(), make_gateway()
    assert first._create_rest_api({"name": "a"}) == second._create_rest_api({"name": "a"}) == derive_api_id("a")
    assert first._create_rest_api({"name": "b"}) == derive_api_id("b") != derive_api_id("a")


def test_other_ids_stay_random() -> None:
    """A second API of the same name, one without a name, and one with an ID of its own."""
    gateway = make_gateway()
    gateway._create_rest_api({"name": "a"})
    assert gateway._create_rest_api({"name": "a"}) == "random-1"
    assert gateway._create_rest_api({}) == "random-2"
    assert gateway._create_rest_api({"name": "c", "tags": {"ms-custom-id": "mine"}}) == "mine"


def make_services() -> tuple[Any, Any]:
    """Return doubles of MiniStack's modules for CloudFormation and S3."""
    s3: Any = SimpleNamespace(_buckets={})
    s3._bucket_owner_account = lambda name: "0" if name in s3._buckets else None

    def create(_: str, properties: Any, __: str) -> str:
        name = str(properties.get("BucketName") or f"random-{len(s3._buckets)}")
        s3._buckets[name] = {"objects": {}, "region": "us-east-1"}
        return name

    provisioners: Any = SimpleNamespace(_RESOURCE_HANDLERS={"AWS::S3::Bucket": {"create": create}})
    provisioners._NAME_SEED = SimpleNamespace(get=lambda: "")
    provisioners._physical_name = lambda stack, resource, **_: f"{stack}-{resource}".lower()
    stable_names.install_bucket_names(provisioners, s3)
    return provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["create"], s3


def test_the_bucket_of_a_stack_keeps_its_name() -> None:
    """A second stack of that name, while the bucket exists, gets another one."""
    create, _ = make_services()
    assert create("Bucket", {}, "stack") == "stack-bucket"
    assert create("Bucket", {}, "stack") == "random-1"
    assert create("Bucket", {"BucketName": "mine"}, "other") == "mine"


def test_a_bucket_without_a_stack_gets_its_objects_back() -> None:
    """MiniStack finds them on the disk."""
    create, s3 = make_services()
    s3._buckets["stack-bucket"] = {"objects": {"key": "value"}, "region": None}
    assert create("Bucket", {}, "stack") == "stack-bucket"
    assert s3._buckets["stack-bucket"] == {"objects": {"key": "value"}, "region": "us-east-1"}
