"""Request bodies: the four content types, and every invalid body."""

import base64
import codecs
import json
from typing import Any
from urllib.parse import quote

import pytest
from aws_lambda_powertools.utilities.data_classes.api_gateway_proxy_event import APIGatewayProxyEvent
from hypothesis import given
from hypothesis import strategies as st
from support import events, sample_images

from api.http.body import MAX_RAW_BYTES, Upload, decode_base64, load_json_object, read_upload
from shared.errors import (
    BadBase64,
    BadJson,
    BadMultipart,
    BodyTooLarge,
    EmptyBody,
    InvalidRequest,
    SafelightError,
    UnsupportedImageType,
    UnsupportedMediaType,
)

IMAGE = sample_images.make_jpeg()
FORM = "multipart/form-data; boundary=x"
TEXT = base64.b64encode(IMAGE).decode()
#: Base64 that begins and ends with a plus sign and has others inside.
PLUSES = "+/ab+A++cd+/+" + "A" * 6 + "+"
FILE_INPUT_WITHOUT_A_FILE = ("second", "", b"")


def read(body: bytes | str | None, content_type: str | None, **headers: str) -> Upload:
    """Read a body as if it had just come in."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type is not None:
        sent["Content-Type"] = content_type
    return read_upload(APIGatewayProxyEvent(events.http("POST", "/v1/jobs", body, headers=sent)))


def with_charset(charset: str) -> bytes:
    """Write a form whose field claims a charset."""
    head = f'--x\r\nContent-Disposition: form-data; name="w"\r\nContent-Type: text/plain; charset={charset}'
    return head.encode() + b"\r\n\r\n1\r\n" + form(("a", "a.jpg", IMAGE))


def form(*parts: tuple[str, str | None, bytes], boundary: str = "x") -> bytes:
    """Write a multipart form of (field, file name, content)."""
    written = b""
    for name, filename, content in parts:
        named = f'; filename="{filename}"' if filename is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
        written += head.encode() + content + b"\r\n"
    return written + f"--{boundary}--\r\n".encode()


@pytest.mark.parametrize(
    "content_type", ["image/jpeg", "image/png", "application/octet-stream", None, "IMAGE/JPEG; q=1"]
)
def test_content_of_raw_bytes_decides_their_type(content_type: str | None) -> None:
    """The Content-Type header is ignored."""
    upload = read(IMAGE, content_type)
    assert upload.data == IMAGE
    assert upload.image_format.name == "JPEG"


def test_what_curl_sends_by_default_is_raw_bytes() -> None:
    """``curl --data-binary`` sends raw bytes with a form's Content-Type."""
    assert read(IMAGE, "application/x-www-form-urlencoded").data == IMAGE


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT + "\n",
        "\n".join(TEXT[at : at + 76] for at in range(0, len(TEXT), 76)),
        "\r\n".join(TEXT[at : at + 64] for at in range(0, len(TEXT), 64)),
        "data:image/jpeg;base64," + TEXT,
        "DATA:IMAGE/JPEG;Charset=x; BASE64," + TEXT,
        "data:;base64," + quote(TEXT, safe=""),
        TEXT.rstrip("="),
        TEXT.translate(str.maketrans("+/", "-_")),
        base64.urlsafe_b64encode(IMAGE).decode().rstrip("="),
        "\ufeff" + TEXT,
        "\n".join("  " + TEXT[at : at + 64] + " " for at in range(0, len(TEXT), 64)),
    ],
)
@pytest.mark.parametrize("gateway_encodes", [False, True])
def test_base64_text_is_decoded(text: str, gateway_encodes: bool) -> None:
    """Line breaks, a data: prefix and a gateway that encodes the text again are accepted."""
    assert read(text.encode() if gateway_encodes else text, "text/plain; charset=utf-8").data == IMAGE


def test_json_without_its_content_type_is_read() -> None:
    """The function fetch sends a string as text, so clients that orval generates send JSON so."""
    assert read(f' {{"content": "{TEXT}"}}', "text/plain;charset=UTF-8").data == IMAGE


def test_form_gives_file_name_and_options() -> None:
    """A form has one file. Its other fields are options."""
    body = form(("file", "cat.jpg", IMAGE), ("width", None, b"300"))
    upload = read(body, FORM)
    assert (upload.data, upload.filename, dict(upload.options)) == (IMAGE, "cat.jpg", {"width": "300"})


def test_file_input_without_a_file_is_ignored() -> None:
    """A browser sends it as a file without name and content."""
    upload = read(form(FILE_INPUT_WITHOUT_A_FILE, ("file", "cat.jpg", IMAGE), FILE_INPUT_WITHOUT_A_FILE), FORM)
    assert (upload.data, upload.filename) == (IMAGE, "cat.jpg")


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        (b"filename*=UTF-8''na%C3%AFve.jpg", "naïve.jpg"),
        (b"FileName* = \"utf-8'en'a%20b.jpg\"", "a b.jpg"),
        (b"filename=\"a.jpg\"; filename*=iso-8859-1''%E9.jpg", "é.jpg"),
        (b"filename=\"a.jpg\"; filename*=UTF-8''%E9.jpg", "a.jpg"),
        (b"filename*=UTF-8''%E9.jpg", None),
        (b"filename*=nothing", "nothing"),
        (b'filename="caf\xe9.jpg"', None),
        (b'filename="\x83\x65.jpg"', None),
        ('filename="naïve 😀.jpg"'.encode(), "naïve 😀.jpg"),
        (b'filename="a%22b.jpg"', 'a"b.jpg'),
        (b'filename="a.jpg"; filename*=', "a.jpg"),
    ],
)
def test_form_file_has_a_name_in_any_notation(parameters: bytes, name: str | None) -> None:
    """A name that can't be read is dropped, and the file is accepted."""
    head = (
        b'--x\r\nContent-Disposition: form-data; name="file"; ' + parameters + b"\r\nContent-Type: image/jpeg\r\n\r\n"
    )
    upload = read(head + IMAGE + b"\r\n--x--\r\n", FORM)
    assert (upload.data, upload.filename) == (IMAGE, name)


def test_form_file_needs_no_name() -> None:
    """Its type says that it is no text field."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"\r\nContent-Type: Image/JPEG\r\n\r\n'
    assert read(head + IMAGE + b"\r\n--x--\r\n", FORM).data == IMAGE


@pytest.mark.parametrize("byte_order_mark", [b"\xef\xbb\xbf", codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_byte_order_mark_is_accepted(byte_order_mark: bytes) -> None:
    """Windows tools write one."""
    encodings = {b"\xef\xbb\xbf": "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
    assert read(byte_order_mark + TEXT.encode(encodings[byte_order_mark]), "text/plain").data == IMAGE
    if byte_order_mark == b"\xef\xbb\xbf":
        document = json.dumps({"content": "\ufeff" + TEXT})
        assert read(byte_order_mark + document.encode(), "application/json").data == IMAGE


def test_json_gives_content_and_options() -> None:
    """JSON contains the image in base64. Its other members are options."""
    body = json.dumps({"content": TEXT, "filename": "cat.jpg", "pipeline": {}})
    upload = read(body, "application/json")
    assert upload.data == IMAGE
    assert dict(upload.options) == {"filename": "cat.jpg", "pipeline": {}}


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="my cat.jpg"', "my cat.jpg"),
        ("attachment; filename*=UTF-8''na%C3%AFve%20%F0%9F%98%80.jpg", "naïve 😀.jpg"),
        ("inline", None),
        ('attachment; filename="\u00c3\x85.png"', "\u00c3 .png"),
        ("attachment; filename=a\u2028b", "a"),
        ("attachment; filename*=idna''a", None),
        ("", None),
    ],
)
def test_content_disposition_names_the_file(header: str, name: str | None) -> None:
    """Both forms of RFC 6266 are read. A malformed header gives no name."""
    assert read(IMAGE, "image/jpeg", Content_Disposition=header).filename == name


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (None, "image/jpeg", EmptyBody),
        (b"", "image/jpeg", EmptyBody),
        ("", "text/plain", EmptyBody),
        (" \n", "text/plain", EmptyBody),
        ("data:image/png;base64,", "text/plain", EmptyBody),
        ("not base64 at all!", "text/plain", BadBase64),
        (TEXT[:-3], "text/plain", BadBase64),
        ("data:image/png," + TEXT, "text/plain", BadBase64),
        ("naïve", "text/plain", BadBase64),
        (PLUSES.replace("+", " "), "text/plain", BadBase64),
        (" " + PLUSES[1:-1], "text/plain", BadBase64),
        (PLUSES[:-1] + " ", "text/plain", BadBase64),
        (TEXT.rstrip("=") + "===", "text/plain", BadBase64),
        ("QUJD=QUJD", "text/plain", BadBase64),
        (json.dumps({"content": PLUSES.replace("+", " ")}), "application/json", BadBase64),
        (base64.b64encode(b"just words").decode(), "text/plain", UnsupportedImageType),
        (b"just words", "image/jpeg", UnsupportedImageType),
        (b"<svg/>", "image/svg+xml", UnsupportedImageType),
        (IMAGE, "text/html", UnsupportedMediaType),
        (IMAGE, "application/pdf", UnsupportedMediaType),
        ("\ufffd\ufffd\ufffd\ufffdJFIF", "application/octet-stream", UnsupportedMediaType),
        ("{", "application/json", BadJson),
        ("[]", "application/json", BadJson),
        ('{"content": "a", "content": "b"}', "application/json", BadJson),
        ("[" * 100_000, "application/json", BadJson),
        ("{}", "application/json", InvalidRequest),
        ('{"content": 5}', "application/json", InvalidRequest),
        ('{"content": "%%%"}', "application/json", BadBase64),
        (b"rubbish", FORM, BadMultipart),
        (b"rubbish", "multipart/form-data", BadMultipart),
        (form(("width", None, b"300")), FORM, BadMultipart),
        (form(("a", "a.jpg", IMAGE), ("b", "b.jpg", IMAGE)), FORM, BadMultipart),
        (form(("a", "a.jpg", b"")), FORM, EmptyBody),
        (form(FILE_INPUT_WITHOUT_A_FILE, FILE_INPUT_WITHOUT_A_FILE), FORM, EmptyBody),
        (form(("a", "a.jpg", IMAGE), ("b", "b.jpg", b"")), FORM, BadMultipart),
        (form(("a", "a", IMAGE), ("dztotalchunkcount", None, b"2")), FORM, BadMultipart),
        (form(("a", "a.jpg", IMAGE))[:-30], FORM, BadMultipart),
        (with_charset("foo"), FORM, BadMultipart),
        (with_charset("rot13"), FORM, BadMultipart),
        (b"\xff\xd8\xff" + bytes(MAX_RAW_BYTES), "image/jpeg", BodyTooLarge),
        ("A" * 7_000_000, "text/plain", BodyTooLarge),
        (bytes(7_000_000), "image/jpeg", BodyTooLarge),
    ],
)
def test_invalid_body_has_its_own_error(body: Any, content_type: str, error: type[SafelightError]) -> None:
    """Each kind of invalid body raises a specific error."""
    with pytest.raises(error):
        read(body, content_type)


def test_form_can_have_a_field_twice() -> None:
    """Whether that is an error depends on the field."""
    upload = read(form(("a", "a", IMAGE), ("w", None, b"1"), ("w", None, b"2"), ("v", None, b"3")), FORM)
    assert (upload.options, upload.doubled, upload.is_form) == ({"w": "1", "v": "3"}, frozenset({"w"}), True)


def test_largest_image_is_accepted_raw_and_as_base64() -> None:
    """An image of exactly the maximum size is accepted."""
    largest = IMAGE + bytes(MAX_RAW_BYTES - len(IMAGE))
    assert len(read(largest, "image/jpeg").data) == MAX_RAW_BYTES
    assert len(read(base64.b64encode(largest).decode(), "text/plain").data) == MAX_RAW_BYTES


@given(st.binary(min_size=1))
def test_base64_round_trip(data: bytes) -> None:
    """Decoding returns the encoded bytes."""
    assert decode_base64(base64.encodebytes(data).decode()) == data


@given(
    st.binary(max_size=200),
    st.sampled_from(["text/plain", "application/json", FORM, "image/png"]),
)
def test_any_body_is_an_upload_or_a_client_error(data: bytes, content_type: str) -> None:
    """No body causes an internal error."""
    try:
        outcome: Upload | SafelightError = read(data, content_type)
    except SafelightError as error:
        outcome = error
    assert isinstance(outcome, Upload) or outcome.status < 500


def test_nan_is_not_json() -> None:
    """NaN and Infinity are rejected."""
    with pytest.raises(BadJson):
        load_json_object(b'{"width": NaN}')
