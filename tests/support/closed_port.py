"""A port of this machine on which nothing listens, and which no other process can take meanwhile."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

NAME = "127.0.0.1"


@contextmanager
def hold_port() -> Iterator[socket.socket]:
    """Yield a socket that is bound to a port and does not listen, so that connections to the port are refused.

    A server with SO_REUSEADDR can listen on the port. No other process gets it as a free port.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((NAME, 0))
        yield holder


def get_port(holder: socket.socket) -> int:
    """Return the number of the port."""
    return int(holder.getsockname()[1])
