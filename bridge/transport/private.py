"""Addresses that are nobody's on the internet, and sockets that connect to no others."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from bridge.networks import belongs, read_address

#: this machine, and networks that are nobody's on the internet; 100.64.0.0/10 is what VPNs give their members
PRIVATE = tuple(
    ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
)


def is_private(address: str) -> bool:
    """Whether an address is this machine's or a private network's. Raises ValueError if it is no address but a name."""
    return belongs(read_address(address), PRIVATE)


class AddressRefused(OSError):
    """What a name stands for is no address that a connection may be made to."""


def sockets_to(allowed: Callable[[str], bool]) -> Callable[[tuple[Any, ...]], socket.socket]:
    """What makes the sockets of connections, and makes none to an address that is not allowed."""

    def made(told: tuple[Any, ...]) -> socket.socket:
        # Here and not before: between a look-up of ours and the connection, a name could come to stand for another address.
        family, kind, protocol, _, address = told
        if not allowed(str(address[0])):
            raise AddressRefused
        return socket.socket(family, kind, protocol)

    return made


def address_was_refused(error: BaseException) -> bool:
    """Whether an error is, or came of, an AddressRefused, whatever the library has wrapped around it."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        cause = left.pop()
        if cause is None or id(cause) in seen:
            continue
        if isinstance(cause, AddressRefused):
            return True
        seen.add(id(cause))
        left += [cause.__cause__, cause.__context__, getattr(cause, "os_error", None)]
        if isinstance(cause, BaseExceptionGroup):
            left += cause.exceptions
    return False
