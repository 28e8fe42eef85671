"""Connections to hosts that callers have chosen, protected against server-side request forgery.

The owner of a host name can change its DNS entry between two lookups (DNS rebinding). So the name is resolved only
once, and the connection goes to an IP address that was checked. A name with any internal IP address is refused.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from shared.errors import AddressNotAllowed, HostNotFound
from shared.network.public_addresses import is_public

SocketAddress = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
#: Maps host and port to socket addresses.
Resolve = Callable[[str, int], Sequence[SocketAddress]]
#: Maximum number of IP addresses that are tried for one host.
MAX_ADDRESSES = 4


def resolve(host: str, port: int) -> list[SocketAddress]:
    """Return the socket addresses of a host, from the system's resolver. Raises HostNotFound if it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        raise HostNotFound from error
    return [(family, address) for family, _, _, _, address in found if isinstance(address[0], str)]


def connect(host: str, port: int, *, seconds: float, allow_internal: bool, resolve: Resolve = resolve) -> socket.socket:
    """Return an open connection to a host. ``seconds`` is the time limit for each IP address.

    Raises HostNotFound if the host has no IP address, AddressNotAllowed if any of its IP addresses is internal and
    ``allow_internal`` is false, and OSError if no IP address accepts the connection.
    """
    addresses = resolve(host, port)
    if not addresses:
        raise HostNotFound
    if not allow_internal and not all(is_public(ip_address(address[0])) for _, address in addresses):
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
