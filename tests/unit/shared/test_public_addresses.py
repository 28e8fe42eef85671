"""Tests of public and internal IP addresses."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.network.public_addresses import is_internal_literal, is_public

INTERNAL = {
    "2606:4700::1111%eth0": "public, but with a zone of this machine",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback, the far end",
    "10.0.0.1": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private, the far end",
    "192.168.1.1": "private",
    "169.254.169.254": "metadata of a cloud",
    "169.254.170.2": "credentials of a container",
    "100.64.0.1": "carrier-grade NAT",
    "100.100.100.200": "metadata of another cloud",
    "0.0.0.0": "unspecified",  # noqa: S104 - spelled, not bound
    "0.1.2.3": "this network",
    "192.0.0.192": "metadata of a third cloud",
    "192.0.2.1": "documentation",
    "198.18.0.1": "benchmarks",
    "192.88.99.1": "6to4 relay",
    "224.0.0.1": "multicast",
    "255.255.255.255": "broadcast",
    "240.0.0.1": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::ffff:127.0.0.1": "mapped",
    "::ffff:8.8.8.8": "mapped, public inside",
    "::127.0.0.1": "compatible",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b:1::a00:1": "local NAT64",
    "2002:7f00:1::": "6to4",
    "2001:0:7f00:1::": "Teredo",
    "2001:db8::1": "documentation",
    "3fff::1": "documentation, the new range",
    "fc00::1": "unique local",
    "fd00:ec2::254": "metadata by IPv6",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local, scoped",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "100::1": "discard",
}


@pytest.mark.parametrize("text", INTERNAL, ids=INTERNAL.get)
def test_internal_addresses_are_not_public(text: str) -> None:
    """No notation of an internal address counts as public."""
    assert not is_public(ip_address(text))
    assert is_internal_literal(text)


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "52.94.236.248", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
)
def test_public_addresses_are_public(text: str) -> None:
    """Internet hosts are public."""
    assert is_public(ip_address(text))
    assert not is_internal_literal(text)


@given(st.ip_addresses(v=4))
def test_private_addresses_are_not_public(address: IPv4Address) -> None:
    """Addresses that Python calls private, local or multicast are not public, in any Python release."""
    inside = address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
    # Exceptions of newer releases inside 192.0.0.0/24, which stays closed as a whole here.
    assert not (inside and is_public(address))


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:0:0", "64:ff9b::", "2002::", "::"]))
def test_ipv6_addresses_with_an_ipv4_address_are_not_public(inner: IPv4Address, prefix: str) -> None:
    """Mapped, translated, compatible and 6to4 addresses are refused, whatever IPv4 address they contain."""
    shift = 80 if prefix == "2002::" else 0
    assert not is_public(IPv6Address(int(IPv6Address(prefix)) | int(inner) << shift))


def test_host_name_is_not_an_address_literal() -> None:
    """Host names are checked when a connection is made."""
    assert not is_internal_literal("localhost")
