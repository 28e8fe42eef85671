"""Request bodies with an image: raw bytes, base64 text, a multipart form or JSON. Each becomes an ``Upload``.

The image format is detected from the content. JSON that names an S3 object instead of the image becomes an
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

#: Maximum bytes of a body as the function receives it: Lambda's 6 MB per event, minus the rest of the event
#: (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, invocation payload, synchronous).
MAX_ENCODED_BYTES: Final = 6 * 1024 * 1024 - 128 * 1024
#: Maximum bytes of a binary body. API Gateway encodes it in base64, which makes it a third longer.
MAX_RAW_BYTES: Final = MAX_ENCODED_BYTES // 4 * 3

#: The JSON member that names an S3 object.
SOURCE: Final = "source"
NO_CONTENT: Final = "The member content must be the image in base64."
#: Content types that are read as raw bytes, like ``image/*``. ``curl --data-binary`` sends the second by default.
RAW_TYPES: Final = ("application/octet-stream", "application/x-www-form-urlencoded", "")


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded image and its options."""

    data: bytes
    image_format: ImageFormat
    filename: str | None = None
    #: Fields of the form or members of the JSON, without the image.
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A JSON body that names an S3 object instead of containing the image."""

    #: All JSON members, not yet validated.
    members: Mapping[str, Any]
    filename: str | None = None


def read_upload(event: BaseProxyEvent) -> Upload:
    """Return the image in a body.

    Raises InvalidRequest if the body names an S3 object, or the errors of :func:`read_body`.
    """
    body = read_body(event)
    if isinstance(body, ImageReference):
        raise InvalidRequest(NO_CONTENT)
    return body


def read_body(event: BaseProxyEvent) -> Upload | ImageReference:
    """Return the image in the body of ``POST /v1/jobs``, or the S3 object that the body names.

    Raises EmptyBody, BodyTooLarge, BadBase64, BadMultipart, BadJson, InvalidRequest, UnsupportedMediaType or
    UnsupportedImageType if the body is not allowed.
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
            # The gateway has decoded the bytes as UTF-8 and replaced invalid sequences, so the original bytes are lost.
            raise UnsupportedMediaType("Send the bytes with Content-Type image/* or application/octet-stream.")
        return Upload(*_detect_image(body), name)
    raise UnsupportedMediaType(
        f"Content-Type {media_type[:100]} is not one of image/*, application/octet-stream, text/plain (base64),"
        " multipart/form-data and application/json.",
    )


def read_json(event: BaseProxyEvent) -> dict[str, Any]:
    """Return the JSON object in the body of a request, or an empty object if there is no body.

    Raises BodyTooLarge, BadBase64, BadJson or UnsupportedMediaType if the body is not allowed.
    """
    if not event.body:
        return {}
    media_type = (event.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType(f"Content-Type {media_type[:100]} is not application/json.")
    return load_json_object(_body_bytes(event, is_text=True))


def decode_base64(text: str) -> bytes:
    """Return the decoded bytes. The text may have line breaks and a ``data:`` prefix.

    Raises BadBase64 if the text is not base64, or EmptyBody if there are no bytes.
    """
    compact = re.sub(r"\s+", "", text)
    if compact.startswith("data:"):
        prefix, comma, compact = compact.partition(",")
        if not comma or not prefix.lower().endswith(";base64"):
            raise BadBase64("A data: URL must be in base64.")
    if not compact:
        raise EmptyBody
    try:
        return base64.b64decode(compact, validate=True)
    except ValueError as error:  # also for binascii.Error and characters that are not ASCII
        raise BadBase64 from error


def _body_bytes(event: BaseProxyEvent, *, is_text: bool) -> bytes:
    """Return the bytes of the body. If the gateway has encoded them in base64, the event says so."""
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
            f"The body has {len(data):,} bytes. At most {limit:,} are allowed here,"
            f" for an image of at most {MAX_RAW_BYTES:,} bytes. Send larger images with POST /v1/uploads.",
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
        raise UnsupportedImageType(f"{found}. Supported formats: {supported}.")
    return data, image_format


def _from_json(body: bytes, name: str | None) -> Upload | ImageReference:
    fields = load_json_object(body)
    if SOURCE in fields:
        if "content" in fields:
            raise InvalidRequest(f"Give either the member content or the member {SOURCE}, not both.")
        return ImageReference(fields, name)
    content = fields.pop("content", None)
    if not isinstance(content, str):
        raise InvalidRequest(NO_CONTENT)
    return Upload(*_detect_image(decode_base64(content)), name, fields)


def load_json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body. Raises BadJson for anything else, including NaN and duplicate members."""
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
    except (MultipartError, LookupError, UnicodeError) as error:  # LookupError: Python does not know the charset
        raise BadMultipart from error


def _disposition_filename(header: str) -> str | None:
    """Return the file name in a Content-Disposition header (RFC 6266; also ``filename*``), or None."""
    message = EmailMessage()
    try:
        message["Content-Disposition"] = " ".join(header.splitlines())
        return message.get_filename()
    except Exception:  # noqa: BLE001 - hostile text makes the parser fail in many ways, and the name is optional
        return None
