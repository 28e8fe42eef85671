"""Downloads from web servers, over real connections on this machine."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPConnection
from itertools import count
from typing import Any

import pytest
from support.source_server import NAME, SourceServer, make_response, serving
from unit.shared.test_public_addresses import INTERNAL
from unit.shared.test_safe_connect import SPELLINGS, answering

from shared.errors import (
    SafelightError,
    SourceForbidden,
    SourceInvalid,
    SourceMissing,
    SourceUnreachable,
    TooManyBytes,
)
from shared.jobs.source import UrlSource, is_host_allowed
from shared.network.http_exchange import Network
from shared.network.safe_connect import SocketAddress
from worker.url_source import MAX_REDIRECTS, UrlFetcher

BODY = b"\xff\xd8\xff" + bytes(1000)
LARGEST = 100_000
EVERY_HOST = frozenset({"*"})
#: A signature in a URL, which no message may contain.
SECRET = "X-Signature=s3cr3t"  # noqa: S105 - made up


@pytest.fixture
def server() -> Iterator[SourceServer]:
    """A server on this machine."""
    with serving() as made:
        yield made


def make_fetcher(*, allow_internal: bool = True, seconds: float = 600, **more: Any) -> UrlFetcher:
    """Return a fetcher that may connect to this machine."""
    hosts = more.pop("hosts", EVERY_HOST)
    return UrlFetcher(Network(allow_internal, **more), hosts, seconds)


def fetch(url: str, fetcher: UrlFetcher | None = None) -> bytes:
    """Download a file."""
    return (fetcher or make_fetcher()).fetch(UrlSource(url=url), max_bytes=LARGEST)


def refuse(url: str, error: type[SafelightError], fetcher: UrlFetcher | None = None) -> None:
    """Require that a download is refused with exactly this error, which does not show the query."""
    with pytest.raises(SafelightError) as caught:
        fetch(url, fetcher)
    assert type(caught.value) is error, caught.value.detail
    assert "s3cr3t" not in caught.value.detail


def test_a_file_arrives_unchanged(server: SourceServer) -> None:
    """With its path and query. The request asks for an uncompressed file and has no credentials."""
    server.answers["/a%20b.jpg?" + SECRET] = make_response(BODY)
    assert fetch(server.url("/a%20b.jpg?" + SECRET)) == BODY
    (head,) = server.got
    names = {line.partition(":")[0].lower() for line in head.splitlines()[1:] if line}
    assert names == {"host", "accept", "accept-encoding", "connection", "user-agent"}
    assert "Accept-Encoding: identity" in head


@pytest.mark.parametrize(
    "headers", [{"Content-Length": ""}, {"Content-Encoding": "identity"}, {"Content-Encoding": "Identity "}]
)
def test_a_body_may_end_with_the_connection(server: SourceServer, headers: dict[str, str]) -> None:
    """If the server announces no length."""
    server.answers["/a.jpg"] = make_response(BODY, headers=headers)
    assert fetch(server.url()) == BODY


def test_a_body_may_be_sent_in_chunks(server: SourceServer) -> None:
    """If the chunks are complete."""
    chunked = {"Content-Length": "", "Transfer-Encoding": "chunked"}
    server.answers["/a.jpg"] = make_response(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", headers=chunked)
    assert fetch(server.url()) == b"abcde"
    server.answers["/a.jpg"] = make_response(b"3\r\nabc\r\n9\r\nde", headers=chunked)
    refuse(server.url(), SourceUnreachable)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, SourceForbidden) for status in (401, 402, 403, 407, 451)),
        *((status, SourceMissing) for status in (404, 410)),
        *((status, SourceUnreachable) for status in (408, 425, 429, 500, 502, 503, 504)),
        *((status, SourceInvalid) for status in (204, 206, 300, 304, 400, 405, 416)),
    ],
)
def test_each_status_has_a_code(server: SourceServer, status: int, error: type[SafelightError]) -> None:
    """Permanent, or worth another try."""
    server.answers["/a.jpg?" + SECRET] = make_response(BODY, status)
    refuse(server.url("/a.jpg?" + SECRET), error)


def test_a_file_that_is_too_large_is_refused(server: SourceServer) -> None:
    """By its announced length, or as soon as too many bytes have arrived. The largest allowed one is accepted."""
    server.answers["/a.jpg"] = make_response(bytes(LARGEST))
    assert len(fetch(server.url())) == LARGEST
    server.answers["/a.jpg"] = make_response(b"", headers={"Content-Length": str(LARGEST + 1)})
    refuse(server.url(), TooManyBytes)
    server.answers["/a.jpg"] = make_response(bytes(LARGEST + 1), headers={"Content-Length": ""})
    refuse(server.url(), TooManyBytes)


def test_an_endless_body_is_refused(server: SourceServer) -> None:
    """Without reading on."""

    def send_forever(line: socket.socket) -> None:
        line.sendall(make_response(b"", headers={"Content-Length": ""}))
        while True:
            line.sendall(bytes(65536))

    server.answers["/a.jpg"] = send_forever
    refuse(server.url(), TooManyBytes)


@pytest.mark.parametrize("length", ["1004", "99999"])
def test_a_body_that_is_too_short_may_succeed_later(server: SourceServer, length: str) -> None:
    """The connection broke off."""
    server.answers["/a.jpg"] = make_response(BODY, headers={"Content-Length": length})
    refuse(server.url(), SourceUnreachable)


def test_a_body_that_is_too_long_is_cut_at_its_length(server: SourceServer) -> None:
    """As HTTP says."""
    server.answers["/a.jpg"] = make_response(BODY + b"more", headers={"Content-Length": str(len(BODY))})
    assert fetch(server.url()) == BODY


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "ten"},
        {"Content-Length": "-1"},
        {"Content-Length": "5, 6"},
        {"Content-Length": "9" * 5000},
        {"Content-Length": "1 0"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "identity, br"},
        {"Transfer-Encoding": "gzip, chunked"},
    ],
    ids=str,
)
def test_an_invalid_response_is_refused(server: SourceServer, headers: dict[str, str]) -> None:
    """A malformed length, and every encoding."""
    server.answers["/a.jpg"] = make_response(BODY, headers=headers)
    refuse(server.url(), SourceInvalid)


@pytest.mark.parametrize("data", [b"", b"SSH-2.0\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"])
def test_no_response_may_succeed_later(server: SourceServer, data: bytes) -> None:
    """Also another protocol, and too many headers."""
    server.answers["/a.jpg"] = data
    refuse(server.url(), SourceUnreachable)


def hold(stop: threading.Event, *data: bytes) -> Callable[[socket.socket], None]:
    """Return an answer that sends some bytes and then one byte now and then, until ``stop`` is set."""

    def answer(line: socket.socket) -> None:
        for each in data:
            line.sendall(each)
        while not stop.wait(0.02):
            line.sendall(b"x")

    return answer


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", make_response(b"", headers={"Content-Length": "50000"})]
)
def test_a_slow_server_is_given_up(server: SourceServer, head: bytes) -> None:
    """The limit is for the whole download: it does not start again with each byte."""
    stop = threading.Event()
    server.answers["/a.jpg"] = hold(stop, head)
    refuse(server.url(), SourceUnreachable, make_fetcher(seconds=0.3))
    stop.set()


def test_redirects_share_one_time_limit(server: SourceServer) -> None:
    """Each one may be quick, all together are too slow."""
    server.answers["/a.jpg"] = make_response(b"", 302, {"Location": "/a.jpg"})
    ticks = count(step=1000)
    fetcher = UrlFetcher(Network(allow_internal=True), EVERY_HOST, 3000.0, clock=lambda: float(next(ticks)))
    refuse(server.url(), SourceUnreachable, fetcher)
    assert len(server.got) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/b.jpg", "b.jpg", "//{host}/b.jpg", "http://{host}/b.jpg"])
def test_redirects_are_followed(server: SourceServer, status: int, location: str) -> None:
    """Relative or absolute."""
    target = location.format(host=f"{NAME}:{server.port}")
    server.answers |= {"/a.jpg": make_response(b"", status, {"Location": target}), "/b.jpg": make_response(BODY)}
    assert fetch(server.url()) == BODY


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/b.jpg#part", "/b.jpg"),
        ("/b c.jpg", "/b%20c.jpg"),
        ("/Zoë.jpg", "/Zo%C3%AB.jpg"),
        ("/b%20c.jpg?a=%2F&b=[1]", "/b%20c.jpg?a=%2F&b=[1]"),
        (" /b.jpg\t", "/b.jpg"),
    ],
)
def test_a_location_is_read_as_browsers_read_it(server: SourceServer, location: str, path: str) -> None:
    """Without its fragment. Blanks and UTF-8, which http.client reads as Latin-1, are encoded."""
    server.answers |= {"/a.jpg": make_response(b"", 302, {"Location": location}), path: make_response(BODY)}
    assert fetch(server.url()) == BODY


@pytest.mark.parametrize("location", ["https://[bad", "//[::1/a.jpg", "https://[x]/"])
def test_a_redirect_to_no_url_is_refused(server: SourceServer, location: str) -> None:
    """With a code, and not as an internal error."""
    server.answers["/a.jpg"] = make_response(b"", 302, {"Location": location})
    with pytest.raises((SourceInvalid, SourceForbidden)):
        fetch(server.url())
    assert len(server.got) == 1


def test_endless_redirects_are_refused(server: SourceServer) -> None:
    """After a few."""
    for number in range(MAX_REDIRECTS + 1):
        server.answers[f"/{number}"] = make_response(b"", 302, {"Location": f"/{number + 1}"})
    server.answers[f"/{MAX_REDIRECTS}"] = make_response(BODY)
    assert fetch(server.url("/0")) == BODY
    server.answers[f"/{MAX_REDIRECTS}"] = make_response(b"", 302, {"Location": "/last"})
    server.answers["/last"] = make_response(BODY)
    refuse(server.url("/0"), SourceInvalid)


def test_a_redirect_without_a_location_is_refused(server: SourceServer) -> None:
    """It leads nowhere."""
    server.answers["/a.jpg"] = make_response(b"", 302)
    refuse(server.url(), SourceInvalid)
    assert len(server.got) == 1


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://example.com/a.jpg",
        "gopher://127.0.0.1/x",
        "http://user:s3cr3t@127.0.0.1/a.jpg",
        "http://other.example.com/a.jpg",
        "http://127.0.0.1:99999/a.jpg",
        "http://127.0.0.1:0/a.jpg",
        "http://127.0.0.1\\@example.com/a.jpg",
        "http://exa mple.com/a.jpg",
        "http://127.0.0.1.example.com/a.jpg",
        "data:image/png;base64,AAAA",
    ],
)
def test_each_redirect_is_checked_like_the_first_url(server: SourceServer, location: str) -> None:
    """The scheme, the host, credentials and the form."""
    server.answers["/a.jpg"] = make_response(b"", 302, {"Location": location})
    refuse(server.url(), SourceForbidden, make_fetcher(hosts=frozenset({NAME})))
    assert len(server.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.jpg",
        "https://example.com:8443/a.jpg",
        "https://example.com:80/a.jpg",
        "https://user:s3cr3t@example.com/a.jpg",
        "https://user@example.com/a.jpg",
        "https://example.com/a.jpg#part",
        "https://example.com/a b.jpg",
        "https://exämple.com/a.jpg",
        "https:///a.jpg",
        "https://[::1]/a.jpg",
        "https://" + "a" * 2048,
        *(
            f"https://[{text}]/a.jpg" if ":" in text else f"https://{text}/a.jpg"
            for text in INTERNAL
            if "%" not in text
        ),
    ],
)
def test_only_https_to_public_hosts_is_allowed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every form of an internal address. No connection is begun."""
    monkeypatch.setattr("shared.network.safe_connect.socket.socket", lambda *_: pytest.fail("a connection was begun"))
    refuse(url, SourceForbidden, make_fetcher(allow_internal=False))


@pytest.mark.parametrize("host", [each for each in SPELLINGS if ":" not in each])
def test_every_spelling_of_this_machine_is_refused(host: str, server: SourceServer) -> None:
    """With the system's own resolver: an internal address, or no host at all."""
    with pytest.raises((SourceForbidden, SourceUnreachable)):
        fetch(f"https://{host}/a.jpg", make_fetcher(allow_internal=False))
    assert not server.got


@pytest.mark.parametrize(
    "texts", [["10.0.0.1"], ["8.8.8.8", "169.254.169.254"], ["::ffff:10.0.0.1"], ["fd00:ec2::254"]]
)
def test_a_name_with_an_internal_address_is_refused(texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One internal address among public ones is enough, and no socket is created."""
    monkeypatch.setattr("shared.network.safe_connect.socket.socket", lambda *_: pytest.fail("a connection was begun"))
    fetcher = make_fetcher(allow_internal=False, resolve=answering(*texts))
    refuse("https://innocent.example/a.jpg", SourceForbidden, fetcher)


def test_a_redirect_to_an_internal_address_is_refused(server: SourceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public host redirects to a name that leads inside. Its address is checked for this request too."""
    server.answers["/a.jpg"] = make_response(b"", 302, {"Location": "https://inside.example/secret"})
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[SocketAddress]:
        asked.append(host)
        return answering("8.8.8.8" if host == "outside.example" else "10.0.0.1")(host, port)

    def connect(line: socket.socket, address: Any) -> None:
        assert address == ("8.8.8.8", 443)
        real_connect(line, (NAME, server.port))

    real_connect = socket.socket.connect
    monkeypatch.setattr("shared.network.http_exchange.HTTPSConnection", HTTPConnection)
    monkeypatch.setattr("shared.network.safe_connect.socket.socket", _make_socket(connect))
    monkeypatch.setattr("ssl.SSLContext.wrap_socket", lambda _, line, **__: _Handshaken(line))
    fetcher = make_fetcher(allow_internal=False, resolve=resolve)
    refuse("https://outside.example/a.jpg", SourceForbidden, fetcher)
    assert asked == ["outside.example", "inside.example"]
    assert server.paths() == ["/a.jpg"]


def test_a_name_is_resolved_once_for_a_request(server: SourceServer) -> None:
    """After DNS rebinding, the connection goes to the address that was checked."""
    server.answers["/a.jpg"] = make_response(BODY)
    asked: list[str] = []

    def rebind(host: str, port: int) -> Sequence[SocketAddress]:
        asked.append(host)
        return answering(NAME if len(asked) == 1 else "192.0.2.1")(host, port)

    assert fetch(server.url(host="rebinding.example"), make_fetcher(resolve=rebind)) == BODY
    assert asked == ["rebinding.example"]


def test_a_server_without_tls_is_refused(server: SourceServer) -> None:
    """The file is not read without a handshake. tests/unit/notifier/test_http_post.py checks certificates."""
    refuse(server.url().replace("http:", "https:"), SourceUnreachable)
    assert server.got == []


def test_an_unknown_host_may_be_known_later() -> None:
    """DNS entries need time."""
    refuse("https://nobody.invalid/a.jpg", SourceUnreachable, make_fetcher(allow_internal=False))


@pytest.mark.parametrize(
    ("host", "patterns", "is_allowed"),
    [
        ("images.example.com", {"images.example.com"}, True),
        ("IMAGES.example.com.", {"images.example.com"}, True),
        ("images.example.com", {"*.example.com"}, True),
        ("a.b.example.com", {"*.example.com"}, True),
        ("example.com", {"*.example.com"}, False),
        ("badexample.com", {"*.example.com", "example.com"}, False),
        ("example.com.evil.org", {"*.example.com", "example.com"}, False),
        ("anything.org", {"*"}, True),
        ("anything.org", set[str](), False),
    ],
)
def test_hosts_match_whole_labels(host: str, patterns: set[str], is_allowed: bool) -> None:
    """A pattern never matches a part of a label, or a longer name."""
    assert is_host_allowed(host, frozenset(patterns)) is is_allowed


class _Handshaken:
    """A socket after a handshake that never happened."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def do_handshake(self) -> None:
        """Do nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)


def _make_socket(connect: Callable[[socket.socket, Any], None]) -> type[socket.socket]:
    return type("Socket", (socket.socket,), {"connect": connect})


@pytest.mark.parametrize("size", [b"-1", b"-5", b"-0x1", b"-" + b"f" * 40, b"x", b"", b"5;" + b"x" * 70_000])
def test_a_malformed_size_of_a_chunk_is_refused(server: SourceServer, size: bytes) -> None:
    """Http.client reads everything that follows as a chunk of -1 bytes, whatever the limit is."""
    sent = threading.Event()

    def send_forever(line: socket.socket) -> None:
        line.sendall(make_response(b"", headers={"Content-Length": "", "Transfer-Encoding": "chunked"}))
        line.sendall(size + b"\r\n")
        for _ in range(1000):
            line.sendall(bytes(65536))
        sent.set()

    server.answers["/a.jpg"] = send_forever
    refuse(server.url(), SourceUnreachable)
    assert not sent.is_set(), "64 MB were read"
