"""Request bodies with an image: raw bytes, base64 text, a multipart form or JSON. Each becomes an ``Upload``.

The image format is detected from the content. JSON that names an S3 object instead of the image becomes an
``ImageReference``.
"""

import base64
import binascii
import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from io import BytesIO
from typing import Any, Final
from urllib.parse import unquote

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent
from multipart import MultipartError, MultipartParser, MultipartPart, parse_options_header

from shared.errors import (
    BadBase64,
    BadJson,
    BadMultipart,
    BodyTooLarge,
    EmptyBody,
    FieldError,
    InvalidRequest,
    UnsupportedImageType,
    UnsupportedMediaType,
)
from shared.pipeline.image_formats import INPUT_FORMATS, ImageFormat, describe_unsupported_format, detect_format
from shared.pipeline.limits import HEIF_IS_OFF, Limits

#: Maximum bytes of a body as the function receives it: Lambda's 6 MB per event, minus the rest of the event
#: (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, invocation payload, synchronous).
MAX_ENCODED_BYTES: Final = 6 * 1024 * 1024 - 128 * 1024
#: Maximum bytes of a binary body. API Gateway encodes it in base64, which makes it a third longer.
MAX_RAW_BYTES: Final = MAX_ENCODED_BYTES // 4 * 3

#: The JSON member that names an S3 object, a file on a web server, or a job.
SOURCE: Final = "source"
NO_CONTENT: Final = "The member content must be the image in base64."
#: Members that other APIs have for the image or its address.
_OTHER_SOURCES: Final = frozenset({"url", "uri", "src", "href", "link", "image", "image_url", "file", "data"})
_SOURCES: Final = (
    "The image is in content (base64), or source is its address (s3://bucket/key, https://host/path or job:ID)."
)
#: Content types that are read as raw bytes, like ``image/*``. ``curl --data-binary`` sends the second by default.
RAW_TYPES: Final = ("application/octet-stream", "application/x-www-form-urlencoded", "")
#: Fields in which libraries send the number of chunks of a file: Dropzone, Fine Uploader, Plupload, Resumable.js, Flow.
CHUNK_COUNTS: Final = frozenset(
    {"dztotalchunkcount", "qqtotalparts", "chunks", "resumableTotalChunks", "flowTotalChunks"}
)
#: The alphabet of RFC 4648, section 5, to the one of section 4.
_STANDARD_ALPHABET: Final = str.maketrans("-_", "+/")
#: The parameter ``filename*`` of a Content-Disposition header (RFC 8187).
_EXTENDED_NAME: Final = re.compile(r";\s*filename\*\s*=\s*\"?([^\";]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded image and its options."""

    data: bytes
    image_format: ImageFormat
    filename: str | None = None
    #: Fields of the form or members of the JSON, without the image.
    options: Mapping[str, Any] = field(default_factory=dict)
    #: True if the body is a form. Its fields can include some that a library has added.
    is_form: bool = False
    #: Names of fields that the form has more than once. ``options`` has the first value of each.
    doubled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A JSON body that names the source of the image instead of containing the image."""

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
        # fetch sends JSON without a Content-Type as text, and clients that orval generates do so.
        if body.lstrip().startswith(b"{"):
            return _from_json(body, name)
        return Upload(*_detect_image(decode_base64(_decode_text(body))), name)
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
    """Return the decoded bytes.

    The text may have a byte order mark, line breaks, indented lines and a ``data:`` prefix in any case. The alphabet is
    the standard one or the one for URLs (RFC 4648, sections 4 and 5), and the padding may be missing. A blank inside a
    line is an error: form decoding turns ``+`` into a blank.

    Raises BadBase64 if the text is not base64, or EmptyBody if there are no bytes.
    """
    has_blank = " " in text
    text = text.lstrip("\ufeff").strip()
    if text[:5].lower() == "data:":
        prefix, comma, text = text.partition(",")
        if not comma or not re.sub(r"\s", "", prefix).lower().endswith(";base64"):
            raise BadBase64("A data: URL must be in base64.")
        text, has_blank = unquote(text), " " in text
    compact = "".join(line.strip() for line in text.splitlines())
    if not compact:
        raise EmptyBody
    if " " in compact:
        raise BadBase64("The base64 text has a blank. If it was a +, encode it as %2B.")
    digits = compact.rstrip("=")
    padding = "=" * (-len(digits) % 4)
    # A + at the edge of a line can be lost too. So a text with blanks may not lack its padding.
    if compact != digits + padding and (compact != digits or has_blank):
        raise BadBase64("The base64 text is incomplete: its length does not match its padding.")
    try:
        return base64.b64decode((digits + padding).translate(_STANDARD_ALPHABET), validate=True)
    except ValueError as error:  # also for binascii.Error and characters that are not ASCII
        raise BadBase64 from error


def _decode_text(body: bytes) -> str:
    """Return the text of a body in UTF-8 or, with a byte order mark, UTF-16. PowerShell 5 writes the latter."""
    encoding = "utf-16" if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    return body.decode(encoding, errors="replace")


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


def require_accepted(upload: Upload, limits: Limits) -> None:
    """Raise UnsupportedImageType if this deployment does not accept the format of an image."""
    if not limits.accepts(upload.image_format):
        raise UnsupportedImageType(HEIF_IS_OFF)


def _from_json(body: bytes, name: str | None) -> Upload | ImageReference:
    fields = load_json_object(body)
    if SOURCE in fields:
        if "content" in fields:
            raise InvalidRequest(f"Give either the member content or the member {SOURCE}, not both.")
        return ImageReference(fields, name)
    content = fields.pop("content", None)
    if content is None and (other := next((each for each in fields if each.lower() in _OTHER_SOURCES), None)):
        raise InvalidRequest(errors=(FieldError(f"/{other}", f"is unknown. {_SOURCES}"),))
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
    files: list[MultipartPart] = []
    options: dict[str, str] = {}
    doubled: set[str] = set()
    # Headers are read as Latin-1, so that a file name in any encoding is no error. The limits keep the parts in memory.
    limits = {"spool_limit": MAX_RAW_BYTES, "memory_limit": MAX_RAW_BYTES}
    try:
        for part in MultipartParser(BytesIO(body), boundary, charset="latin-1", strict=True, **limits):
            name = part.name.encode("latin-1").decode()
            if _is_file(part):
                files.append(part)
            elif name in options:
                doubled.add(name)
            else:
                options[name] = part.raw.decode(_charset(part))
    except (MultipartError, LookupError, UnicodeError) as error:  # LookupError: Python does not know the charset
        raise BadMultipart from error
    # A browser sends a file input without a file as a file without name and content.
    chosen = [part for part in files if part.size or part.filename]
    if files and not chosen:
        raise EmptyBody
    if len(chosen) != 1:
        raise BadMultipart(f"The form has {len(chosen)} files; it must have exactly one.")
    require_whole_file(options)
    return Upload(
        *_detect_image(chosen[0].raw),
        _form_filename(chosen[0]),
        options,
        is_form=True,
        doubled=frozenset(doubled),
    )


def require_whole_file(fields: Mapping[str, str]) -> None:
    """Raise BadMultipart if a library has divided the file, and this form has only one chunk of it."""
    for name in CHUNK_COUNTS & fields.keys():
        if fields[name].strip() not in {"", "0", "1"}:
            raise BadMultipart(
                f"The form has one of {fields[name][:20]} chunks of the file ({name}). Turn chunks off, or send large"
                " files with POST /v1/uploads.",
            )


def _is_file(part: MultipartPart) -> bool:
    """Return True if a part of a form is a file: it has a file name, or a type that no text field has."""
    if part.filename is not None or _EXTENDED_NAME.search(part.disposition):
        return True
    return bool(re.match(r"image/|application/octet-stream\b", part.content_type, re.IGNORECASE))


def _charset(part: MultipartPart) -> str:
    return str(parse_options_header(part.headers.get("Content-Type", ""))[1].get("charset", "utf-8"))


def _form_filename(part: MultipartPart) -> str | None:
    """Return the file name of a part, or None if there is none or it is not UTF-8.

    ``filename*`` takes precedence, as in RFC 6266. RFC 7578 forbids it in forms, but some clients send it.
    """
    extended = _EXTENDED_NAME.search(part.disposition)
    if extended:
        name = _disposition_filename(f"attachment; filename*={extended[1]}")
        if name and "\ufffd" not in name:
            return name
    try:
        return (part.filename or "").encode("latin-1").decode() or None
    except UnicodeError:
        return None


def _disposition_filename(header: str) -> str | None:
    """Return the file name in a Content-Disposition header (RFC 6266; also ``filename*``), or None."""
    message = EmailMessage()
    try:
        message["Content-Disposition"] = " ".join(header.splitlines())
        return message.get_filename()
    except Exception:  # noqa: BLE001 - hostile text makes the parser fail in many ways, and the name is optional
        return None
