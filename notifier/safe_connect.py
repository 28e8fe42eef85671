"""Connections to hosts that callers have named: resolved once, checked, and made to exactly what was checked.

Whoever controls a name may let it lead anywhere, and elsewhere a moment later. So the address that is checked is the
one that is connected to, and a name of which any address is internal is refused altogether.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from shared.errors import AddressNotAllowed, HostNotFound
from shared.webhooks.public_addresses import is_public

SocketAddress = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
#: From host and port to socket addresses.
Resolve = Callable[[str, int], Sequence[SocketAddress]]
#: Of one name that are tried.
MAX_ADDRESSES = 4


def resolve(host: str, port: int) -> list[SocketAddress]:
    """Ask the system. Raises HostNotFound."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        raise HostNotFound from error
    return [(family, address) for family, _, _, _, address in found if isinstance(address[0], str)]


def connect(host: str, port: int, *, seconds: float, anywhere: bool, resolve: Resolve = resolve) -> socket.socket:
    """Open a connection to a host, to a public address of it unless ``anywhere`` is allowed.

    Raises AddressNotAllowed or HostNotFound before anything is sent anywhere, OSError when nobody answers.
    """
    addresses = resolve(host, port)
    if not addresses:
        raise HostNotFound
    if not anywhere and not all(is_public(ip_address(address[0])) for _, address in addresses):
        raise AddressNotAllowed
    failure: OSError | None = None
    for family, address in addresses[:MAX_ADDRESSES]:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
            continue
        return connection
    raise failure or HostNotFound
