"""Takes connections, and hands those on to the HTTP server whose first headers are whole. Knows bytes, and nothing of HTTP but
where headers end.

Until then a connection is a socket, what has come over it so far, and its place in the doorway: thousands that send a byte now
and then cost next to nothing, and what they do cost is taken in small pieces, so that whoever is being served never waits long.
"""

from __future__ import annotations

import asyncio
import errno
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from aiohttp import web

from bridge.door.doorway import Doorway

log = structlog.get_logger()

#: bytes of headers, as the HTTP server behind this takes them too
MOST_HEADERS = 32 * 1024
#: connections taken within one turn of the event loop
AT_ONCE = 16
#: connections that have sent something, and are listened to within one turn
HEARD = 64
#: seconds for which none are taken when the machine has no room for one more
NO_ROOM = 1.0
#: bytes of a head that the doorway looks at
_LINE = 64
_CHUNK = 64 * 1024
_END, _BARE_END = b"\r\n\r\n", b"\n\n"
_GONE = (errno.ECONNABORTED, errno.EINTR, errno.EPROTO)

Factory = Callable[[], Any]


class Visit(asyncio.Protocol):
    """A connection; behind it, from its first whole headers on, the server's own handler of requests."""

    __slots__ = ("_begun", "_behind", "_gone", "_porch", "_socket", "address", "transport")

    def __init__(self, porch: Porch, connection: socket.socket, address: str) -> None:
        self._porch = porch
        #: until it has a transport
        self._socket: socket.socket | None = connection
        self._begun = bytearray()
        self._behind: Any = None
        self._gone = False
        self.address = address
        self.transport: Any = None

    @property
    def is_served(self) -> bool:
        return self._behind is not None

    # -- while its headers come ----------------------------------------------------------------------------------------

    def read(self) -> bool:
        """Take what has come. False: there is nothing more to be read here."""
        connection = self._socket
        if connection is None:
            return False
        try:
            data = connection.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            data = b""
        if not data:
            self._porch.doorway.went(self)
            self.send_away()
            return False
        # what came before is not looked through again: a byte at a time would cost the square of its length
        since = max(0, len(self._begun) - len(_END) + 1)
        self._begun += data
        whole = self._begun.find(_END, since) >= 0 or self._begun.find(_BARE_END, since) >= 0
        if not whole and len(self._begun) <= MOST_HEADERS:
            return True
        self._porch.watched.remove(connection.fileno())
        if self._porch.doorway.may_go(self, bytes(self._begun[:_LINE])):
            self._socket = None
            self._porch.serve(self, connection)
        return False

    def go(self) -> bool:
        """While it stood in line nobody listened to it: thousands may, and what they send meanwhile waits in their sockets."""
        connection = self._socket
        if connection is None or _has_gone(connection):
            self._porch.doorway.went(self)
            self.send_away()
            return False
        self._socket = None
        self._porch.doorway.is_called(self)
        self._porch.serve(self, connection)
        return True

    # -- from then on --------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        if self._gone:  # it had to make place between its last header and now
            self.transport.abort()
            return
        self._behind = self._porch.factory()
        self._porch.doorway.is_served(self, transport)
        self._behind.connection_made(transport)
        begun, self._begun = bytes(self._begun), bytearray()
        self._behind.data_received(begun)

    def data_received(self, data: bytes) -> None:
        self._behind.data_received(data)

    def eof_received(self) -> bool | None:
        kept: bool | None = self._behind.eof_received()
        return kept

    def connection_lost(self, exc: BaseException | None) -> None:
        self._porch.doorway.went(self, self.transport)
        if self._behind is not None:
            self._behind.connection_lost(exc)

    def pause_writing(self) -> None:
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        self._behind.resume_writing()

    def send_away(self) -> None:
        self._gone = True
        connection, self._socket = self._socket, None
        if connection is not None:
            self._porch.watched.forget(connection.fileno())
            connection.close()
        if self.transport is not None:
            self.transport.abort()


def _has_gone(connection: socket.socket) -> bool:
    """Also if it only says that it will send no more: senders of webhooks do so when they have given up."""
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return True


class _Watched:
    """Connections whose heads are not whole yet.

    Thousands come and go each second in an attack; the event loop's own register takes ten times as long over each, and tells
    of all of them in one turn.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._visits: dict[int, Visit] = {}
        self._poll = select.epoll()
        loop.add_reader(self._poll.fileno(), self._hear)

    def add(self, file: int, visit: Visit) -> None:
        self._visits[file] = visit
        self._poll.register(file, select.EPOLLIN)

    def remove(self, file: int) -> None:
        """It stays open, and is somebody else's."""
        if self._visits.pop(file, None) is not None:
            self._poll.unregister(file)

    def forget(self, file: int) -> None:
        """It is being closed; that takes it out of the kernel's list as well."""
        self._visits.pop(file, None)

    def close(self) -> None:
        self._loop.remove_reader(self._poll.fileno())
        for file in list(self._visits):
            with suppress(OSError):
                self.remove(file)
        self._poll.close()

    def _hear(self) -> None:
        for file, _ in self._poll.poll(0, HEARD):
            visit = self._visits.get(file)
            if visit is not None:
                visit.read()


class Porch:
    """One listener's way in, from its listening sockets to the HTTP server's handlers (`factory` makes one)."""

    def __init__(self, doorway: Doorway, factory: Factory) -> None:
        self.doorway = doorway
        self.factory = factory
        self._loop = asyncio.get_running_loop()
        self.watched = _Watched(self._loop)
        self._listening: list[socket.socket] = []
        self._handing_on: set[asyncio.Task[Any]] = set()

    def open(self, listening: socket.socket, backlog: int) -> None:
        listening.setblocking(False)
        listening.listen(backlog)
        self._listening.append(listening)
        self._loop.add_reader(listening, self._take, listening)

    def close(self) -> None:
        """Take no more connections."""
        for listening in self._listening:
            self._loop.remove_reader(listening)
            listening.close()
        self._listening.clear()
        self.watched.close()

    def serve(self, visit: Visit, connection: socket.socket) -> None:
        task = self._loop.create_task(self._hand_on(visit, connection))
        self._handing_on.add(task)
        task.add_done_callback(self._handing_on.discard)

    async def _hand_on(self, visit: Visit, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: visit, connection)
        except OSError:  # it has gone meanwhile
            self.doorway.went(visit, visit.transport)
            connection.close()

    def _take(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, peer = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno not in _GONE:
                    self._rest(listening, error)
                return
            connection.setblocking(False)
            visit = Visit(self, connection, str(peer[0]))
            if not self.doorway.came(visit):
                connection.close()
            elif visit.read():  # mostly its request is there already
                self.watched.add(connection.fileno(), visit)

    def _rest(self, listening: socket.socket, error: OSError) -> None:
        """The machine has no file or memory left for it; asked again at once it would say the same without end."""
        log.error("connection.not_taken", why=error.strerror)
        self._loop.remove_reader(listening)
        self._loop.call_later(NO_ROOM, self._go_on, listening)

    def _go_on(self, listening: socket.socket) -> None:
        if listening in self._listening:
            self._loop.add_reader(listening, self._take, listening)


class GuardedSite(web.TCPSite):
    """A listener whose connections come through a doorway."""

    def __init__(self, runner: web.BaseRunner, host: str, port: int, doorway: Doorway, *, backlog: int) -> None:
        super().__init__(runner, host, port, backlog=backlog)
        self._doorway = doorway
        self._porch: Porch | None = None

    async def start(self) -> None:
        await web.BaseSite.start(self)
        server = self._runner.server
        if server is None:
            raise AssertionError("the runner has been set up by then")
        # it finds and binds the addresses, and takes no connection itself
        self._server = bound = await asyncio.get_running_loop().create_server(
            server, self._host, self._port, start_serving=False
        )
        self._porch = Porch(self._doorway, server)
        for one in bound.sockets:
            self._porch.open(one.dup(), self._backlog)

    async def stop(self) -> None:
        if self._porch is not None:
            self._porch.close()
        await super().stop()
