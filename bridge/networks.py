"""Which networks an address belongs to, however a socket or a proxy writes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: what version 6 gives out for the internet, without what wraps an address of version 4 that nobody has looked at
_GIVEN_OUT = ip_network("2000::/3")
_WRAPPING = tuple(ip_network(text) for text in ("2001::/32", "2002::/16"))
#: leads to whatever the next router makes of it
_RELAY = ip_network("192.88.99.0/24")


@lru_cache(maxsize=4096)
def read_address(text: str) -> Address:
    """Without its zone (`fe80::1%eth0`), and as version 4 where version 6 only wraps it. Raises ValueError if it is none."""
    address = ip_address(text.partition("%")[0])
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def household(text: str) -> str:
    """Whom an address stands for: of version 6 whoever has one has 2**64 of them, of version 4 it is the address itself. What
    is no address stands for itself.
    """
    if ":" not in text:
        return text
    try:
        address = read_address(text)
    except ValueError:
        return text
    return str(address) if address.version == 4 else str(ip_network((int(address), 64), strict=False))  # noqa: PLR2004 - the old one


def belongs(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def is_in(text: str | None, networks: Collection[Network]) -> bool:
    """The same for what need not be an address: that is in no network. Asked several times of each request."""
    if not networks:
        return False
    try:
        return belongs(read_address(text or ""), networks)
    except ValueError:
        return False


def is_public(text: str) -> bool:
    """Whether an address is one on the internet: of no private network, no machine's own, no group, and wraps no other. Raises
    ValueError if it is no address but a name.
    """
    address = read_address(text)
    if not address.is_global or address.is_multicast or address.is_reserved or address in _RELAY:
        return False
    return address.version == 4 or (address in _GIVEN_OUT and not belongs(address, _WRAPPING))  # noqa: PLR2004 - the old one
