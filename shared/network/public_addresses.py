"""Public IP addresses: the only addresses to which connections to hosts of callers can go.

The ranges are listed here because Python's ``is_global`` differs between releases.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# IANA's special-purpose registry (https://www.iana.org/assignments/iana-ipv4-special-registry) and multicast.
CLOSED_V4 = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
)
#: All routed addresses. Mapped, translated (NAT64), local and multicast addresses are outside this range.
OPEN_V6 = ip_network("2000::/3")
#: Ranges in ``OPEN_V6`` that are not public: protocols such as Teredo, documentation, 6to4 (an address contains an IPv4
#: address) and AS112.
CLOSED_V6 = tuple(
    ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return True if an address is on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in closed for closed in CLOSED_V4)
    if address.scope_id is not None:
        return False
    return address in OPEN_V6 and not any(address in closed for closed in CLOSED_V6)


def is_internal_literal(host: str) -> bool:
    """Return True if a host is an IP address that is not public."""
    try:
        return not is_public(ip_address(host))
    except ValueError:
        return False
