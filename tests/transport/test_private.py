from __future__ import annotations

import socket

import aiohttp
import pytest

from bridge.transport.private import AddressRefused, address_was_refused, is_private, sockets_to

TOLD = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("10.0.0.1", True), ("172.31.255.1", True),
        ("192.168.1.1", True), ("100.64.0.1", True), ("fd12::1", True), ("::ffff:10.0.0.1", True),
        ("8.8.8.8", False), ("172.32.0.1", False), ("169.254.169.254", False), ("0.0.0.0", False), ("::", False),
        ("::ffff:8.8.8.8", False), ("2001:4860:4860::8888", False), ("224.0.0.1", False), ("fe80::1%eth0", False),
    ],
)  # fmt: skip
def test_what_is_a_private_address(address: str, private: bool) -> None:
    assert is_private(address) == private


def test_no_socket_is_made_to_another_address() -> None:
    made = sockets_to(is_private)
    made((*TOLD, ("127.0.0.1", 80))).close()
    with pytest.raises(AddressRefused):
        made((*TOLD, ("8.8.8.8", 80)))


async def test_a_refusal_is_known_whatever_is_wrapped_around_it() -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=sockets_to(is_private))) as session:
        with pytest.raises(aiohttp.ClientError) as caught:
            await session.get("http://8.8.8.8:3061/")
    assert address_was_refused(caught.value)
    assert address_was_refused(ExceptionGroup("both", [ValueError(), AddressRefused()]))
    assert not address_was_refused(TimeoutError())
