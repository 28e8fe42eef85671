"""Connections to hosts from callers: internal addresses are refused."""

import socket
from collections.abc import Iterator, Sequence

import pytest

from shared.errors import AddressNotAllowed, HostNotFound
from shared.network import safe_connect
from shared.network.safe_connect import SocketAddress, connect

#: Ways to write this machine, all of which the system's resolver may understand.
SPELLINGS = (
    *(
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",  # noqa: S104 - spelled, not bound
    ),
    *("::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:ffff:7f00:0001", "localhost"),
)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server on this machine that must not be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def answering(*texts: str) -> safe_connect.Resolve:
    """Return a resolver with these addresses for every name."""

    def resolve(_: str, port: int) -> Sequence[SocketAddress]:
        return [
            (socket.AF_INET6, (text, port, 0, 0)) if ":" in text else (socket.AF_INET, (text, port)) for text in texts
        ]

    return resolve


@pytest.mark.parametrize("host", SPELLINGS)
def test_every_spelling_of_this_machine_is_refused(host: str, listener: socket.socket) -> None:
    """With the system's own resolver."""
    port = listener.getsockname()[1]
    with pytest.raises((AddressNotAllowed, HostNotFound)):
        connect(host, port, seconds=1, allow_internal=False)
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize(
    "texts",
    [
        *(["10.0.0.1"], ["169.254.169.254"], ["100.64.0.1"], ["fd00:ec2::254"], ["64:ff9b::a9fe:a9fe"]),
        *(
            ["::ffff:10.0.0.1"],
            ["2002:a00:1::"],
            ["8.8.8.8", "10.0.0.1"],
            ["10.0.0.1", "8.8.8.8"],
            ["2606:4700::1", "::1"],
        ),
    ],
    ids="+".join,
)
def test_a_name_with_an_internal_address_is_refused(texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One internal address among public ones is enough, and no socket is created."""
    monkeypatch.setattr("shared.network.safe_connect.socket.socket", lambda *_: pytest.fail("a connection was begun"))
    with pytest.raises(AddressNotAllowed):
        connect("innocent.example", 443, seconds=1, allow_internal=False, resolve=answering(*texts))


def test_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After DNS rebinding, the connection goes to the checked address."""
    asked: list[str] = []
    called: list[object] = []

    def rebinding(_: str, port: int) -> Sequence[SocketAddress]:
        asked.append("again")
        return answering("8.8.8.8" if len(asked) == 1 else "127.0.0.1")("", port)

    class Caller:
        def __init__(self, *_: object) -> None:
            pass

        def settimeout(self, _: float) -> None:
            pass

        def connect(self, address: object) -> None:
            called.append(address)

    monkeypatch.setattr("shared.network.safe_connect.socket.socket", Caller)
    connect("rebinding.example", 443, seconds=1, allow_internal=False, resolve=rebinding)
    assert called == [("8.8.8.8", 443)]
    assert asked == ["again"]


def test_next_address_is_tried_after_a_failure(listener: socket.socket) -> None:
    """A host with several addresses is reached at one that answers."""
    port = listener.getsockname()[1]
    connection = connect("two.example", port, seconds=60, allow_internal=True, resolve=answering("::1", "127.0.0.1"))
    with connection:
        assert connection.getpeername() == ("127.0.0.1", port)


@pytest.mark.parametrize("host", ["nobody.invalid", "a..b", "x" * 300])
def test_an_invalid_host_is_not_found(host: str) -> None:
    """An invalid host is not found."""
    with pytest.raises(HostNotFound):
        connect(host, 443, seconds=1, allow_internal=True)


def test_a_host_without_addresses_is_not_found() -> None:
    """A host without addresses is not found."""
    with pytest.raises(HostNotFound):
        connect("empty.example", 443, seconds=1, allow_internal=False, resolve=answering())
