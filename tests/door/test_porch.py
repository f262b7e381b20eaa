"""Connections are taken in small pieces, and cost next to nothing until a whole head has come: tried over real sockets."""

from __future__ import annotations

import asyncio
import errno
import io
import socket
from typing import Any

import pytest
from door.standing_open import WHOLE, closed, opened

from bridge import log as lines
from bridge.door import porch as porch_module
from bridge.door.porch import Visit


async def test_more_than_are_taken_at_once_are_taken_all_the_same() -> None:
    async with opened() as door:
        await asyncio.gather(*(door.connect(b"POST") for _ in range(5 * porch_module.AT_ONCE)))
        await door.standing(5 * porch_module.AT_ONCE)


async def test_within_one_turn_only_some_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as door:
        [listening] = door.site._porch._listening
        door.site._porch._loop.remove_reader(listening)
        await asyncio.gather(*(door.connect(b"POST") for _ in range(2 * porch_module.AT_ONCE)))

        door.site._porch._take(listening)

        assert len(door.doorway._standing) == porch_module.AT_ONCE


async def test_a_head_that_comes_a_byte_at_a_time_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0

    class Watched(bytearray):
        def find(self, what: bytes, since: int = 0) -> int:  # type: ignore[override]
            nonlocal looked
            looked += len(self) - since
            return super().find(what, since)

        __slots__ = ()

    ours, theirs = socket.socketpair()
    async with opened() as door:
        ours.setblocking(False)
        visit = Visit(door.site._porch, ours, "127.0.0.1")
        visit._begun = Watched()
        for _ in range(2000):
            theirs.send(b"x")
            assert visit.read()
        assert looked < 2000 * 2 * 10
    ours.close()
    theirs.close()


async def test_one_that_has_to_go_while_it_is_handed_on_is_closed() -> None:
    """Between its last header and its handler of requests nobody is told of it but the porch."""
    async with opened() as door:
        held = asyncio.Event()
        hand_on = door.site._porch._hand_on

        async def later(visit: Visit, connection: socket.socket) -> None:
            await held.wait()
            await hand_on(visit, connection)

        door.site._porch._hand_on = later
        reader, _ = await door.connect(WHOLE)
        await door.standing(1)
        door.doorway._send_away(next(iter(door.doorway._waiting)))
        held.set()

        assert await closed(reader)
        await door.standing(0)
        assert not door.doorway._by_transport


async def test_when_the_machine_has_no_room_for_one_more_it_is_said_once_and_asked_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(porch_module, "NO_ROOM", 0.05)
    said = io.StringIO()
    lines.set_up(form="json", level="debug", stream=said)

    class Full:
        """A listening socket of a process that may open no more files, for the first try."""

        def __init__(self, real: socket.socket) -> None:
            self.real, self.tried = real, 0

        def accept(self) -> Any:
            self.tried += 1
            if self.tried == 1:
                raise OSError(errno.EMFILE, "Too many open files")
            return self.real.accept()

        def fileno(self) -> int:
            return self.real.fileno()

    async with opened() as door:
        porch = door.site._porch
        [listening] = porch._listening
        porch._loop.remove_reader(listening)
        full: Any = Full(listening)
        porch._listening = [full]
        porch._loop.add_reader(full, porch._take, full)

        assert b"200" in await door.ask()

        porch._loop.remove_reader(full)
        porch._listening = [listening]
    assert said.getvalue().count("connection.not_taken") == 1


async def test_whoever_goes_before_its_head_is_whole_leaves_nothing_behind() -> None:
    async with opened() as door:
        for sent in (b"", b"POST / HTTP/1.1\r\n"):
            _, writer = await door.connect(sent)
            await door.standing(1)
            writer.close()
            await door.standing(0)
        assert not door.doorway._of


async def test_after_it_is_closed_nobody_is_taken() -> None:
    async with opened() as door:
        slow, _ = await door.connect(b"POST")
        await door.standing(1)
        await door.site.stop()
        door.doorway.close()
        assert await closed(slow)
        with pytest.raises(ConnectionRefusedError):
            await door.connect()
