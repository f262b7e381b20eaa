"""Outgoing HTTP: one client a target for the life of the process. A request goes out at most once; it comes back as
bytes, or as an error that says whether it may have been carried out.

Nothing here knows what a CRM is. Redirects are never followed (they would carry the key elsewhere, or repeat a write),
no cookies are kept, no proxy is taken from the environment, and TLS is always verified.

`departure` lets a request go when its connection is there and it may · `private` knows addresses that are nobody's on the
internet, and connects to no others · `mailing` hands a mail to a mail server under the same promises.
"""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from bridge.errors import AccessRefused, NoAnswer, NotSent, Rejected
from bridge.transport.departure import DepartingRequest, departed
from bridge.transport.private import address_was_refused, is_private, sockets_to

#: a CRM's answer larger than this is not read to its end
MAX_ANSWER = 8 * 1024 * 1024
#: the longest header line of an answer that is read; some CRMs set cookies of several kB
MAX_HEADER = 32 * 1024
#: seconds for name look-up, connection and TLS; short, because until then nothing has been sent
CONNECT_TIMEOUT = 5.0
#: seconds an idle connection is kept: below the 5 s after which common servers close theirs, so that a request is
#: seldom written to a connection that the other side is just closing (its outcome would be unknown)
KEEP_ALIVE = 4.0

#: sent with every request, unless it says otherwise
HEADERS = {"accept": "application/json", "accept-encoding": "gzip, deflate", "user-agent": "chat2crm"}

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

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
    """

    def __init__(
        self,
        *,
        timeout: float = 20.0,
        connect_timeout: float = CONNECT_TIMEOUT,
        max_answer: int = MAX_ANSWER,
        max_connections: int = 20,
        only_private: bool = False,
    ) -> None:
        self._timeout = timeout
        self._max_answer = max_answer
        self._max_connections = max_connections
        self._only_private = only_private
        # The whole exchange is bounded in send(); these only tell a connection that never came about from an answer that
        # did not. One for what is read would be set anew at each packet and never be the first to end.
        self._timeouts = aiohttp.ClientTimeout(
            total=None, connect=timeout, sock_connect=min(connect_timeout, timeout), sock_read=None
        )
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: PreparedRequest) -> Answer:
        """Send it, once.

        Raises:
            NotSent: no connection could be made; the CRM certainly has nothing of it.
            NoAnswer: it may have been carried out.
            AccessRefused: the address is a public one, and only private ones are allowed; nothing was sent.
            Rejected: the address cannot be one, or a header cannot stand in one; nothing was sent.
        """
        url = _address(request.url)
        # A broken line would begin a header of somebody else's choosing, whoever has made the request.
        headers = {**HEADERS, **{name: checked_header(name, value) for name, value in request.headers.items()}}
        limit = self._timeout
        started = time.perf_counter()
        try:
            async with asyncio.timeout(limit):
                status, answered, body = await self._exchange(request, url, headers)
        except TimeoutError as error:
            if isinstance(error, _NOTHING_SENT) or not departed():
                raise _not_sent(error) from error
            raise NoAnswer(f"The CRM gave no answer within {limit:g} s.") from error
        except (aiohttp.ClientError, OSError) as error:
            if address_was_refused(error):
                raise AccessRefused(
                    "The CRM's address is a public one, and its endpoint asks nobody for a key, so nothing was sent: use its "
                    "address in a private network, or set allow_public: true"
                ) from error
            raise _failure(error) from error
        return Answer(status, answered, body, round((time.perf_counter() - started) * 1000))

    async def _exchange(
        self, request: PreparedRequest, url: URL, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        session = self._session or self._opened()
        async with session.request(
            request.method, url, headers=headers, data=request.body or None, allow_redirects=False, timeout=self._timeouts
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > self._max_answer:
                    raise NoAnswer(
                        f"The CRM's answer is larger than {self._max_answer} bytes and was not read to its end; "
                        "let the mapping ask for fewer records or fields."
                    )
            answered: dict[str, str] = {}
            for name, value in response.headers.items():
                lower = name.lower()
                value = value.encode("utf-8", "replace").decode()  # noqa: PLW2901 - bytes of another charset come as halves of pairs
                answered[lower] = f"{answered[lower]}, {value}" if lower in answered else value
        return response.status, answered, bytes(body)

    def _opened(self) -> aiohttp.ClientSession:
        # Made by the first request, because a session belongs to the running event loop.
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._max_connections, ssl=trust(), keepalive_timeout=KEEP_ALIVE,
                socket_factory=sockets_to(is_private) if self._only_private else None,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Content-Type"),
            request_class=DepartingRequest,
            max_line_size=MAX_HEADER, max_field_size=MAX_HEADER,
        )
        # aiohttp sends a PUT or DELETE a second time by itself when a kept connection turns out closed. Whether
        # anything may go out twice is decided above, with the journal in hand.
        session._retry_connection = False  # noqa: SLF001  (there is no public switch)
        self._session = session
        return session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def web_address(text: str, *, encoded: bool = True) -> URL | None:
    """None if it is not one that can be called. `encoded`: it is good as it is written, and not to be written anew."""
    try:
        address = URL(text, encoded=encoded)
        usable = address.scheme in {"http", "https"} and bool(address.host) and bool(address.port)
    except ValueError:
        return None
    return address if usable else None


def _address(url: str) -> URL:
    address = web_address(url)
    if address is None:
        raise Rejected("The CRM's address is not one that can be called: check the target's `url`.")
    return address


def checked_header(name: str, value: str) -> str:
    """The value, if it can stand in a header.

    Raises:
        Rejected: it holds a control character (a line break at the end of a key read from a file, most often).
    """
    if not value.isprintable() and _CONTROL.search(value):
        raise Rejected(
            f"The header {name} would hold a line break or control character; if it carries the target's token, "
            "check that the token was pasted without a line break."
        )
    return value


@functools.cache
def trust() -> ssl.SSLContext:
    """Whom we believe, one for all targets: reading the certificates takes 30 ms and a megabyte each time."""
    context = ssl.create_default_context()
    # not left to the machine: what OpenSSL takes by itself differs from one distribution to the next
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    return context


def _failure(error: Exception) -> NotSent | NoAnswer:
    # When in doubt, it may have been sent.
    if isinstance(error, _NOTHING_SENT):
        return _not_sent(error)
    if isinstance(error.__cause__, ContentEncodingError):
        return NoAnswer("The CRM's answer is compressed in a way that cannot be read.")
    return NoAnswer("The connection to the CRM broke before its answer was complete.")


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
