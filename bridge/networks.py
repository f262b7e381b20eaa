"""Which networks an address belongs to, however a socket or a proxy writes it."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def read_address(text: str) -> Address:
    """Without its zone (`fe80::1%eth0`), and as version 4 where version 6 only wraps it. Raises ValueError if it is none."""
    address = ip_address(text.partition("%")[0])
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def belongs(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def is_in(text: str | None, networks: Iterable[Network]) -> bool:
    """The same for what need not be an address: that is in no network."""
    try:
        return belongs(read_address(text or ""), networks)
    except ValueError:
        return False
