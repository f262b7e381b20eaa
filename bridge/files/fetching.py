"""Fetches a file from an address that a chat service gave: once, from the internet only, and no more of it than allowed.

The address comes out of what strangers sent, so it is trusted with nothing. Each connection, of a redirect too, is made to
an address that was looked at in the moment of connecting, whatever its name stood for before. No cookie, key or referrer goes
along. Compressed answers are refused unread: a few bytes could become gigabytes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from bridge.errors import FileAddressRefused, FileTooLarge, FileTypeRefused, FileUnreachable
from bridge.files.kinds import MIB, UNNAMED, Limits, kind_of, safe_name
from bridge.networks import is_in, is_public
from bridge.transport import CONNECT_TIMEOUT, trust, web_address
from bridge.transport.private import address_was_refused, sockets_to

REDIRECTS = 3
#: tries where the other side stumbles
TRIES = 2
_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "chat2crm"}
_MOVED = frozenset({
    HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.SEE_OTHER, HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fetched:
    name: str
    #: by its bytes, never as the server called it
    type: str
    data: bytes = field(repr=False)


class Fetcher:
    """Keeps nothing between two files. `resolver` gives names their addresses in the place of the system's."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver

    async def fetch(self, url: str, limits: Limits, *, name: str = "", declared: str = "") -> Fetched:
        """The file. `name` and `declared` are what the chat service calls it and its type.

        Raises:
            FileAddressRefused: it lies, or leads, where nothing may be fetched from.
            FileTooLarge: no more than the allowed bytes were read of it.
            FileTypeRefused: what came is of another kind, compressed, or empty.
            FileUnreachable: it did not come, or not in time.
        """
        stumbled: FileUnreachable | None = None
        for _ in range(TRIES):
            try:
                return await self._once(_address(url), limits, name, declared)
            except FileUnreachable as error:
                if not error.passing:
                    raise
                stumbled = error
        raise stumbled or FileUnreachable

    async def _once(self, url: URL, limits: Limits, name: str, declared: str) -> Fetched:
        try:
            async with asyncio.timeout(limits.within), self._session(limits) as session:
                data, said, at = await self._followed(session, url, limits)
        except TimeoutError as error:
            raise _unreachable(f"The file did not come within {limits.within:g} s.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if address_was_refused(error):
                raise FileAddressRefused(
                    "The file lies in a private network, or its address leads into one. If the network is yours, name it under "
                    "`files: {private}`."
                ) from error
            raise _unreachable("No connection to where the file lies, or it broke.", passing=True) from error
        named = name or at.name or UNNAMED
        kind = kind_of(data, named, said or declared)
        if kind is None or kind.group not in limits.groups:
            what = f"It is {kind.type}" if kind else "What it is cannot be told, or it is a page or a program"
            raise FileTypeRefused(f"{what}; copied are: {', '.join(limits.groups)}.")
        return Fetched(safe_name(named, kind), kind.type, data)

    async def _followed(self, session: aiohttp.ClientSession, url: URL, limits: Limits) -> tuple[bytes, str, URL]:
        for _ in range(REDIRECTS + 1):
            async with session.get(url, allow_redirects=False) as answer:
                if answer.status not in _MOVED:
                    return await _read(answer, limits.most), answer.content_type, url
                url = _next(url, answer.headers.get("Location", ""))
        raise _unreachable(f"Its address leads on more than {REDIRECTS} times.")

    def _session(self, limits: Limits) -> aiohttp.ClientSession:
        checked = sockets_to(lambda address: is_public(address) or is_in(address, limits.private))
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=trust(), force_close=True, socket_factory=checked, resolver=self._resolver, use_dns_cache=False
            ),
            cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=limits.within),
        )  # fmt: skip


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    if answer.status != HTTPStatus.OK:
        gone = "; the link may have run out" if answer.status in {401, 403, 404, 410} else ""
        passing = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS
        raise _unreachable(f"Where it lies, {answer.status} was answered{gone}.", passing=passing)
    if answer.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise FileTypeRefused("It was sent compressed although that was not asked for, so it was not unpacked.")
    if (answer.content_length or 0) > most:
        raise _too_large(most)
    data = bytearray()
    async for chunk in answer.content.iter_any():
        data += chunk
        if len(data) > most:
            raise _too_large(most)
    return bytes(data)


def _address(text: str) -> URL:
    # A signed address is good as it is written only; one in other letters still has to be put into those of an address.
    url = web_address(text, encoded=text.isascii() and not any(map(str.isspace, text)))
    if url is None or url.user or url.password:
        raise FileAddressRefused("The file's address is no web address (http or https, without a name and a password in it).")
    return url


def _next(url: URL, location: str) -> URL:
    try:
        following = url.join(URL(location, encoded=location.isascii()))
    except ValueError:
        following = URL()
    if not location:
        raise _unreachable("Its address leads on to nowhere.")
    if url.scheme == "https" and following.scheme != "https":
        raise FileAddressRefused("Its address leads on to one without TLS.")
    return _address(str(following))


def _too_large(most: int) -> FileTooLarge:
    return FileTooLarge(f"It is larger than {most / MIB:.3g} MiB.")


def _unreachable(message: str, *, passing: bool = False) -> FileUnreachable:
    error = FileUnreachable(message)
    error.passing = passing
    return error
