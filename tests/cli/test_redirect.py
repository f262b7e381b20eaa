from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

import aiohttp
import pytest
from ports import free_port

from bridge.cli.redirect import Listening, can_listen, listening
from bridge.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "can"),
    [
        ("http://localhost:8765/back", True), ("http://127.0.0.1/", True), ("http://[::1]:1/x", True),
        ("https://localhost:8765/back", False), ("http://bridge.shop.tld/back", False), ("", False),
    ],
)  # fmt: skip
def test_only_a_plain_address_of_this_machine_is_listened_on(url: str, can: bool) -> None:
    assert can_listen(url) == can


def test_an_address_is_said_as_it_is_opened() -> None:
    assert str(Listening("::1", 80, "/b")) == "http://[::1]:80/b"


async def test_the_first_right_answer_counts_and_no_other_is_heard() -> None:
    where = Listening("127.0.0.1", free_port(), "/back")

    async def right(given: Mapping[str, str]) -> bool:
        return given.get("state") == "ours"

    async with listening(where, right) as answered, aiohttp.ClientSession() as browser:
        statuses = []
        for query in ("?code=a&state=theirs", "", "?code=b&state=ours", "?code=c&state=ours"):
            async with browser.get(str(where) + query) as page:
                statuses.append(page.status)
        async with browser.get(str(where).replace("/back", "/")) as page:
            statuses.append(page.status)
        assert await asyncio.wait_for(answered, 5) == {"code": "b", "state": "ours"}
    assert statuses == [400, 400, 200, 200, 404]


async def test_a_taken_port_is_named_with_the_other_way() -> None:
    async def never(_given: Mapping[str, str]) -> bool:
        return False

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = Listening("127.0.0.1", taken.getsockname()[1], "/")
        with pytest.raises(ConfigError, match="paste what comes back with --code"):
            async with listening(where, never):
                pass
