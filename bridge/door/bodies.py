"""Reads the bodies of requests within one limit for all that is being read at a time.

Whoever sends much and slowly would otherwise fill the memory with what is never finished. When the limit is reached, the
body goes that has been under way longest: an honest one is there within moments. What came packed is unpacked when all of it is
there, and no further than the limit: a bomb that is unpacked as it comes fills buffers that nobody counts. So the listener is to
run with `auto_decompress=False`.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from dataclasses import dataclass, field

from aiohttp import web

from bridge.errors import NoRoom

#: bytes of unfinished bodies at a time
ROOM = 48 * 2**20
#: pieces that a packed body may consist of; each is unpacked by itself
MOST_PIECES = 16
#: what Content-Encoding may say → how zlib is told
_PACKINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_RAW_DEFLATE = -15


@dataclass(slots=True, eq=False)
class _Reading:
    ends: asyncio.Timeout
    body: bytearray = field(default_factory=bytearray)
    made_place: bool = False


class Bodies:
    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._used = 0
        #: the one begun first stands first
        self._under_way: OrderedDict[_Reading, None] = OrderedDict()

    async def read(self, request: web.BaseRequest, *, most: int, within: float) -> bytes:
        """The whole body, unpacked.

        Raises HTTPRequestEntityTooLarge beyond `most` bytes, packed or unpacked, TimeoutError, NoRoom if it had to make place for
        others, RequestPayloadError if it is not packed as its header says.
        """
        if request.content.is_eof():  # most are here by now: nothing is waited for, and no place is taken
            body = request.content.read_nowait()
            _refuse_beyond(most, len(body))
        else:
            body = await self._gathered(request, most, within)
        return unpacked(body, request.headers.get("Content-Encoding", ""), most)

    async def _gathered(self, request: web.BaseRequest, most: int, within: float) -> bytes:
        async with asyncio.timeout(within) as ends:
            reading = _Reading(ends)
            self._under_way[reading] = None
            try:
                while chunk := await request.content.readany():
                    reading.body += chunk
                    _refuse_beyond(most, len(reading.body))
                    self._used += len(chunk)
                    if self._used > self._room:
                        self._make_place()
            except asyncio.CancelledError:
                if reading.made_place:
                    raise NoRoom("Too many unfinished requests at a time.") from None
                raise
            finally:
                self._end(reading)
        return bytes(reading.body)

    def _make_place(self) -> None:
        while self._used > self._room and self._under_way:
            oldest = next(iter(self._under_way))
            self._end(oldest)
            oldest.made_place = True
            oldest.ends.reschedule(asyncio.get_running_loop().time())

    def _end(self, reading: _Reading) -> None:
        if reading in self._under_way:
            del self._under_way[reading]
            self._used -= len(reading.body)


def _refuse_beyond(most: int, size: int) -> None:
    if size > most:
        raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=size)


def unpacked(body: bytes, encoding: str, most: int) -> bytes:
    """Raises HTTPRequestEntityTooLarge beyond `most` bytes, RequestPayloadError if it is not what `encoding` says."""
    named = encoding.strip().lower()
    if named in {"", "identity"} or not body:
        return body
    if named not in _PACKINGS:
        raise web.RequestPayloadError(named)
    packing = _PACKINGS[named]
    if named == "deflate" and body[0] & 0x0F != zlib.DEFLATED:  # some leave out the wrapping that the standard asks for
        packing = _RAW_DEFLATE
    whole, left = bytearray(), body
    for _ in range(MOST_PIECES):
        piece = zlib.decompressobj(packing)
        try:
            whole += piece.decompress(left, most + 1 - len(whole))
        except zlib.error as error:
            raise web.RequestPayloadError(named) from error
        _refuse_beyond(most, len(whole))
        if not piece.eof:
            break
        left = piece.unused_data
        if not left:
            return bytes(whole)
    raise web.RequestPayloadError(named)
