"""Request bodies: raw bytes, base64 text, a multipart form or JSON, all read as one ``Upload``.

The content of the bytes decides their type. JSON may name an S3 object instead of the image, and is read as an
``ImageReference``.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from io import BytesIO
from typing import Any, Final

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent
from multipart import MultipartError, MultipartParser, parse_options_header

from shared.errors import (
    BadBase64,
    BadJson,
    BadMultipart,
    BodyTooLarge,
    EmptyBody,
    InvalidRequest,
    UnsupportedImageType,
    UnsupportedMediaType,
)
from shared.pipeline.image_formats import INPUT_FORMATS, ImageFormat, describe_unsupported_format, detect_format

#: Maximum size of a body as it reaches the function: Lambda's 6 MB event, less space for the rest of the event
#: (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, invocation payload, synchronous).
MAX_ENCODED_BYTES: Final = 6 * 1024 * 1024 - 128 * 1024
#: Maximum size of a binary body. API Gateway passes it on in base64, which is a third longer.
MAX_RAW_BYTES: Final = MAX_ENCODED_BYTES // 4 * 3

#: The JSON member that names an S3 object.
SOURCE: Final = "source"
NO_CONTENT: Final = "The member content must be the image in base64."
#: Content types besides ``image/*`` that are read as raw bytes. ``curl --data-binary`` sends the second by default.
RAW_TYPES: Final = ("application/octet-stream", "application/x-www-form-urlencoded", "")


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded image and its options."""

    data: bytes
    image_format: ImageFormat
    filename: str | None = None
    #: Fields of the form or JSON, without the image.
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """JSON that names an S3 object instead of the image."""

    #: All members, not yet validated.
    members: Mapping[str, Any]
    filename: str | None = None


def read_upload(event: BaseProxyEvent) -> Upload:
    """Return the image of a body that must contain one. Raise what :func:`read_body` raises."""
    body = read_body(event)
    if isinstance(body, ImageReference):
        raise InvalidRequest(NO_CONTENT)
    return body


def read_body(event: BaseProxyEvent) -> Upload | ImageReference:
    """Return the image of ``POST /v1/jobs``, or the reference to it.

    Raises EmptyBody, BodyTooLarge, BadBase64, BadMultipart, BadJson, InvalidRequest,
    UnsupportedMediaType or UnsupportedImageType.
    """
    headers = event.headers
    content_type = headers.get("content-type") or ""
    media_type = content_type.partition(";")[0].strip().lower()
    body = _body_bytes(event, is_text=media_type in {"text/plain", "application/json"})
    name = _disposition_filename(headers.get("content-disposition") or "")
    if media_type == "application/json":
        return _from_json(body, name)
    if media_type == "multipart/form-data":
        return _from_form(body, content_type)
    if media_type == "text/plain":
        return Upload(*_detect_image(decode_base64(body.decode("ascii", errors="replace"))), name)
    if media_type.startswith("image/") or media_type in RAW_TYPES:
        if not event.is_base64_encoded and "\ufffd" in (event.body or ""):
            # The gateway decoded the bytes as text and replaced what is not UTF-8. The original bytes are lost.
            raise UnsupportedMediaType("Send the bytes with Content-Type image/* or application/octet-stream.")
        return Upload(*_detect_image(body), name)
    raise UnsupportedMediaType(
        f"Content-Type {media_type[:100]} is not one of image/*, application/octet-stream, text/plain (base64),"
        " multipart/form-data and application/json.",
    )


def read_json(event: BaseProxyEvent) -> dict[str, Any]:
    """Return the JSON object of a request, or an empty one without a body.

    Raises BodyTooLarge, BadBase64, BadJson or UnsupportedMediaType.
    """
    if not event.body:
        return {}
    media_type = (event.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType(f"Content-Type {media_type[:100]} is not application/json.")
    return load_json_object(_body_bytes(event, is_text=True))


def decode_base64(text: str) -> bytes:
    """Return the decoded bytes. Line breaks and a ``data:`` prefix are accepted. Raises BadBase64 or EmptyBody."""
    compact = re.sub(r"\s+", "", text)
    if compact.startswith("data:"):
        prefix, comma, compact = compact.partition(",")
        if not comma or not prefix.lower().endswith(";base64"):
            raise BadBase64("A data: URL must be in base64.")
    if not compact:
        raise EmptyBody
    try:
        return base64.b64decode(compact, validate=True)
    except ValueError as error:  # includes binascii.Error and characters beyond ASCII
        raise BadBase64 from error


def _body_bytes(event: BaseProxyEvent, *, is_text: bool) -> bytes:
    """Return the body without the gateway's base64 encoding, which differs between gateways and is flagged."""
    body = event.body or ""
    try:
        data = base64.b64decode(body) if event.is_base64_encoded else body.encode()
    except (binascii.Error, UnicodeEncodeError) as error:
        raise BadBase64 from error
    if not data:
        raise EmptyBody
    limit = MAX_ENCODED_BYTES if is_text else MAX_RAW_BYTES
    if len(data) > limit:
        raise BodyTooLarge(
            f"The body has {len(data):,} bytes; {limit:,} are allowed here,"
            f" which is an image of at most {MAX_RAW_BYTES:,} bytes. Send larger images with POST /v1/uploads.",
        )
    return data


def _detect_image(data: bytes) -> tuple[bytes, ImageFormat]:
    if not data:
        raise EmptyBody
    image_format = detect_format(data)
    if image_format is None:
        known = describe_unsupported_format(data)
        supported = ", ".join(each.name for each in INPUT_FORMATS)
        found = f"The content is {known}" if known else "The content is not a known image format"
        raise UnsupportedImageType(f"{found}; supported are {supported}.")
    return data, image_format


def _from_json(body: bytes, name: str | None) -> Upload | ImageReference:
    fields = load_json_object(body)
    if SOURCE in fields:
        if "content" in fields:
            raise InvalidRequest(f"Give the member content or {SOURCE}, not both.")
        return ImageReference(fields, name)
    content = fields.pop("content", None)
    if not isinstance(content, str):
        raise InvalidRequest(NO_CONTENT)
    return Upload(*_detect_image(decode_base64(content)), name, fields)


def load_json_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object. Raises BadJson, also for NaN, duplicate members and excessive nesting."""
    try:
        value = json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise BadJson from error
    if not isinstance(value, dict):
        raise BadJson("The JSON must be an object.")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _from_form(body: bytes, content_type: str) -> Upload:
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    if not boundary:
        raise BadMultipart("The Content-Type has no boundary.")
    files, options = [], {}
    try:
        for part in MultipartParser(BytesIO(body), boundary, strict=True):
            if part.filename is not None:
                files.append(part)
            elif part.name in options:
                raise BadMultipart(f"The field {part.name[:50]} occurs twice.")
            else:
                options[part.name] = part.value
        if len(files) != 1:
            raise BadMultipart(f"The form has {len(files)} files; it must have exactly one.")
        return Upload(*_detect_image(files[0].raw), files[0].filename or None, options)
    except (MultipartError, LookupError, UnicodeError) as error:  # LookupError: a charset that Python does not know
        raise BadMultipart from error


def _disposition_filename(header: str) -> str | None:
    """Return the file name of a Content-Disposition header (RFC 6266), including ``filename*``."""
    message = EmailMessage()
    try:
        message["Content-Disposition"] = " ".join(header.splitlines())
        return message.get_filename()
    except Exception:  # noqa: BLE001 - hostile text breaks the parser in many ways, and the name is optional
        return None
