"""Keeps tests on this machine."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest


class WayOut(OSError):
    """A test tried to leave this machine."""


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _leaves(address: Any) -> bool:
    """Whether a socket's address is on another machine. Names are, too: whoever asks for one has left already."""
    if not isinstance(address, tuple):
        return False  # a unix socket
    host = str(address[0])
    number = _number(host)
    return host not in ("", "localhost") if number is None else not (number.is_loopback or number.is_unspecified)


def _asks_around(host: Any) -> bool:
    """Whether a name server would be asked."""
    name = host.decode() if isinstance(host, bytes) else host
    return name not in (None, "", "localhost") and _number(name) is None


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Refuse every connection, datagram and name look-up that leaves the machine, and fail the test that tried.

    The product treats a refused connection as an outage and goes on, so the exception alone would go unseen. A test that
    means to try clears the list it gets. Processes that a test starts are not held: theirs are given loopback addresses.
    """
    tried: list[str] = []

    def guard(owner: Any, name: str, position: int, leaves: Callable[[Any], bool]) -> None:
        real = getattr(owner, name)

        def guarded(*args: Any, **kwargs: Any) -> Any:
            address = args[position] if len(args) > position else kwargs.get("host")
            if leaves(address):
                tried.append(f"{name}({address!r})")
                raise WayOut(f"a test may not leave this machine: {name}({address!r})")
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, guarded)

    guard(socket.socket, "connect", 1, _leaves)
    guard(socket.socket, "connect_ex", 1, _leaves)
    guard(socket.socket, "sendto", -1, _leaves)
    guard(socket, "getaddrinfo", 0, _asks_around)
    guard(socket, "gethostbyname", 0, _asks_around)
    yield tried
    if tried:
        pytest.fail("tried to leave this machine: " + ", ".join(tried), pytrace=False)
