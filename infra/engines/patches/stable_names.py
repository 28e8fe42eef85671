"""API IDs and bucket names that follow from the stack, so that addresses stay valid if the engine loses its state.

MiniStack draws both at random, as AWS does. After a kill before the first snapshot, a new stack would have other
addresses, and a new bucket without the objects that are still on the disk.
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import hashlib
from contextvars import ContextVar
from typing import Any

_api_name: ContextVar[str] = ContextVar("_api_name", default="")


def derive_api_id(name: str) -> str:
    """Return the ID of the API of this name, in MiniStack's format."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def install_api_ids(gateway: Any) -> None:
    """Patch ``ministack.services.apigateway_v1``. An ID that is in use, or that a tag gives, stays as it was."""
    create, resolve = gateway._create_rest_api, gateway._resolve_custom_rest_api_id

    def create_rest_api(data: Any) -> Any:
        token = _api_name.set(str(data.get("name") or ""))
        try:
            return create(data)
        finally:
            _api_name.reset(token)

    def resolve_rest_api_id(tags: Any) -> Any:
        found, error = resolve(tags)
        name = _api_name.get()
        if found or error or not name or gateway.find_api_scope(derive_api_id(name)) is not None:
            return found, error
        return derive_api_id(name), None

    gateway._create_rest_api = create_rest_api
    gateway._resolve_custom_rest_api_id = resolve_rest_api_id


def install_bucket_names(provisioners: Any, s3: Any) -> None:
    """Patch ``ministack.services.cloudformation.provisioners``. A name that is in use stays random."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create = handlers["create"]

    def create_bucket(logical_id: Any, properties: Any, stack_name: Any) -> Any:
        # A seed belongs to a bucket that replaces another one.
        if properties.get("BucketName") or provisioners._NAME_SEED.get():
            return create(logical_id, properties, stack_name)
        name = provisioners._physical_name(stack_name, logical_id, lowercase=True, max_len=63)
        found = s3._buckets.get(name)
        if s3._bucket_owner_account(name) is not None and not _is_without_owner(found):
            return create(logical_id, properties, stack_name)
        if found is not None:
            del s3._buckets[name]
        made = create(logical_id, {**properties, "BucketName": name}, stack_name)
        if found is not None:
            s3._buckets[name]["objects"].update(found["objects"])
        return made

    handlers["create"] = create_bucket


def _is_without_owner(bucket: Any) -> bool:
    """Return True for a bucket that MiniStack has made from the objects on the disk, without any other state."""
    return bucket is not None and bucket.get("region") is None
