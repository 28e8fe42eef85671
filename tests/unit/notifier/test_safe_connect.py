"""Connections to hosts that callers have named: nobody is led inside."""

import socket
from collections.abc import Iterator, Sequence

import pytest

from notifier import safe_connect
from notifier.safe_connect import SocketAddress, connect
from shared.errors import AddressNotAllowed, HostNotFound

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
    """A server on this machine that must never be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def answering(*texts: str) -> safe_connect.Resolve:
    """Return a resolver that knows these addresses for every name."""

    def resolve(_: str, port: int) -> Sequence[SocketAddress]:
        return [
            (socket.AF_INET6, (text, port, 0, 0)) if ":" in text else (socket.AF_INET, (text, port)) for text in texts
        ]

    return resolve


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_this_machine_is_connected_to(host: str, listener: socket.socket) -> None:
    """The system's own resolver is asked, and whatever it makes of the name nobody calls."""
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
def test_a_name_that_leads_inside_is_refused_before_any_connection(
    texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One internal address among public ones is enough, and no socket is even made."""
    monkeypatch.setattr("notifier.safe_connect.socket.socket", lambda *_: pytest.fail("a connection was begun"))
    with pytest.raises(AddressNotAllowed):
        connect("innocent.example", 443, seconds=1, allow_internal=False, resolve=answering(*texts))


def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public when checked and internal a moment later (DNS rebinding) leads where it was checked."""
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

    monkeypatch.setattr("notifier.safe_connect.socket.socket", Caller)
    connect("rebinding.example", 443, seconds=1, allow_internal=False, resolve=rebinding)
    assert called == [("8.8.8.8", 443)]
    assert asked == ["again"]


def test_the_next_address_is_tried(listener: socket.socket) -> None:
    """A host with several addresses is reached by one that answers."""
    port = listener.getsockname()[1]
    connection = connect("two.example", port, seconds=2, allow_internal=True, resolve=answering("::1", "127.0.0.1"))
    with connection:
        assert connection.getpeername() == ("127.0.0.1", port)


@pytest.mark.parametrize("host", ["nobody.invalid", "a..b", "x" * 300])
def test_a_host_that_is_none_is_named(host: str) -> None:
    """No address: HostNotFound, whatever is wrong with the name."""
    with pytest.raises(HostNotFound):
        connect(host, 443, seconds=1, allow_internal=True)


def test_a_host_without_addresses_is_named() -> None:
    """A resolver that knows the name and no address."""
    with pytest.raises(HostNotFound):
        connect("empty.example", 443, seconds=1, allow_internal=False, resolve=answering())
