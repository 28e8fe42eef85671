"""POST requests over real connections on this machine."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from time import sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.closed_port import get_port, hold_port
from support.webhook_receiver import Receiver, receiving

from notifier.http_post import HttpPost

NAME = "127.0.0.1"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrusted certificate for this machine, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(NAME))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def server_side(certificate: Path) -> ssl.SSLContext:
    """The TLS context of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver over plain HTTP."""
    with receiving() as made:
        yield made


@contextmanager
def speaking(data: bytes, *, pause: float = 0) -> Iterator[str]:
    """Run a server that answers the first caller with these bytes and keeps the connection open.

    With a pause in seconds, it sends one byte at a time until the caller is gone.
    """
    with socket.create_server((NAME, 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            with suppress(OSError):  # the caller is gone, or has never come
                line, _ = server.accept()
                held.append(line)
                if not pause:
                    line.sendall(data)
                    return
                for byte in data:
                    line.sendall(bytes([byte]))
                    sleep(pause)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://{NAME}:{server.getsockname()[1]}/"
        finally:
            server.shutdown(socket.SHUT_RDWR)  # a caller without time does not connect
            thread.join()
            for line in held:
                line.close()


def test_a_request_arrives_unchanged(receiver: Receiver) -> None:
    """Path, query, headers and body reach the receiver; its status is returned."""
    receiver.answer(202)
    answer = HttpPost(allow_internal=True)(f"{receiver.url}?a=b", {"X-One": "1", "Content-Type": "text/x"}, b"body")
    assert (answer.status, answer.reason) == (202, None)
    (got,) = receiver.got
    assert (got.path, got.body, got.headers["X-One"]) == ("/hook?a=b", b"body", "1")
    assert got.headers["Host"] == receiver.url.split("/")[2]


def test_the_certificate_is_verified(certificate: Path, server_side: ssl.SSLContext) -> None:
    """Only a trusted certificate for this host is accepted."""
    with receiving(server_side) as receiver:
        assert HttpPost(allow_internal=True)(receiver.url, {}, b"").reason == "TLS_FAILED"
        known = ssl.create_default_context(cafile=str(certificate))
        assert HttpPost(allow_internal=True, tls=known)(receiver.url, {}, b"").status == 204
        elsewhere = receiver.url.replace(NAME, "localhost")
        assert HttpPost(allow_internal=True, tls=known)(elsewhere, {}, b"").reason == "TLS_FAILED"
        assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(status: int, receiver: Receiver) -> None:
    """The redirect itself is the response."""
    with receiving() as inside:
        receiver.answer(status, Location=inside.url)
        assert HttpPost(allow_internal=True)(receiver.url, {}, b"").status == status
        assert not inside.got


def test_proxy_variables_are_ignored(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxy variables of the environment are ignored."""
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert HttpPost(allow_internal=True)(receiver.url, {}, b"").status == 204
        assert not proxy.got


def test_internal_hosts_are_refused(receiver: Receiver) -> None:
    """With public hosts only, this machine is refused by name and by address."""
    for url in (
        receiver.url,
        receiver.url.replace(NAME, "localhost"),
        receiver.url.replace(NAME, "[::ffff:127.0.0.1]"),
    ):
        assert HttpPost(allow_internal=False)(url, {}, b"").reason in {"ADDRESS_NOT_ALLOWED", "HOST_NOT_FOUND"}
    assert not receiver.got


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 "], ids=["silent", "headers", "status"]
)
def test_a_receiver_that_never_ends_times_out(data: bytes) -> None:
    """No response, or half a head."""
    with speaking(data) as url:
        assert HttpPost(allow_internal=True, seconds=0.2)(url, {}, b"").reason == "TIMED_OUT"


def test_a_receiver_that_answers_byte_by_byte_times_out() -> None:
    """The time limit is for the whole head: it does not start again with each byte."""
    with speaking(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 250 + b"\r\n\r\n", pause=0.02) as url:
        assert HttpPost(allow_internal=True, seconds=0.2)(url, {}, b"").reason == "TIMED_OUT"


def test_the_body_of_a_response_is_not_read() -> None:
    """A head is enough."""
    with speaking(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\nxx") as url:
        assert HttpPost(allow_internal=True)(url, {}, b"").status == 200


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH\r\n", b"\x00" * 100, b"HTTP/1.1 999999 no\r\n\r\n"])
def test_an_invalid_response_is_a_failed_connection(data: bytes) -> None:
    """Such as another protocol's greeting."""
    with speaking(data) as url:
        answer = HttpPost(allow_internal=True, seconds=1)(url, {}, b"")
    assert (answer.status, answer.reason) in {(None, "CONNECTION_FAILED"), (None, "TIMED_OUT")}


def test_a_closed_port_is_a_failed_connection() -> None:
    """A closed port is a failed connection."""
    with hold_port() as holder:
        url = f"http://{NAME}:{get_port(holder)}/"
        assert HttpPost(allow_internal=True)(url, {}, b"").reason == "CONNECTION_FAILED"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("999999999999999999", 999999999),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ],
)
def test_retry_after_is_returned(text: str, seconds: int, receiver: Receiver) -> None:
    """In seconds; a past date means zero."""
    receiver.answer(503, Retry_After=text)
    asked = HttpPost(allow_internal=True)(receiver.url, {}, b"").retry_after
    assert asked == timedelta(seconds=seconds)


def test_retry_after_as_a_date_is_returned(receiver: Receiver) -> None:
    """As the time from the response to the date."""
    date = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    receiver.answer(503, Retry_After=format_datetime(date))
    before = datetime.now(UTC)
    asked = HttpPost(allow_internal=True)(receiver.url, {}, b"").retry_after
    assert asked is not None
    assert date - datetime.now(UTC) <= asked <= date - before


@pytest.mark.parametrize("text", ["soon", "-5", "1.5", ""])
def test_an_invalid_retry_after_is_ignored(text: str, receiver: Receiver) -> None:
    """The usual delay applies."""
    receiver.answer(429, Retry_After=text)
    assert HttpPost(allow_internal=True)(receiver.url, {}, b"").retry_after is None
