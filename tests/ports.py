"""Ports for what has to be told its port before it listens."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: below it the system gives out none by itself: to no connection of another test that goes out between our look and the listening
_FIRST_GIVEN_OUT = int(_RANGE.read_text(encoding="ascii").split()[0]) if _RANGE.exists() else 32_768
_FIRST = 10_000
_chance = random.Random()
_given: set[int] = set()


def free_port() -> int:
    """On which nobody listens now, and that nobody was given before; where others ask at the same moment, most likely so."""
    for _ in range(1000):
        port = _chance.randrange(_FIRST, max(_FIRST_GIVEN_OUT, _FIRST + 1000))
        if port in _given:
            continue
        try:
            socket.create_server(("", port)).close()
        except OSError:
            continue
        _given.add(port)
        return port
    raise AssertionError("no port is free")
