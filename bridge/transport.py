"""Outgoing HTTP: one client a target for the life of the process. A request goes out at most once; it comes back as
bytes, or as an error that says whether it may have been carried out.

Nothing here knows what a CRM is. Redirects are never followed (they would carry the key elsewhere, or repeat a write),
no cookies are kept, no proxy is taken from the environment, and TLS is always verified.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Protocol

import aiohttp
import httpx2
from httpx_aiohttp.httpx2 import AiohttpTransport

from bridge.errors import AccessRefused, NoAnswer, NotSent, Rejected

#: a CRM's answer larger than this is not read to its end
MAX_ANSWER = 8 * 1024 * 1024
#: seconds for name look-up, connection and TLS; short, because until then nothing has been sent
CONNECT_TIMEOUT = 5.0
#: seconds an idle connection is kept: below the 5 s after which common servers close theirs, so that a request is
#: seldom written to a connection that the other side is just closing (its outcome would be unknown)
KEEP_ALIVE = 4.0

#: this machine, and networks that are nobody's on the internet; 100.64.0.0/10 is what VPNs give their members
PRIVATE = tuple(
    ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
)

#: sent with every request, unless it says otherwise
HEADERS = {"accept": "application/json", "accept-encoding": "gzip, deflate", "user-agent": "chat2crm"}

#: what aiohttp raises before the first byte of the request has left
_NOTHING_SENT = (
    aiohttp.ClientConnectorError,  # name not found, refused, TLS, certificate
    aiohttp.ConnectionTimeoutError,  # no connection, or none free in the pool, in time
    aiohttp.ClientProxyConnectionError,
)


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request as it will stand on the wire; the URL is already encoded."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: from the first byte out to the last byte in, connection included
    ms: int = 0


class Sends(Protocol):
    """What the rest needs of a transport; tests and the runner of exchanges give their own."""

    async def send(self, request: PreparedRequest) -> Answer: ...

    async def close(self) -> None: ...


class Transport:
    """One target's connections.

    Args:
        timeout: seconds for the whole exchange, from the first byte out to the last byte in.
        max_connections: how many requests may be under way at once; more of them wait.
        only_private: connect to loopback and private addresses only, whatever a name is resolved to at that moment.
        rim: what moves the bytes; tests put httpx2's own transport here, which respx can intercept.
    """

    def __init__(
        self,
        *,
        timeout: float = 20.0,
        connect_timeout: float = CONNECT_TIMEOUT,
        max_answer: int = MAX_ANSWER,
        max_connections: int = 20,
        only_private: bool = False,
        rim: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._timeout = timeout
        self._max_answer = max_answer
        connect = min(connect_timeout, timeout)
        # The transport alone, without httpx2's client around it: no redirects, no cookies, no authentication and no proxy from
        # the environment are just what is wanted here, and leaving them out halves the CPU that a request takes.
        self._rim = rim or _over_aiohttp(max_connections, only_private=only_private)
        # The whole exchange is bounded in send(); these only tell a connection that never came about from an answer that
        # did not.
        self._extensions = {"timeout": {"connect": connect, "read": timeout, "write": timeout, "pool": timeout}}

    async def send(self, request: PreparedRequest) -> Answer:
        """Send it, once.

        Raises:
            NotSent: no connection could be made; the CRM certainly has nothing of it.
            NoAnswer: it may have been carried out.
            AccessRefused: the address is a public one, and only private ones are allowed; nothing was sent.
            Rejected: the address cannot be one.
        """
        limit = self._timeout
        started = time.perf_counter()
        try:
            async with asyncio.timeout(limit):
                status, headers, body = await self._exchange(request)
        except TimeoutError as error:
            if isinstance(error, _NOTHING_SENT):
                raise _not_sent(error) from error
            raise NoAnswer(f"The CRM gave no answer within {limit:g} s.") from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise Rejected("The CRM's address is not one that can be called: check the target's `url`.") from error
        except (httpx2.TransportError, httpx2.DecodingError, aiohttp.ClientError, OSError) as error:
            if _was_public(error):
                raise AccessRefused(
                    "The CRM's address is a public one, and its endpoint asks nobody for a key, so nothing was sent: use its "
                    "address in a private network, or set allow_public: true"
                ) from error
            raise _failure(error, limit) from error
        return Answer(status, headers, body, round((time.perf_counter() - started) * 1000))

    async def _exchange(self, request: PreparedRequest) -> tuple[int, Mapping[str, str], bytes]:
        built = httpx2.Request(
            request.method, request.url, headers={**HEADERS, **request.headers}, content=request.body,
            extensions=self._extensions,
        )  # fmt: skip
        if built.url.scheme not in {"http", "https"} or not built.url.host:
            raise httpx2.UnsupportedProtocol("not an address of the web")
        response = await self._rim.handle_async_request(built)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._max_answer:
                    raise NoAnswer(
                        f"The CRM's answer is larger than {self._max_answer} bytes and was not read to its end; "
                        "let the mapping ask for fewer records or fields."
                    )
        finally:
            await response.aclose()
        return response.status_code, {k.lower(): v for k, v in response.headers.items()}, bytes(body)

    async def close(self) -> None:
        await self._rim.aclose()


def is_private(address: str) -> bool:
    """Whether an address is this machine's or a private network's. Raises ValueError if it is no address but a name."""
    found: Any = ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in PRIVATE if network.version == found.version)


class PublicAddress(OSError):
    """What a name stands for is an address on the internet, and only private ones are allowed."""


def _private_socket(told: tuple[Any, ...]) -> socket.socket:
    # Here and not before: between a look-up of ours and the connection, a name could come to stand for another address.
    family, kind, protocol, _, address = told
    if not is_private(str(address[0])):
        raise PublicAddress
    return socket.socket(family, kind, protocol)


@functools.cache
def _trust() -> ssl.SSLContext:
    """Whom we believe, one for all targets: reading the certificates takes 30 ms and a megabyte each time."""
    return httpx2.create_ssl_context(trust_env=False)


def _over_aiohttp(max_connections: int, *, only_private: bool = False) -> httpx2.AsyncBaseTransport:
    # A third of the CPU that httpx2's own transport takes for a request.
    context = _trust()

    def session() -> aiohttp.ClientSession:
        # Made by the first request, because a session belongs to the running event loop.
        made = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=max_connections, ssl=context, keepalive_timeout=KEEP_ALIVE,
                socket_factory=_private_socket if only_private else None,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # aiohttp sends a PUT or DELETE a second time by itself when a kept connection turns out closed. Whether
        # anything may go out twice is decided above, with the journal in hand.
        made._retry_connection = False  # noqa: SLF001  (there is no public switch)
        return made

    return AiohttpTransport(verify=context, client=session)


def _failure(error: Exception, limit: float) -> NotSent | NoAnswer:
    # The adapter calls a connection that broke half-way "ConnectTimeout"; only the exception beneath tells whether
    # anything had been sent. When in doubt: it may have been.
    cause = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError | OSError) else error
    own_rim = cause is error and isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
    if isinstance(cause, _NOTHING_SENT) or own_rim:
        return _not_sent(cause)
    if isinstance(cause, TimeoutError | httpx2.TimeoutException):
        return NoAnswer(f"The CRM gave no answer within {limit:g} s.")
    if isinstance(error, httpx2.DecodingError):
        return NoAnswer("The CRM's answer is compressed in a way that cannot be read.")
    return NoAnswer("The connection to the CRM broke before its answer was complete.")


def _was_public(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, PublicAddress) or isinstance(getattr(error, "os_error", None), PublicAddress):
            return True
        error = error.__cause__ or error.__context__
    return False


def _not_sent(cause: BaseException) -> NotSent:
    for kind, message in _REASONS:
        if isinstance(cause, kind):
            return NotSent(message)
    return NotSent()


#: what can be said of a connection that was not made; the first that fits
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (
        aiohttp.ClientConnectorCertificateError,
        "The CRM's TLS certificate is not trusted (run out, self-signed, another name), so nothing was sent.",
    ),
    (
        aiohttp.ClientConnectorSSLError,
        "No TLS connection to the CRM could be made, so nothing was sent: is its `url` http:// or https://?",
    ),
    (
        aiohttp.ClientConnectorDNSError,
        "The CRM's host name is not known, so nothing was sent: check the target's `url`.",
    ),
    (
        aiohttp.ConnectionTimeoutError,
        "No connection to the CRM could be made in time, so nothing was sent.",
    ),
)
